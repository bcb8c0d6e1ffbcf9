"""Panels of two encoders side by side."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from movrecon_core.plotting.mice import plot_mice
from movrecon_core.plotting.style import mouse_colours

MARKERS = ("o", "s", "^")


def plot_encoder_quality(axes: Axes, table: pd.DataFrame) -> None:
    """Single-trial correlation of each encoder and mouse, and the recording's ceiling where it is known.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``encoder``, ``correlation``, ``ceiling``.
    """
    encoders = list(table["encoder"].unique())
    plot_mice(axes, table, "encoder", "correlation", encoders, joined="-")
    for mouse, colour in mouse_colours(list(table["mouse"].unique())).items():
        rows = table[table["mouse"] == mouse]
        if rows["ceiling"].notna().all():
            axes.plot([-0.3, len(encoders) - 0.7], [rows["ceiling"].iloc[0]] * 2, color=colour, lw=0.8, ls="--")
    axes.plot([], [], color="0.4", lw=0.8, ls="--", label="ceiling")
    axes.set(ylabel="single-trial correlation\n(Pearson's r)", xlim=(-0.4, len(encoders) - 0.6))
    axes.set_ylim(bottom=min(0.0, float(table["correlation"].min()) - 0.02))
    axes.set_xticks(range(len(encoders)), encoders)
    axes.legend()


def plot_calibration(axes: Axes, table: pd.DataFrame) -> None:
    """Recorded against predicted response; a calibrated encoder lies on the diagonal.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``encoder``, ``predicted``, ``recorded``, both in units of a neuron's mean response.
    """
    for marker, (encoder, rows) in zip(MARKERS, table.groupby("encoder", sort=False), strict=False):
        axes.plot(rows["predicted"], rows["recorded"], marker=marker, ms=3, lw=0.8, label=str(encoder))
    largest = float(table[["predicted", "recorded"]].to_numpy().max())
    axes.plot([0, largest], [0, largest], color="0.5", lw=0.7, ls="--", label="as predicted")
    axes.set(xlabel="predicted response\n(relative to the neuron's mean)", ylabel="recorded response")
    axes.legend()


def plot_compared_reconstructions(axes: Axes, table: pd.DataFrame) -> None:
    """Video correlation of each movie with one encoder against the other.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``trial``, ``encoder``, ``video_correlation``.
    """
    encoders = list(table["encoder"].unique())
    wide = table.pivot(index=["mouse", "trial"], columns="encoder", values="video_correlation").reset_index()
    colours = mouse_colours(list(table["mouse"].unique()))
    sns.scatterplot(wide, x=encoders[0], y=encoders[1], hue="mouse", palette=colours, s=14, linewidth=0, ax=axes)
    low, high = min(0.0, float(wide[encoders].to_numpy().min())), float(wide[encoders].to_numpy().max()) + 0.05
    axes.plot([low, high], [low, high], color="0.5", lw=0.7, ls="--", label="equal")
    axes.set(xlabel=f"video correlation, {encoders[0]}", ylabel=f"video correlation, {encoders[1]}")
    axes.legend()
