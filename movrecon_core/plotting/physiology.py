"""Panels of neurons as a physiologist measures them, and of the movies they saw."""

import math
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from movrecon_core.plotting.style import mouse_colours

MOST, ROOM = 0.95, 1.5
"""Where an axis that a few values would stretch ends: at so many times the value below which such a share lies."""


def plot_curves(axes: Axes, table: pd.DataFrame, logarithmic: bool = False) -> None:
    """Mean curve of each mouse.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``x``, ``y``, and the labels of the axes in ``x_label`` and ``y_label``.
    logarithmic
        Scale of x.
    """
    for mouse, colour in mouse_colours(list(table["mouse"].unique())).items():
        rows = table[table["mouse"] == mouse]
        axes.plot(rows["x"], rows["y"], color=colour, marker="o", ms=2, lw=0.9, label=mouse)
    axes.set(xlabel=table["x_label"].iloc[0], ylabel=table["y_label"].iloc[0])
    if logarithmic:
        axes.set_xscale("log")
        _plain_ticks(axes, _apart(sorted(table["x"].unique())))
    elif table["x"].max() > 180:  # degrees around the circle
        axes.set_xticks(range(0, 360, 90))


def plot_distributions(axes: Axes, table: pd.DataFrame, logarithmic: bool = False) -> None:
    """Share of neurons, pairs or movies of each mouse below a value.

    A few values far beyond all others are off the axis, on which nothing could be seen with them.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``quantity`` (one line style each), ``value``, and ``x_label``.
    logarithmic
        Scale of x.
    """
    styles = dict(zip(table["quantity"].unique(), ("-", "--", ":"), strict=False))
    colours = mouse_colours(list(table["mouse"].unique()))
    for quantity, rows in table.dropna(subset="value").groupby("quantity", sort=False):
        line: dict[str, Any] = {"ls": styles[quantity], "lw": 0.9, "legend": False, "ax": axes}
        sns.ecdfplot(rows, x="value", hue="mouse", palette=colours, **line)
    if len(styles) > 1:
        for quantity, style in styles.items():
            axes.plot([], [], color="0.3", ls=style, lw=0.9, label=quantity)
        axes.legend(loc="upper left")
    axes.set(xlabel=table["x_label"].iloc[0], ylabel="share", ylim=(0, 1.45 if len(styles) > 1 else 1.02))
    axes.set_yticks([0, 0.5, 1])
    end = ROOM * table["value"].quantile(MOST)
    if logarithmic:
        axes.set_xscale("log")
        _plain_ticks(axes, _round_numbers(*axes.get_xlim()))
    elif table["value"].max() > 2 * end > 0:
        least = table["value"].min()
        axes.set_xlim(least - 0.05 * (end - least), end)


def plot_coverage(axes: Axes, table: pd.DataFrame) -> None:
    """How many receptive fields contain each part of the screen, mean over mice.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``row``, ``column``, ``fields``.
    """
    image = table.groupby(["row", "column"])["fields"].mean().unstack("column").to_numpy()
    drawn = axes.imshow(image, cmap="viridis", vmin=0, extent=(0, 64, 36, 0))
    axes.set(xlabel="pixel", ylabel="pixel")
    axes.figure.colorbar(drawn, ax=axes, label="fields", fraction=0.03, pad=0.02)


def plot_spectrum(axes: Axes, table: pd.DataFrame) -> None:
    """Spatial power of each mouse's movies, and lines of the slopes that the literature gives.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``x`` (cycles/pixel), ``y`` (power), ``x_label``, ``y_label``; the references are ``mouse``
        values that no mouse has, in ``kind`` ``reference``.
    """
    plot_curves(axes, table[table["kind"] == "movies"])
    references = table[table["kind"] == "reference"].groupby("mouse", sort=False)
    for (name, rows), style in zip(references, ("--", ":"), strict=False):
        axes.plot(rows["x"], rows["y"], color="0.5", ls=style, lw=0.8, label=str(name))
    lowest = table["y"].min() / 300  # room for the legend
    axes.set(xscale="log", yscale="log", ylim=(lowest, None))
    _plain_ticks(axes, [0.1, 0.2, 0.4])
    axes.legend(loc="lower left")


def _apart(values: list[float], factor: float = 1.6) -> list[float]:
    """Those whose labels do not touch on a logarithmic axis."""
    kept = values[:1]
    for value in values[1:]:
        if value >= factor * kept[-1]:
            kept.append(value)
    return kept


def _round_numbers(low: float, high: float) -> list[float]:
    """Powers of ten between two values, with their doubles and fives where there are few."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1, 2, 5), (1, 3), (1,)):
        found = [digit * 10.0**decade for decade in decades for digit in digits if low <= digit * 10.0**decade <= high]
        if len(found) <= 5:
            break
    return found


def _plain_ticks(axes: Axes, places: list[float]) -> None:
    axes.set_xticks(places, [f"{place:g}" for place in places], minor=False)
    axes.minorticks_off()
