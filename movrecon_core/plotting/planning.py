"""Panels that plan an experiment."""

import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes

from movrecon_core.plotting.style import COLOURS


def plot_planned(axes: Axes, table: pd.DataFrame, by: str, label: str, wanted: float) -> None:
    """Video correlation against the number of neurons, one curve a value of `by`: mean over movies, and each movie.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``neurons``, ``movie``, ``video_correlation`` and `by`.
    by
        Column that tells the curves apart.
    label
        Of a curve, with ``{}`` for the value.
    wanted
        A video correlation that is marked.
    """
    values = sorted(table[by].unique())
    shades = colormaps["viridis"].resampled(len(values) + 1)
    for place, value in enumerate(values):
        rows = table[table[by] == value]
        mean = rows.groupby("neurons")["video_correlation"].mean()
        axes.plot(rows["neurons"], rows["video_correlation"], "o", color=shades(place), ms=2, alpha=0.5)
        axes.plot(mean.index, mean, "o-", color=shades(place), mfc="white", label=label.format(f"{value:g}"))
    axes.axhline(wanted, color=COLOURS["published"], lw=0.7, ls="--", label=f"wanted: {wanted:g}")
    ticks = sorted(table["neurons"].unique())
    axes.set(xscale="log", xlabel="neurons", ylabel="video correlation (Pearson's r)")
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.legend()
