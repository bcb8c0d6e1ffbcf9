"""Tables of conditions compared on the same movies, with the tests of the article and those for nested movies."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from movrecon_core.analysis import bonferroni, compare_conditions

COLUMNS = [
    "measure",
    "from",
    "to",
    "mean_from",
    "mean_to",
    "change_percent",
    "difference",
    "low",
    "high",
    "effect_size",
    "t",
    "p",
    "p_bonferroni",
    "mice",
    "movies",
    "left_out",
]
T_TEST_LEFT_OUT = "paired t-test: it needs two mice"


def comparison_table(
    table: pd.DataFrame, condition: str, measures: Sequence[str], pairs: Sequence[tuple[str, str]], seed: int
) -> pd.DataFrame:
    """Compare pairs of conditions on the movies that both have.

    Parameters
    ----------
    table
        Columns ``mouse``, ``trial``, `condition` and the measures.
    condition
        Name of the column of conditions.
    measures
        Names of the columns that are compared.
    pairs
        Conditions from which and to which a change is stated; pairs that the table lacks are left out.
    seed
        Of the bootstrap.

    Returns
    -------
    DataFrame
        ``measure``, ``from``, ``to``, their means over mice, ``change_percent``; ``difference`` with ``low`` and
        ``high``, the 95 % interval of a bootstrap over mice and then their movies; ``effect_size`` (Cohen's d of paired
        samples, over mice), ``t`` and ``p`` of a paired t-test over mice, ``p_bonferroni`` for the pairs of one
        measure; ``mice``, ``movies``; ``left_out``, the test for which there are too few mice, which is then NaN.

    Examples
    --------
    >>> table = pd.DataFrame({"mouse": ["a", "a", "b", "b"], "trial": 1, "size": [1, 2, 1, 2]})
    >>> found = comparison_table(table.assign(r=[0.2, 0.3, 0.4, 0.6]), "size", ["r"], [(1, 2)], seed=0)
    >>> found[["measure", "change_percent", "mice"]].round(1)
      measure  change_percent  mice
    0       r            50.0     2
    """
    rows = []
    for measure in measures:
        wide = table.pivot(index=["mouse", "trial"], columns=condition, values=measure)
        found = []
        for first, second in pairs:
            if first not in wide or second not in wide:
                continue
            both = wide[[first, second]].dropna()
            if both.empty:
                continue
            mice = both.index.get_level_values("mouse").to_numpy()
            result = compare_conditions(both[first], both[second], mice, seed)
            interval = result.difference
            test = (result.test.t, result.test.p) if result.test else (np.nan, np.nan)
            means = (result.first, result.second, result.change_percent, interval.mean, interval.low, interval.high)
            names = (measure.replace("_", " "), first, second)
            left_out = "" if result.test else T_TEST_LEFT_OUT
            found.append([*names, *means, result.effect_size, *test, np.nan, result.mice, result.movies, left_out])
        frame = pd.DataFrame(found, columns=COLUMNS)
        tested = frame["p"].notna()
        frame.loc[tested, "p_bonferroni"] = bonferroni(frame.loc[tested, "p"])
        rows.append(frame)
    return pd.concat(rows, ignore_index=True)
