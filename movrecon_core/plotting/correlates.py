"""Panels of what goes with good reconstructions."""

from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from movrecon_core.plotting.style import COLOURS, mouse_colours

FEATURE_LABELS = {
    "contrast": "contrast (s.d., grey levels)",
    "luminance": "luminance (grey levels)",
    "motion energy": "motion energy (grey levels/frame)",
    "running speed": "running speed (a.u.)",
    "pupil dilation": "pupil dilation (a.u.)",
    "eye movement": "eye movement (a.u./frame)",
}
QUALITY, PREDICTABILITY = "mean frame correlation", "response correlation"

Results = Mapping[str, Mapping[str, float]]


def plot_features(grid: Sequence[Sequence[Axes]], table: pd.DataFrame, results: Results) -> None:
    """The quality of each movie against each of its features, mice in colours, with the line of least squares.

    Parameters
    ----------
    grid
        Rows of axes, one for each feature.
    table
        Columns ``mouse``, ``feature``, ``value``, ``mean frame correlation``.
    results
        Feature → ``r``, ``slope``, ``intercept`` over all movies, and both corrected p, ``p_bonferroni`` and
        ``p_within_bonferroni``.
    """
    for axes, (feature, rows) in zip(chain.from_iterable(grid), table.groupby("feature", sort=False), strict=True):
        _scatter(axes, rows, "value", FEATURE_LABELS[str(feature)], results[str(feature)])
    for axes in chain.from_iterable(row[1:] for row in grid):
        axes.set_ylabel("")
    marks, names = grid[0][0].get_legend_handles_labels()
    grid[0][0].figure.legend(marks, names, loc="outside lower center", ncols=len(names), handletextpad=0.1)


def plot_predictability(axes: Axes, table: pd.DataFrame, results: Results) -> None:
    """The quality of each movie against the correlation of its recorded and predicted responses.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``response correlation``, ``mean frame correlation``.
    results
        As in `plot_features`, for ``response correlation``.
    """
    _scatter(axes, table, PREDICTABILITY, f"{PREDICTABILITY} (r)", results[PREDICTABILITY])


def _scatter(axes: Axes, table: pd.DataFrame, x: str, label: str, result: Mapping[str, float]) -> None:
    known = table.dropna(subset=[x])
    for mouse, colour in mouse_colours(list(table["mouse"].unique())).items():
        rows = known[known["mouse"] == mouse]
        axes.plot(rows[x], rows[QUALITY], "o", color=colour, ms=2.5, alpha=0.8, label=mouse)
    if np.isfinite(result["slope"]):
        ends = np.array([table[x].min(), table[x].max()])
        axes.plot(ends, result["intercept"] + result["slope"] * ends, "-", color=COLOURS["truth"], lw=0.9)
    axes.set(xlabel=label, ylabel=f"{QUALITY} (r)")
    axes.set_title(
        f"n = {len(known)} movies: r = {_number(result['r'])}, p = {_number(result['p_bonferroni'])}\n"
        f"within mice: r = {_number(result['r_within'])}, p = {_number(result['p_within_bonferroni'])}"
    )


def _number(value: float) -> str:
    if np.isnan(value):
        return "–"
    return (f"{value:.2f}" if abs(value) >= 0.01 else f"{value:.1g}").replace("-", "−")


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
    axes.set_title(f"n = {table[['mouse', 'trial']].drop_duplicates().shape[0]} movies, {len(mice)} mice")


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
    axes.set_xticks(range(len(features)), features)
    axes.set(ylabel="correlation over time\nwith frame correlation (r)", xlim=(-0.5, len(features) - 0.3))
    axes.set_title(f"n = {len(table) // len(features)} movies, {len(mice)} mice")
