"""Panels of reconstructions from parts of a population."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from movrecon_core.plotting.comparisons import plot_levels
from movrecon_core.plotting.mice import count_title


def plot_part_curves(axes: Axes, table: pd.DataFrame, group: str, label: str) -> None:
    """Video correlation along the share of neurons that are kept, one curve a group; each mouse dashed.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, `group`, ``percent``, ``video_correlation``, ``movies`` (how many it is the mean of); one row
        a mouse, group and percentage.
    group
        Name of a column.
    label
        Of the video correlation.
    """
    plot_levels(axes, table, "percent", group, "video_correlation", ("neurons kept (%)", label))
    percents = sorted(table["percent"].unique())
    axes.set_xscale("log", base=2)
    axes.set_xticks(percents, [f"{percent:g}" for percent in percents])
    axes.xaxis.set_minor_locator(NullLocator())
    counted = table.groupby("mouse")["movies"].max()
    axes.set_title(count_title(counted.sum(), len(counted)))
    axes.legend(fontsize=5.5)
