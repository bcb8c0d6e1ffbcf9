"""What panels of mice have in common: one colour a mouse, and their mean in black."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from numpy.typing import NDArray

from movrecon_core.plotting.style import COLOURS, mouse_colours


def plot_mice(axes: Axes, table: pd.DataFrame, x: str, y: str, order: Sequence[Any], joined: str = "--") -> None:
    """Mean over movies of each mouse at every category.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, `x`, `y`; one row a movie.
    x, y
        Names of columns.
    order
        Of the categories.
    joined
        Style of the line through them; empty: none.
    """
    with_mice: dict[str, Any] = {"hue": "mouse", "palette": mouse_colours(list(table["mouse"].unique()))}
    style: dict[str, Any] = {"linestyles": joined or "none", "lw": 0.7, "ms": 2.5, "mew": 0, "alpha": 0.8}
    sns.pointplot(table, x=x, y=y, order=order, **with_mice, errorbar=None, ax=axes, **style)
    _unlabelled(axes)


def plot_mean(axes: Axes, table: pd.DataFrame, x: str, y: str, order: Sequence[Any], label: str) -> None:
    """Mean over movies at every category, in black; arguments as for `plot_mice`."""
    style: dict[str, Any] = {"lw": 1.4, "marker": "", "color": COLOURS["truth"], "label": label}
    sns.pointplot(table, x=x, y=y, order=order, errorbar=None, ax=axes, **style)
    _unlabelled(axes)


def plot_movies(axes: Axes, table: pd.DataFrame, x: str, y: str, order: Sequence[Any]) -> None:
    """Every movie at every category, in its mouse's colour, joined by a thin line.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``trial``, `x`, `y`; one row a movie and category.
    x, y
        Names of columns.
    order
        Of the categories.
    """
    colours = mouse_colours(list(table["mouse"].unique()))
    wide = table.pivot(index=["mouse", "trial"], columns=x, values=y)[list(order)]
    for (mouse, _), values in wide.iterrows():
        axes.plot(range(len(order)), values, "-", color=colours[str(mouse)], lw=0.4, alpha=0.6, zorder=1)
    style: dict[str, Any] = {"size": 2.5, "alpha": 0.8, "jitter": False, "linewidth": 0}
    sns.stripplot(table, x=x, y=y, order=order, hue="mouse", palette=colours, ax=axes, **style)
    _unlabelled(axes)


def error_bars(means: pd.Series, low: pd.Series, high: pd.Series) -> NDArray[np.float64]:
    """Lengths (2, n) of error bars below and above means.

    An interval over mice need not hold a mean over movies, where mice have more movies than others: no bar is negative.
    """
    return np.array([means - low, high - means], dtype=np.float64).clip(0)


def count_title(movies: int, mice: int) -> str:
    """How many were counted."""
    return f"n = {movies} movies, {mice} {'mouse' if mice == 1 else 'mice'}"


def movies_title(table: pd.DataFrame, movie: str = "trial") -> str:
    """How many movies, and of how many mice, are in a table, by its columns ``mouse`` and `movie`."""
    return count_title(len(table[["mouse", movie]].drop_duplicates()), table["mouse"].nunique())


def _unlabelled(axes: Axes) -> None:
    """Without the names of columns and the legend that seaborn gives: panels have their own."""
    axes.set(xlabel="", ylabel="")
    if legend := axes.get_legend():
        legend.remove()
