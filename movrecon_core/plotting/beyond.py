"""Panels of what only a simulation can tell: parts of a loss, and what movies evoke."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from movrecon_core.plotting.comparisons import name_group, plot_conditions
from movrecon_core.plotting.style import COLOURS


def plot_parts(axes: Axes, table: pd.DataFrame) -> None:
    """What each cause costs, stacked to the whole loss, each with its share and 95 % interval.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``part``, ``loss``, ``low``, ``high``, ``share``; one row a part.
    """
    bottom = 0.0
    for place, row in enumerate(table.itertuples()):
        top = bottom + row.loss
        axes.bar(place, row.loss, bottom=bottom, color=COLOURS["reconstructed"], alpha=0.5, width=0.7)
        spread = [[row.loss - row.low], [row.high - row.loss]]
        axes.errorbar(place, top, spread, fmt="none", color=COLOURS["truth"], capsize=2, lw=0.8)
        axes.plot([place, place + 1], [top, top], color="0.6", lw=0.5, ls=":")
        bottom = top
    axes.bar(len(table), bottom, color="0.7", width=0.7)
    axes.axhline(0, color="0.4", lw=0.5)
    shares = [f"{row.part}\n{row.share:.0f} %" for row in table.itertuples()]
    axes.set_xticks(range(len(table) + 1), [*shares, "whole"])
    axes.set(ylabel="loss of video correlation (1 − r)")


def plot_evoked(panel: SubFigure, table: pd.DataFrame, label: str) -> None:
    """What movies evoke, one pair of axes for each that responds.

    Parameters
    ----------
    panel
        Where to draw.
    table
        Columns ``mouse``, ``trial``, ``responding``, ``shown``, ``correlation``.
    label
        Of the correlation.
    """
    groups = list(table.groupby("responding", sort=False))
    for place, (axes, (name, rows)) in enumerate(zip(panel.subplots(1, len(groups), sharey=True), groups, strict=True)):
        plot_conditions(axes, rows, "shown", "correlation", label if place == 0 else "")
        name_group(axes, str(name))
