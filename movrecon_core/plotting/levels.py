"""Panels of a measure over levels of one factor: every mouse, their mean, and what each step adds."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from movrecon_core.plotting.mice import count_title, error_bars, plot_mice
from movrecon_core.plotting.style import COLOURS, mouse_colours


def plot_by_number(axes: Axes, table: pd.DataFrame) -> None:
    """Mean over movies of each mouse by number of neurons; the others silent (solid) or missing (dashed).

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``dropped``, ``neurons``, ``video_correlation``.
    """
    colours, named = mouse_colours(list(table["mouse"].unique())), table["dropped"].iloc[0]
    for (mouse, dropped), rows in table.groupby(["mouse", "dropped"], sort=False):
        style, label = "-" if dropped == "silent" else "--", str(mouse) if dropped == named else None
        axes.plot(rows["neurons"], rows["video_correlation"], f"o{style}", color=colours[str(mouse)], ms=3, label=label)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set(xlabel="neurons", ylabel="video correlation (Pearson's r)")
    axes.legend()


def plot_level_means(
    axes: Axes,
    table: pd.DataFrame,
    levels: pd.DataFrame,
    level: str,
    labels: tuple[str, str],
    published: Mapping[float, float] | None = None,
) -> None:
    """Mean over movies of each mouse (dashed) and of all (solid, with its 95 % interval) at every level.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, `level`, ``video_correlation``; one row a movie and level.
    levels
        Columns `level`, ``mean``, ``low``, ``high``, ``mice``, ``movies``.
    level
        Name of the column of levels.
    labels
        Of the level and of the measure, with units.
    published
        The article's mean at some levels.
    """
    places, movies, mice = np.arange(len(levels)), levels["movies"].iloc[0], levels["mice"].iloc[0]
    plot_mice(axes, table, level, "video_correlation", list(levels[level]))
    errors = error_bars(levels["mean"], levels["low"], levels["high"])
    mean = f"mean of {movies} movies, 95 %"
    axes.errorbar(places, levels["mean"], errors, color=COLOURS["truth"], lw=1.4, capsize=2, elinewidth=0.8, label=mean)
    theirs = {place: published[value] for place, value in enumerate(levels[level]) if published and value in published}
    if theirs:
        axes.plot(
            list(theirs), list(theirs.values()), "D", color=COLOURS["published"], mfc="none", ms=4, label="article"
        )
    axes.set_xticks(places, [f"{value:g}" for value in levels[level]])
    axes.set(xlabel=labels[0], ylabel=labels[1], xlim=(-0.4, len(levels) - 0.6), title=count_title(movies, mice))
    axes.legend(fontsize=5, loc="upper left", bbox_to_anchor=(1.0, 1.0))  # beside: the lines may be anywhere


def plot_steps(axes: Axes, pairs: pd.DataFrame, labels: tuple[str, str]) -> None:
    """What each step from one level to the next adds, with its 95 % interval.

    Parameters
    ----------
    axes
        Where to draw.
    pairs
        Columns ``from``, ``to``, ``difference``, ``low``, ``high``; one row a step.
    labels
        Of the steps and of the difference, with units.
    """
    axes.set(xlabel=labels[0], ylabel=labels[1])
    if pairs.empty:  # a single level
        return
    places = np.arange(len(pairs))
    errors = [pairs["difference"] - pairs["low"], pairs["high"] - pairs["difference"]]
    axes.bar(places, pairs["difference"], color=COLOURS["reconstructed"], alpha=0.5, width=0.7)
    axes.errorbar(places, pairs["difference"], errors, fmt="none", color=COLOURS["truth"], capsize=2, lw=0.8)
    axes.axhline(0, color="0.4", lw=0.5)
    axes.set_xticks(places, [f"{a:g} → {b:g}" for a, b in zip(pairs["from"], pairs["to"], strict=True)])
