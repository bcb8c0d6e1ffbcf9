"""Panels of stimuli that vary in two ways: frames and numbers, one cell a combination."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from movrecon_core.plotting.images import image_of, show_frame
from movrecon_core.plotting.style import COLOURS, mouse_colours

AXIS_LABELS = {
    "length": "length constant (px, degrees)",
    "duration": "time constant (frames, ms)",
    "spatial_frequency": "spatial frequency (cycles/px, /degree)",
    "temporal_frequency": "temporal frequency (Hz)",
}
DEGREES_PER_PIXEL = 3.38  # article, Discussion and Methods: at the centre of the screen
FRAME_MILLISECONDS = 1000 / 30


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
    drawn = axes.imshow(values.to_numpy(), vmin=limits[0], vmax=limits[1], cmap=cmap, aspect="auto")
    beside = table.set_index([row, column])["beside"] if "beside" in table else pd.Series(dtype=float)
    for i, down in enumerate(values.index):
        for j, across in enumerate(values.columns):
            colour = _legible(cmap, (values.iloc[i, j] - limits[0]) / (limits[1] - limits[0]))
            other = beside.get((down, across), np.nan)
            above = 0.0 if np.isnan(other) else -0.17
            axes.text(j, i + above, _digits(values.iloc[i, j]), ha="center", va="center", color=colour, fontsize=5.5)
            if not np.isnan(other):
                below = axes.text(j, i + 0.22, _digits(other), ha="center", va="center", color=colour, fontsize=5)
                below.set_fontstyle("italic")
    axes.set_xticks(range(values.shape[1]), [tick_label(column, c) for c in values.columns], fontsize=5)
    axes.set_yticks(range(values.shape[0]), [tick_label(row, r) for r in values.index], fontsize=5)
    axes.tick_params(length=0)
    axes.set(xlabel=AXIS_LABELS[column], ylabel=AXIS_LABELS[row].replace(" (", "\n("))
    axes.figure.colorbar(drawn, ax=axes, label=label, fraction=0.05, pad=0.02)


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
    places = {level: place for place, level in enumerate(levels)}
    mice = list(table["mouse"].unique())
    for mouse, colour in mouse_colours(mice).items():
        rows = table[table["mouse"] == mouse].groupby(along)["value"].mean().reindex(levels)
        axes.plot(list(places.values()), rows, "o--", color=colour, lw=0.7, ms=2.5, label=mouse)
    mean = table.groupby(["mouse", along])["value"].mean().groupby(along).mean().reindex(levels)
    axes.plot(
        list(places.values()),
        mean,
        "-",
        color=COLOURS["reconstructed"],
        lw=1.8,
        label=f"mean, n = {len(mice)} {'mouse' if len(mice) == 1 else 'mice'}",
    )
    theirs = table.groupby(along)["beside"].mean().reindex(levels)
    if theirs.notna().any():
        axes.plot(list(places.values()), theirs, "s:", color=COLOURS["published"], ms=3, lw=1, label="article")
    axes.axhline(0, color="0.7", lw=0.5, zorder=0)
    axes.set_xticks(list(places.values()), [tick_label(along, level) for level in levels], fontsize=5)
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
    for mouse, colour in mouse_colours(list(table["mouse"].unique())).items():
        rows = table[table["mouse"] == mouse].set_index("reading")["value"].reindex(readings)
        axes.plot(range(len(readings)), rows, "o--", color=colour, lw=0.7, ms=2.5, label=mouse)
    mean = table.groupby("reading", sort=False)["value"].mean().reindex(readings)
    axes.plot(range(len(readings)), mean, "_", color=COLOURS["reconstructed"], ms=16, mew=2, label="mean")
    axes.set(ylabel=label, xlim=(-0.5, len(readings) - 0.5))
    names = [f"{reading}, {mean[reading]:.3f}".replace(", ", "\n") for reading in readings]
    axes.set_xticks(range(len(readings)), names, fontsize=5)
    axes.legend(ncols=len(axes.lines), loc="lower left", bbox_to_anchor=(0, 1), columnspacing=0.8)


def tick_label(name: str, value: float) -> str:
    """A value of a stimulus in its unit and, below, in the observer's."""
    if name == "length":
        return f"{value:g}\n{value * DEGREES_PER_PIXEL:.1f}°"
    if name == "duration":
        return f"{value:g}\n{value * FRAME_MILLISECONDS:.0f} ms"
    if name == "spatial_frequency":
        return f"{value:g}\n{value / DEGREES_PER_PIXEL:.3f}"
    return f"{value:.3g}"


def _around(pixels: pd.Series) -> tuple[float, float]:
    """Limits of an axis that hold these pixels."""
    return float(pixels.min()) - 1.0, float(pixels.max()) + 1.0


def _falls(name: str) -> bool:
    """Frequencies fall along an axis, as in the article, and constants rise."""
    return name.endswith("frequency")


def _digits(value: float) -> str:
    digits = 2 if abs(value) < 10 else 1
    return f"{round(value, digits) + 0:.{digits}f}"  # + 0: no −0.00


def _legible(cmap: str, share: float) -> str:
    red, green, blue, _ = colormaps[cmap](share)
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else "black"
