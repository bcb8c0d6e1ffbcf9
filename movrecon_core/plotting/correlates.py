"""Panels of what goes with good reconstructions."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from movrecon_core.plotting.style import COLOURS, mouse_colours


def plot_correlate(axes: Axes, table: pd.DataFrame, x: str, y: str, label: str, result: Mapping[str, float]) -> None:
    """One measure of each movie against another, mice in colours, with the line of least squares.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, `x`, `y`.
    x, y
        Names of columns.
    label
        Of `x`, with its unit.
    result
        ``r``, ``slope``, ``intercept`` over all movies, and both corrected p, ``p_bonferroni`` and
        ``p_within_bonferroni``.
    """
    for mouse, colour in mouse_colours(list(table["mouse"].unique())).items():
        rows = table[table["mouse"] == mouse]
        axes.plot(rows[x], rows[y], "o", color=colour, ms=2.5, alpha=0.8, label=mouse)
    ends = np.array([table[x].min(), table[x].max()])
    if np.isfinite(result["slope"]):
        axes.plot(ends, result["intercept"] + result["slope"] * ends, "-", color=COLOURS["truth"], lw=0.9)
    axes.set(xlabel=label)
    axes.set_title(
        f"r = {result['r']:.2f}, p = {result['p_bonferroni']:.2g}\nwithin mice p = {result['p_within_bonferroni']:.2g}"
    )


def plot_lags(axes: Axes, table: pd.DataFrame) -> None:
    """Correlation at every lag: each mouse dashed, the mean over mice solid.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``trial``, ``lag`` in seconds, ``correlation``.
    """
    mice = table.groupby(["mouse", "lag"], sort=False)["correlation"].mean().unstack("lag")
    for mouse, colour in mouse_colours(list(mice.index)).items():
        axes.plot(mice.columns, mice.loc[mouse], "--", color=colour, lw=0.7, label=mouse)
    axes.plot(mice.columns, mice.mean(), "-", color=COLOURS["truth"], lw=1.4, label=f"mean of {len(mice)} mice")
    axes.axvline(0, color="0.7", lw=0.5, zorder=0)
    axes.axhline(0, color="0.7", lw=0.5, zorder=0)
    axes.set(xlabel="lag of the frame after the responses (s)", ylabel="correlation over time\n(Pearson's r)")


def plot_moments(axes: Axes, table: pd.DataFrame, summary: pd.DataFrame) -> None:
    """Correlation over time of each feature with frame correlation: mice, and their mean with its interval.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``trial``, ``feature``, ``correlation``.
    summary
        Columns ``feature``, ``mean``, ``low``, ``high``.
    """
    features = [feature for feature in table["feature"].unique() if feature in set(summary["feature"])]
    mice = list(table["mouse"].unique())
    means = table.groupby(["feature", "mouse"], sort=False)["correlation"].mean()
    for i, (mouse, colour) in enumerate(mouse_colours(mice).items()):
        side = 0.3 * (i + 1) / (len(mice) + 1)
        places = [place + side for place in range(len(features))]
        axes.plot(places, [means[feature, mouse] for feature in features], "o", color=colour, ms=2.5, label=mouse)
    rows = summary.set_index("feature").loc[features]
    errors = [rows["mean"] - rows["low"], rows["high"] - rows["mean"]]
    axes.errorbar(range(len(features)), rows["mean"], errors, fmt="s", color=COLOURS["truth"], ms=3, capsize=2, lw=1)
    axes.axhline(0, color="0.7", lw=0.5, zorder=0)
    axes.set_xticks(range(len(features)), features, rotation=25, ha="right")
    axes.set(ylabel="correlation over time\nwith frame correlation (r)", xlim=(-0.5, len(features) - 0.3))
