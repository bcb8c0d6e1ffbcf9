"""The numbers that a figure states, each once: the article's value, this run's with its interval, how many movies."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Literal
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from pandas.io.formats.style import Styler

from movrecon_core.analysis import Comparison, by_mouse, compare_conditions, confidence_interval, hierarchical_bootstrap

Kind = Literal["correlation", "mean", "p", "percent", "count", "statistic", "degrees", "minutes", "bits", "grey levels"]
NAN = float("nan")


@dataclass(frozen=True)
class Estimate:
    """A mean over movies and how certain it is.

    Attributes
    ----------
    mean
        Over movies, as in the article.
    low, high
        95 % interval of a bootstrap over mice and then their movies, in which every mouse counts alike; NaN for one
        movie.
    low_t, high_t
        95 % interval of Student's t over movies, as if they were independent (article); NaN for one movie.
    n, mice
        How many movies, of how many mice.
    """

    mean: float
    low: float
    high: float
    low_t: float
    high_t: float
    n: int
    mice: int


def estimate(values: ArrayLike, mice: ArrayLike, seed: int) -> Estimate:
    """Mean over movies with both intervals.

    Parameters
    ----------
    values
        (movies,), one number a movie.
    mice
        (movies,), which mouse each movie belongs to.
    seed
        Of the bootstrap, the profile's.

    Examples
    --------
    >>> found = estimate([0.1, 0.3, 0.5, 0.7], ["a", "a", "b", "b"], seed=0)
    >>> round(found.mean, 3), round(found.low, 3), round(found.high, 3), found.n, found.mice
    (0.4, 0.15, 0.65, 4, 2)
    """
    student = confidence_interval(np.asarray(values, dtype=np.float64))
    groups = by_mouse(values, mice)
    nested = hierarchical_bootstrap(groups, seed)
    return Estimate(student.mean, nested.low, nested.high, student.low, student.high, student.n, len(groups))


@dataclass(frozen=True)
class Row:
    """One number of a figure.

    Attributes
    ----------
    figure
        Of the article, such as ``1–S2``; ``data`` for the recordings.
    quantity
        What it is.
    kind
        Of the number: the summary draws correlations alone; a ``mean`` is one over rows of its own figure.
    published, ours
        The article's value and this run's; NaN where there is none.
    low, high, low_t, high_t
        95 % intervals, as in `Estimate`.
    n
        Movies, or what the note says.
    stimulus
        Of a grid of stimuli, the one; else empty.
    note
        Why a number is missing, or what differs from the article.
    """

    figure: str
    quantity: str
    kind: Kind
    published: float = NAN
    ours: float = NAN
    low: float = NAN
    high: float = NAN
    low_t: float = NAN
    high_t: float = NAN
    n: int | None = None
    stimulus: str = ""
    note: str = ""


def mean_row(
    figure: str,
    quantity: str,
    published: float,
    values: ArrayLike,
    mice: ArrayLike,
    seed: int,
    *,
    kind: Kind = "correlation",
    stimulus: str = "",
    note: str = "",
) -> Row:
    """A mean over movies."""
    found = estimate(values, mice, seed)
    spread = {"low": found.low, "high": found.high, "low_t": found.low_t, "high_t": found.high_t}
    return Row(figure, quantity, kind, published, found.mean, **spread, n=found.n, stimulus=stimulus, note=note)


def change_row(figure: str, quantity: str, published: float, compared: Comparison, note: str = "") -> Row:
    """How much larger the second of two conditions is, in percent of the first."""
    return Row(figure, quantity, "percent", published, compared.change_percent, n=compared.movies, note=note)


def p_row(figure: str, quantity: str, published: float, compared: Comparison) -> Row:
    """P of a paired t-test over mice."""
    if compared.test is None:
        return Row(figure, quantity, "p", published, note="left out: one mouse")
    return Row(figure, quantity, "p", published, compared.test.p, n=compared.mice, note="paired t-test, n: mice")


def anova_rows(figure: str, quantity: str, p: float, f: float, test: pd.Series) -> list[Row]:
    """F and p of a repeated-measures ANOVA over mice, the first row of `LevelStatistics.tests`."""
    note = f"left out: {test['left_out']}" if test["left_out"] else "repeated-measures ANOVA, n: mice"
    values: tuple[tuple[Kind, str, float, float], ...] = (
        ("statistic", f"{quantity}, F", f, float(test["value"])),
        ("p", f"{quantity}, p", p, float(test["p"])),
    )
    return [
        Row(figure, name, kind, theirs, ours, n=int(test["mice"]), note=note) for kind, name, theirs, ours in values
    ]


def compared(table: pd.DataFrame, column: str, measure: str, first: object, second: object, seed: int) -> Comparison:
    """Two conditions on the movies that both have.

    Parameters
    ----------
    table
        Columns ``mouse``, ``trial``, `column` and `measure`; one row a movie and condition.
    column
        Name of the column of conditions.
    measure
        Name of the column of values.
    first, second
        The two conditions.
    seed
        Of the bootstrap.
    """
    wide = table.pivot(index=["mouse", "trial"], columns=column, values=measure)
    both = wide[[first, second]].dropna()
    return compare_conditions(both[first], both[second], both.index.get_level_values("mouse").to_numpy(), seed)


def rows_table(rows: Iterable[Row]) -> pd.DataFrame:
    """Rows as a table, one column a field of `Row`."""
    table = pd.DataFrame([asdict(row) for row in rows], columns=[field.name for field in fields(Row)])
    return table.astype({"n": float})


def beside_published(numbers: pd.DataFrame) -> Styler:
    """Numbers to be read: the article's beside this run's, – where there is none.

    Parameters
    ----------
    numbers
        As `rows_table` makes them.

    Examples
    --------
    >>> numbers = rows_table([Row("2", "video correlation", "correlation", 0.569, 0.4321, 0.4, 0.5, n=8)])
    >>> beside_published(numbers).data.reset_index().iloc[0].tolist()
    ['2', 'video correlation', '0.569', '0.432', '0.4 to 0.5', '8', '']
    """
    names = numbers["quantity"] + np.where(numbers["stimulus"] == "", "", ", " + numbers["stimulus"])
    ends = [
        f"{_shown(low)} to {_shown(high)}" if np.isfinite(low) else ""
        for low, high in zip(numbers["low"], numbers["high"], strict=True)
    ]
    columns = {
        "figure": numbers["figure"],
        "quantity": names,
        "published": numbers["published"].map(_shown),
        "this run": numbers["ours"].map(_shown),
        "95 %": ends,
        "n": numbers["n"].map(lambda n: f"{n:.0f}" if np.isfinite(n) else ""),
        "note": numbers["note"],
    }
    return _whole(pd.DataFrame(columns).set_index(["figure", "quantity"]))


def readable(table: pd.DataFrame) -> Styler:
    """A table to be read: numbers with three digits that count, – where a number is missing."""
    return _whole(table.map(lambda value: _shown(value) if isinstance(value, float) else value))


def _whole(table: pd.DataFrame) -> Styler:
    """A table that is shown with all its rows and words, under the same name in every run."""
    name = f"{crc32(table.to_csv().encode()):08x}"
    return Styler(table, cell_ids=False, uuid=name, table_attributes='class="dataframe"')


def _shown(value: float) -> str:
    if np.isnan(value):
        return "–"
    return f"{value:.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.3g}"
