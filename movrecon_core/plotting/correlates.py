"""Panels of what goes with good reconstructions."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from movrecon_core.plotting.mice import count_title, error_bars, movies_title
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

DRAWN = 1000
"""Lines from which the drawn band is taken."""

Results = Mapping[str, Mapping[str, float]]


def plot_features(grid: Sequence[Sequence[Axes]], table: pd.DataFrame, results: Results) -> None:
    """The quality of each movie against each of its features, mice in colours, with the line of least squares.

    The band is the line's 95 % interval from a bootstrap over mice and then their movies.

    Parameters
    ----------
    grid
        Rows of axes, one for each feature.
    table
        Columns ``mouse``, ``feature``, ``value``, ``mean frame correlation``.
    results
        Feature → ``r`` over all movies, which is NaN where there is no line, ``r_within``, and both corrected p,
        ``p_bonferroni`` and ``p_within_bonferroni``.
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
    colours = mouse_colours(list(table["mouse"].unique()))
    if len(known):  # behaviour that was not recorded has no points
        dots: dict[str, Any] = {"s": 7, "linewidth": 0, "alpha": 0.8, "legend": False}
        sns.scatterplot(known, x=x, y=QUALITY, hue="mouse", palette=colours, ax=axes, **dots)
    for mouse, colour in colours.items():
        axes.plot([], [], "o", color=colour, ms=2.5, label=mouse)
    if np.isfinite(result["r"]):
        line: dict[str, Any] = {"color": COLOURS["truth"], "line_kws": {"lw": 0.9}, "n_boot": DRAWN, "seed": 0}
        sns.regplot(known, x=x, y=QUALITY, units="mouse", scatter=False, ax=axes, **line)
    # Of few movies the band is far wider than what was found.
    low, high = table[QUALITY].min(), table[QUALITY].max()
    axes.set(xlabel=label, ylabel=f"{QUALITY} (r)", ylim=(low - 0.2 * (high - low), high + 0.2 * (high - low)))
    axes.set_title(
        f"n = {len(known)} movies: r = {_number(result['r'])}, p = {_number(result['p_bonferroni'])}\n"
        f"within mice: r = {_number(result['r_within'])}, p = {_number(result['p_within_bonferroni'])}"
    )


def _number(value: float) -> str:
    if np.isnan(value):
        return "–"
    return (f"{value:.2f}" if abs(value) >= 0.01 else f"{value:.1g}").replace("-", "−")


def plot_lags(axes: Axes, table: pd.DataFrame) -> None:
    """Correlation at every lag: each mouse dashed, the mean over movies solid.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``trial``, ``lag`` in seconds, ``correlation``.
    """
    mice, movies = list(table["mouse"].unique()), len(table[["mouse", "trial"]].drop_duplicates())
    lines: dict[str, Any] = {"x": "lag", "y": "correlation", "errorbar": None, "legend": False, "ax": axes}
    sns.lineplot(table, hue="mouse", palette=mouse_colours(mice), lw=0.7, ls="--", **lines)
    sns.lineplot(table, color=COLOURS["truth"], lw=1.4, **lines)
    axes.axvline(0, color="0.7", lw=0.5, zorder=0)
    axes.axhline(0, color="0.7", lw=0.5, zorder=0)
    axes.set(xlabel="lag of the frame after the responses (s)", ylabel="correlation over time\n(Pearson's r)")
    axes.set_title(count_title(movies, len(mice)))


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
    means = table.groupby(["feature", "mouse"], sort=False)["correlation"].mean().reset_index()
    style: dict[str, Any] = {"hue": "mouse", "palette": mouse_colours(mice), "size": 3, "dodge": True}
    sns.stripplot(means, x="feature", y="correlation", order=features, jitter=False, legend=False, **style, ax=axes)
    rows = summary.set_index("feature").loc[features]
    errors = error_bars(rows["mean"], rows["low"], rows["high"])
    axes.errorbar(range(len(features)), rows["mean"], errors, fmt="s", color=COLOURS["truth"], ms=3, capsize=2, lw=1)
    axes.axhline(0, color="0.7", lw=0.5, zorder=0)
    axes.set_xticks(range(len(features)), features)
    axes.set(xlabel="", ylabel="correlation over time\nwith frame correlation (r)", xlim=(-0.5, len(features) - 0.3))
    axes.set_title(movies_title(table.dropna(subset=["correlation"])))
