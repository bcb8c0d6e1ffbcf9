"""Panels of reconstructions beside simple decoders."""

import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes

from movrecon_core.plotting.mice import count_title, plot_movies
from movrecon_core.plotting.style import COLOURS


def plot_baselines(axes: Axes, table: pd.DataFrame, measure: str, label: str) -> None:
    """Every movie as each method finds it, the best method first, and means over movies.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``trial``, ``method`` and the measure.
    measure, label
        Column that is drawn, and what its axis says.
    """
    means = table.groupby("method")[measure].mean().sort_values(ascending=False)
    plot_movies(axes, table, "method", measure, list(means.index))
    axes.plot(range(len(means)), means, "_", color=COLOURS["truth"], ms=12, mew=1.6, label="mean over movies")
    axes.axhline(0, color="0.7", lw=0.5, zorder=0)
    axes.set_xticks(range(len(means)), list(means.index), rotation=40, ha="right", rotation_mode="anchor")
    movies, mice = len(table[["mouse", "trial"]].drop_duplicates()), table["mouse"].nunique()
    axes.set(ylabel=label, title=count_title(movies, mice))
    axes.legend()


def plot_error_spectra(axes: Axes, table: pd.DataFrame) -> None:
    """Share of the truth's power that each method leaves unexplained, by temporal frequency.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``method``, ``frequency`` (Hz), ``share``.
    """
    axes.set_prop_cycle(color=colormaps["tab20"](range(20)))
    octaves = sorted(table["frequency"].unique())
    for name, part in table.groupby("method", sort=False):
        axes.plot([octaves.index(f) for f in part["frequency"]], part["share"], marker=".", lw=1, label=str(name))
    axes.axhline(1, color="0.7", lw=0.5, zorder=0)
    axes.set_xticks(range(len(octaves)), [f"{f:.2g}" for f in octaves])
    axes.set(xlabel="temporal frequency from (Hz)", ylabel="power that is not explained (share)", yscale="log")
    axes.legend(fontsize="x-small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
