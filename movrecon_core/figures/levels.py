"""Statistics of a measure over levels of one factor: ensemble sizes, population sizes, lengths of noise."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from movrecon_core.analysis import mixed_model, repeated_measures_anova
from movrecon_core.figures.comparisons import comparison_table
from movrecon_core.figures.rows import estimate

TESTS = ["test", "statistic", "value", "df", "df_error", "p", "effect", "effect_size", "mice", "movies", "left_out"]


@dataclass(frozen=True)
class LevelStatistics:
    """A measure at every level, and whether it depends on the level.

    Attributes
    ----------
    levels
        One row a level, in the order of the data: `level`, what `Estimate` holds (its ``n`` as ``movies``),
        ``change_percent`` from the first level.
    tests
        One row a test: repeated-measures ANOVA over mice (article), the same with the Greenhouse–Geisser correction,
        and the mixed model. A test for which there are too few mice or movies says so in ``left_out``.
    pairs
        Consecutive levels, and the first with the last, as `comparison_table`; p of a paired t-test over mice,
        Bonferroni-corrected for the consecutive pairs.
    """

    levels: pd.DataFrame
    tests: pd.DataFrame
    pairs: pd.DataFrame


def level_statistics(
    table: pd.DataFrame,
    level: str,
    measure: str = "video_correlation",
    *,
    seed: int,
    movie: str = "trial",
    by: str | None = None,
) -> LevelStatistics:
    """Compare levels on the movies that have all of them.

    Parameters
    ----------
    table
        Columns ``mouse``, `movie`, `level`, `measure`; one row a movie and level.
    level
        Name of the column of levels; they are taken in their order in the table.
    measure
        Name of the column of values.
    seed
        Of the bootstraps.
    movie
        Name of the column that tells the movies of a mouse apart.
    by
        Name of a column of groups that are compared within themselves; it is then the first column of all tables.

    Examples
    --------
    >>> table = pd.DataFrame({"mouse": ["a", "a", "b", "b"], "trial": 1, "size": [1, 2, 1, 2]})
    >>> found = level_statistics(table.assign(video_correlation=[0.2, 0.3, 0.4, 0.6]), "size", seed=0)
    >>> found.levels[["size", "mean", "change_percent"]].round(2).to_dict("list")
    {'size': [1, 2], 'mean': [0.3, 0.45], 'change_percent': [0.0, 50.0]}
    """
    if by is not None:
        parts = {
            name: level_statistics(rows, level, measure, seed=seed, movie=movie)
            for name, rows in table.groupby(by, sort=False)
        }
        return LevelStatistics(
            _joined({name: part.levels for name, part in parts.items()}, by),
            _joined({name: part.tests for name, part in parts.items()}, by),
            _joined({name: part.pairs for name, part in parts.items()}, by),
        )
    wide = _complete(table, level, measure, movie)
    order = list(wide.columns)
    complete = wide.stack().rename(measure).reset_index().rename(columns={movie: "trial"})
    mice = wide.index.get_level_values("mouse").to_numpy()
    return LevelStatistics(
        _levels(wide, mice, seed), _tests(wide, complete, level, measure), _pairs(complete, level, measure, order, seed)
    )


def _joined(parts: Mapping[Any, pd.DataFrame], by: str) -> pd.DataFrame:
    joined = pd.concat(parts, names=[by]).reset_index(level=by)
    return joined.reset_index(drop=True)


def _complete(table: pd.DataFrame, level: str, measure: str, movie: str) -> pd.DataFrame:
    """Movies (rows: mouse, movie) that have all levels (columns, in the table's order)."""
    wide = table.pivot(index=["mouse", movie], columns=level, values=measure)
    return wide[list(table[level].unique())].dropna()


def _levels(wide: pd.DataFrame, mice: np.ndarray, seed: int) -> pd.DataFrame:
    found = pd.DataFrame([{wide.columns.name: name, **asdict(estimate(v, mice, seed))} for name, v in wide.items()])
    found["change_percent"] = 100 * (found["mean"] / found["mean"].iloc[0] - 1)
    return found.rename(columns={"n": "movies"})


def _tests(wide: pd.DataFrame, complete: pd.DataFrame, level: str, measure: str) -> pd.DataFrame:
    means = wide.groupby(level="mouse", sort=False).mean()
    counts = (len(means), len(wide))
    anova_name, corrected_name = "repeated-measures ANOVA", "repeated-measures ANOVA, Greenhouse–Geisser"
    rows: list[tuple[object, ...]] = []
    if min(means.shape) < 2:
        reason = "needs two mice" if len(means) < 2 else "needs two levels"
        nothing = (np.nan,) * 4
        rows += [(name, "F", *nothing, "partial η²", np.nan, *counts, reason) for name in (anova_name, corrected_name)]
    else:
        anova = repeated_measures_anova(means)
        explained = anova.ss_conditions / (anova.ss_conditions + anova.ss_error)
        common = ("partial η²", explained, *counts, "")
        df, error = anova.df_conditions, anova.df_error
        rows.append((anova_name, "F", anova.f, df, error, anova.p, *common))
        corrected = (anova.epsilon * df, anova.epsilon * error, anova.p_greenhouse_geisser)
        rows.append((corrected_name, "F", anova.f, *corrected, *common))
    model = mixed_model(complete[measure], complete[level], complete["mouse"], complete["trial"])
    rows.append(
        (
            "mixed model, movies in mice",
            "χ²",
            model.chi_squared,
            model.df,
            np.nan,
            model.p,
            "",
            np.nan,
            *counts,
            model.left_out,
        )
    )
    return pd.DataFrame(rows, columns=TESTS)


def _pairs(complete: pd.DataFrame, level: str, measure: str, order: list[Any], seed: int) -> pd.DataFrame:
    consecutive = list(pairwise(order))
    parts = [comparison_table(complete, level, [measure], consecutive, seed)]
    if len(consecutive) > 1:
        parts.append(comparison_table(complete, level, [measure], [(order[0], order[-1])], seed))
    return pd.concat(parts, ignore_index=True)
