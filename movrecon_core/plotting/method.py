"""Panels of the optimisation: curves over iterations."""

import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import SubFigure
from matplotlib.ticker import MaxNLocator

from movrecon_core.plotting.style import mouse_colours


def plot_optimisation(panel: SubFigure, table: pd.DataFrame, label: str) -> None:
    """Curves over iterations: left the movies of one instance, right each instance's mean over movies.

    Diamonds, where the table has them, are the same loss of whole movies, grey outside the mask.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns ``curves`` (``movies``, ``instances`` or ``whole movies``), ``line``, ``mouse``, ``iteration`` and the
        value.
    label
        Of the value, with its unit.
    """
    value = str(table.columns[-1])
    left, right = panel.subplots(1, 2, sharey=True)
    movies = table[table["curves"] == "movies"]
    colours = mouse_colours(list(movies["mouse"].unique()))
    for _, curve in movies.groupby("line", sort=False):
        left.plot(curve["iteration"], curve[value], color=colours[curve["mouse"].iloc[0]], lw=0.5, alpha=0.7)
    for mouse, colour in colours.items():
        left.plot([], [], color=colour, label=mouse)
    left.set(xlabel="iteration", ylabel=label, title=f"one instance, n = {movies['line'].nunique()} movies")

    instances = table[table["curves"] == "instances"]
    names = list(instances["line"].unique())
    shades = colormaps["viridis"].resampled(len(names) + 1)
    for i, name in enumerate(names):
        curve = instances[instances["line"] == name]
        right.plot(curve["iteration"], curve[value], color=shades(i), lw=0.9, label=name)
        logged = table[(table["curves"] == "whole movies") & (table["line"] == name)]
        right.plot(logged["iteration"], logged[value], "D", color=shades(i), ms=3)
    right.set(xlabel="iteration", title=f"mean over movies, n = {len(names)} instances")
    for axes, entries in ((left, colours), (right, names)):
        axes.set_xlim(0, None)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.margins(y=0.2)  # room for the legend
        axes.legend(handlelength=1, loc="upper left", ncols=min(len(entries), 4), columnspacing=1)
