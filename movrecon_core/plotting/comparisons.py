"""Panels of conditions compared on the same mice: every mouse and their mean."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes

from movrecon_core.plotting.mice import movies_title, plot_mean, plot_mice
from movrecon_core.plotting.style import COLOURS


def plot_conditions(
    axes: Axes,
    table: pd.DataFrame,
    condition: str,
    value: str,
    label: str,
    published: Mapping[str, float] | None = None,
) -> None:
    """Mean over movies of each mouse under each condition, and the mean over all movies.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``trial``, `condition`, `value`; one row a movie. Conditions are drawn in their order, an
        empty table leaves the axes empty.
    condition, value
        Names of columns.
    label
        Of the value, with its unit.
    published
        The article's mean of some conditions.
    """
    axes.set(ylabel=label)
    if table.empty:
        return
    conditions = list(table[condition].unique())
    movies = len(table[["mouse", "trial"]].drop_duplicates())
    plot_mice(axes, table, condition, value, conditions)
    plot_mean(axes, table, condition, value, conditions, f"mean of {movies} movies")
    if published:
        known = [place for place, name in enumerate(conditions) if name in published]
        theirs = [published[conditions[place]] for place in known]
        axes.plot(known, theirs, "D", color=COLOURS["published"], mfc="none", ms=4, label="article")
    axes.set_xticks(range(len(conditions)), conditions, rotation=30, ha="right", rotation_mode="anchor")
    axes.set(ylabel=label, xlim=(-0.4, len(conditions) - 0.6), title=movies_title(table))


def name_group(axes: Axes, name: str) -> None:
    """Title one of several plots with its name; how many were counted, which stood there, goes below."""
    axes.set_xlabel(axes.get_title().replace(", ", ",\n"))
    axes.set_title(name, fontsize=6.5)


def plot_levels(axes: Axes, table: pd.DataFrame, level: str, group: str, value: str, labels: tuple[str, str]) -> None:
    """A value along a level: each mouse dashed, the mean over mice solid, one colour a group.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, `level`, `group`, `value`.
    level, group, value
        Names of columns.
    labels
        Of the level and of the value, with units.
    """
    groups = table.groupby(group, sort=False)
    for (name, rows), colour in zip(groups, colormaps["viridis"](np.linspace(0, 0.8, len(groups))), strict=True):
        for _, mouse in rows.groupby("mouse", sort=False):
            axes.plot(mouse[level], mouse[value], "--", color=colour, lw=0.5, alpha=0.7)
        # Levels differ between mice where they are sizes: the mean is then over places, not over equal levels.
        order = rows.groupby("mouse").cumcount()
        mean = rows.groupby(order)[[level, value]].mean()
        axes.plot(mean[level], mean[value], "-", color=colour, lw=1.4, label=str(name))
    axes.set(xlabel=labels[0], ylabel=labels[1])
