"""This run's mice among the article's ten real ones: every statistic that is public of those, and selectivity."""

from collections.abc import Iterator

import pandas as pd

from movrecon_core.analysis.real_mice import STATISTICS, distance, real_mice, real_selectivity
from movrecon_core.figures.rows import Row
from movrecon_core.study.study import Study

SELECTIVE = {"gabor_orientation": "orientation", "gabor_direction": "direction"}
FARTHEST = 0.15
"""Kolmogorov-Smirnov distance from each real mouse that is still near (chosen)."""


def beside_real_mice(study: Study) -> pd.DataFrame:
    """Every statistic of the real mice and of this run's.

    Returns
    -------
    DataFrame
        ``statistic``, ``mouse``, ``real``, ``value``, ``low`` and ``high`` (range of the real mice), ``inside``,
        ``chosen`` (a size that a simulation chooses). What a recording lacks is NaN, and not inside.
    """
    real = real_mice()
    tables = []
    ours = {study.label(mouse): study.result("physiology", mouse) for mouse in study.reconstructed_mice}
    for name, statistic in STATISTICS.items():
        found = [float(dataset["known"][dataset.attrs["statistics"].index(name)]) for dataset in ours.values()]
        table = pd.DataFrame(
            {
                "statistic": statistic.label,
                "mouse": [*real.index, *ours],
                "real": [True] * len(real) + [False] * len(ours),
                "value": [*real[name].astype(float), *found],
                "low": float(real[name].min()),
                "high": float(real[name].max()),
                "chosen": statistic.chosen,
            }
        )
        digits = table["value"].round(4)  # as the table of the real mice gives them
        tables.append(table.assign(inside=digits.between(table["low"], table["high"])))
    return pd.concat(tables, ignore_index=True)


def selectivity_beside_real_mice(study: Study) -> pd.DataFrame:
    """Kolmogorov-Smirnov distance of selectivity from each of the three real mice that saw drifting Gabors.

    Returns
    -------
    DataFrame
        ``mouse``, ``real mouse``, ``kind`` (``orientation``, ``direction``), ``distance``; NaN for real recordings.
    """
    quantiles = real_selectivity()
    return pd.DataFrame(
        [
            (study.label(mouse), real, kind, distance(study.result("physiology", mouse)[name].values, values))
            for mouse in study.reconstructed_mice
            for name, kind in SELECTIVE.items()
            for real, values in quantiles.xs(kind, axis=1, level="kind").items()
        ],
        columns=["mouse", "real mouse", "kind", "distance"],
    )


def rows(beside: pd.DataFrame, selective: pd.DataFrame) -> Iterator[Row]:
    """Mean over this run's mice of every statistic, beside the mean over the real ones and their range.

    Parameters
    ----------
    beside
        Of `beside_real_mice`.
    selective
        Of `selectivity_beside_real_mice`.
    """
    for statistic, table in beside.groupby("statistic", sort=False):
        real, ours = table[table["real"]], table[~table["real"]]
        low, high = real["low"].iloc[0], real["high"].iloc[0]
        known = ours[ours["value"].notna()]
        note = f"{known['inside'].sum()} of {len(known)} mice inside {low:.4g} to {high:.4g}, the ten real mice"
        note = note if len(known) else f"not recorded; the ten real mice: {low:.4g} to {high:.4g}"
        note += " (a size that is chosen)" if ours["chosen"].any() else ""
        means = real["value"].mean(), known["value"].mean()
        yield Row("data", str(statistic), "statistic", *means, n=len(known), note=note)
    for kind, table in selective.groupby("kind", sort=False):
        note = "largest distance of a mouse from one of three real ones; published: between those"
        name, largest = f"{kind} selectivity, Kolmogorov-Smirnov distance", table["distance"].max()
        yield Row("data", name, "statistic", _between(str(kind)), largest, n=table["mouse"].nunique(), note=note)


def _between(kind: str) -> float:
    """Largest distance between two of the real mice."""
    quantiles = real_selectivity().xs(kind, axis=1, level="kind")
    return max(
        distance(quantiles[a].to_numpy(), quantiles[b].to_numpy())
        for i, a in enumerate(quantiles)
        for b in list(quantiles)[:i]
    )
