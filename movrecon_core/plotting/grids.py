"""Panels of stimuli that vary in two ways: frames and numbers, one cell a combination."""

from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from movrecon_core.plotting.images import image_of, show_frame
from movrecon_core.plotting.mice import plot_mean, plot_mice
from movrecon_core.plotting.style import COLOURS
from movrecon_core.recordings import FRAME_RATE

AXIS_LABELS = {
    "length": "length constant (px, degrees)",
    "duration": "time constant (frames, ms)",
    "spatial_frequency": "spatial frequency (cycles/px, /degree)",
    "temporal_frequency": "temporal frequency (Hz)",
}
DEGREES_AT_CENTRE = 3.38  # article, Discussion and Methods; elsewhere rounded to 3.4, as in its Source data
FRAME_MILLISECONDS = 1000 / FRAME_RATE


def plot_stimulus_grid(panel: SubFigure, table: pd.DataFrame, row: str, column: str) -> None:
    """One frame of each stimulus, as far as the mask reaches.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns ``row`` and ``column`` by their names, then ``y``, ``x``, ``grey``; NaN outside the mask.
    row, column
        Names of the columns by which rows and columns of the grid are sorted.
    """
    rows, columns = (sorted(table[name].unique(), reverse=_falls(name)) for name in (row, column))
    gaps = {"wspace": 0.05, "hspace": 0.05}
    grid = panel.subplots(len(rows), len(columns), squeeze=False, gridspec_kw=gaps)
    images = dict(tuple(table.groupby([row, column], sort=False)))
    inside = table.dropna()
    shown = {"xlim": _around(inside["x"]), "ylim": _around(inside["y"])[::-1]}
    for i, down in enumerate(rows):
        for j, across in enumerate(columns):
            show_frame(grid[i, j], image_of(images[down, across][["y", "x", "grey"]]))
            grid[i, j].set(**shown)
        grid[i, 0].set_ylabel(tick_label(row, down), rotation=0, ha="right", va="center", fontsize=5)
    for axes, across in zip(grid[-1], columns, strict=True):
        axes.set_xlabel(tick_label(column, across), fontsize=5)
    panel.supylabel(AXIS_LABELS[row].replace(" (", "\n("), fontsize=6)
    panel.supxlabel(AXIS_LABELS[column], fontsize=6)


def plot_value_grid(
    axes: Axes, table: pd.DataFrame, row: str, column: str, value: str, limits: tuple[float, float], label: str
) -> None:
    """Numbers of each stimulus as colours and digits; a second number, where there is one, in italics below.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``row`` and ``column`` by their names, `value`, and optionally ``beside``: the number in italics.
    row, column
        Names of the columns by which rows and columns of the grid are sorted.
    value
        Name of the column that is drawn.
    limits
        Values at the ends of the colour map; one that is centred at 0 is drawn in two hues.
    label
        Of the colour bar, with its unit.
    """
    values = table.pivot(index=row, columns=column, values=value)
    values = values.sort_index(axis=0, ascending=not _falls(row)).sort_index(axis=1, ascending=not _falls(column))
    cmap = "RdBu_r" if limits[0] == -limits[1] else "viridis"
    texts = values.map(_digits)
    if "beside" in table:
        beside = table.pivot(index=row, columns=column, values="beside").reindex_like(values)
        below = beside.map(lambda value: "" if np.isnan(value) else f"\n$\\it{{{_digits(value)}}}$")
        texts = texts + below
    colours: dict[str, Any] = {"vmin": limits[0], "vmax": limits[1], "cmap": cmap}
    bar = {"label": label, "fraction": 0.05, "pad": 0.02}
    sns.heatmap(values, annot=texts, fmt="", annot_kws={"fontsize": 5.5}, cbar_kws=bar, ax=axes, **colours)
    # As at the other panels' axes: seaborn turns and moves what does not fit.
    axes.set_xticks(np.arange(values.shape[1]) + 0.5, [tick_label(column, c) for c in values.columns], fontsize=5)
    axes.set_yticks(np.arange(values.shape[0]) + 0.5, [tick_label(row, r) for r in values.index], fontsize=5)
    axes.tick_params(length=0, rotation=0)
    axes.set(xlabel=AXIS_LABELS[column], ylabel=AXIS_LABELS[row].replace(" (", "\n("))


def plot_along(axes: Axes, table: pd.DataFrame, along: str, label: str) -> None:
    """A measure along one property of the stimuli, mean over the other: each mouse, their mean, the article's.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, `along`, ``value``, and ``beside``, the article's mean over the same stimuli, or NaN.
    along
        Name of the stimuli's property.
    label
        Of the measure, with its unit.
    """
    levels = sorted(table[along].unique(), reverse=_falls(along))
    places, mice = range(len(levels)), table["mouse"].nunique()
    plot_mice(axes, table, along, "value", levels)
    plot_mean(axes, table, along, "value", levels, f"mean, n = {mice} {'mouse' if mice == 1 else 'mice'}")
    theirs = table.groupby(along)["beside"].mean().reindex(levels)
    if theirs.notna().any():
        axes.plot(places, theirs, "s:", color=COLOURS["published"], ms=3, lw=1, label="article")
    axes.axhline(0, color="0.7", lw=0.5, zorder=0)
    axes.set_xticks(places, [tick_label(along, level) for level in levels], fontsize=5)
    axes.set(xlabel=AXIS_LABELS[along], ylabel=label, xlim=(-0.4, len(levels) - 0.6))
    axes.legend()


def plot_readings(axes: Axes, table: pd.DataFrame, label: str) -> None:
    """The same measure under different readings of the method: each mouse, and their mean.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``reading``, ``value``.
    label
        Of the measure, with its unit.
    """
    readings = list(table["reading"].unique())
    plot_mice(axes, table, "reading", "value", readings)
    mean = table.groupby("reading", sort=False)["value"].mean().reindex(readings)
    axes.plot(range(len(readings)), mean, "_", color=COLOURS["reconstructed"], ms=16, mew=2, label="mean")
    axes.set(ylabel=label, xlim=(-0.5, len(readings) - 0.5))
    names = [f"{reading}, {mean[reading]:.3f}".replace(", ", "\n") for reading in readings]
    axes.set_xticks(range(len(readings)), names, fontsize=5)
    axes.legend(ncols=table["mouse"].nunique() + 1, loc="lower left", bbox_to_anchor=(0, 1), columnspacing=0.8)


def tick_label(name: str, value: float) -> str:
    """A value of a stimulus in its unit and, below, in the observer's."""
    if name == "length":
        return f"{value:g}\n{value * DEGREES_AT_CENTRE:.1f}°"
    if name == "duration":
        return f"{value:g}\n{value * FRAME_MILLISECONDS:.0f} ms"
    if name == "spatial_frequency":
        return f"{value:g}\n{value / DEGREES_AT_CENTRE:.3f}"
    return f"{value:.3g}"


def _around(pixels: pd.Series) -> tuple[float, float]:
    """Limits of an axis that hold these pixels."""
    return float(pixels.min()) - 1.0, float(pixels.max()) + 1.0


def _falls(name: str) -> bool:
    """Frequencies fall along an axis, as in the article, and constants rise."""
    return name.endswith("frequency")


def _digits(value: float) -> str:
    digits = 2 if abs(value) < 10 else 1
    return f"{round(value, digits) + 0:.{digits}f}".replace("-", "−")  # + 0: no −0.00
