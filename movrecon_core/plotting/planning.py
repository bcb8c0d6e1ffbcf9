"""Panels that plan an experiment."""

import pandas as pd
from matplotlib.axes import Axes

from movrecon_core.plotting.mice import error_bars, movies_title, plot_mean, plot_mice


def plot_planned(axes: Axes, table: pd.DataFrame, quantity: str, label: str) -> None:
    """Video correlation at every value of a planned quantity: mean over movies of each mouse, and of all.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``trial``, ``video_correlation`` and `quantity`, in the order of its values; one row a movie
        and value.
    quantity
        Name of the column of values.
    label
        Of the values, with their unit.
    """
    named = table.assign(**{quantity: [f"{x:g}" if isinstance(x, int | float) else str(x) for x in table[quantity]]})
    order = list(named[quantity].unique())
    plot_mice(axes, named, quantity, "video_correlation", order)
    plot_mean(axes, named, quantity, "video_correlation", order, "mean")
    axes.set(xlabel=label, ylabel="video correlation (r)", title=movies_title(table))


def plot_gains(axes: Axes, table: pd.DataFrame) -> None:
    """What every plan adds to the base, with its 95 % interval.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``plan``, ``gain``, ``low``, ``high``; one row a plan.
    """
    places = range(len(table))
    spread = error_bars(table["gain"], table["low"], table["high"])
    axes.errorbar(table["gain"], places, xerr=spread, fmt="o", color="black", ms=3, capsize=2, lw=0.8)
    axes.axvline(0, color="0.4", lw=0.5)
    axes.set_yticks(places, table["plan"])
    axes.invert_yaxis()
    axes.set(xlabel="gain over the base (r)")
