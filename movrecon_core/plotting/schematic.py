"""Schematics whose boxes are as large, and say what, a run's encoder and settings really are."""

from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Rectangle

from movrecon_core.plotting.style import COLOURS

GAP = 0.5


def plot_encoder_schematic(axes: Axes, table: pd.DataFrame) -> None:
    """An encoder's layers from left to right; a box is as wide as its channels and as high as its pixels, in logarithm.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``layer``, ``channels``, ``frames``, ``pixels`` (of a frame, 1 where space is gone), ``shape`` in words.
    """
    left, middles = 0.0, []
    highest = float(np.log2(1 + table["pixels"]).max())
    for row in table.itertuples():
        width, height = 0.15 * np.log2(1 + row.channels), 0.1 + np.log2(1 + row.pixels) / highest
        axes.add_patch(Rectangle((left, -height / 2), width, height, fc="#DCE6F2", ec=COLOURS["truth"], lw=0.7))
        axes.text(left + width / 2, -0.68, row.shape, rotation=90, ha="center", va="top", fontsize=5.5)
        axes.text(left + width / 2, 0.66, row.layer, rotation=90, ha="center", va="bottom", fontsize=5.5)
        middles.append((left, left + width))
        left += width + GAP
    for (_, end), (start, _) in pairwise(middles):
        axes.add_patch(FancyArrowPatch((end, 0), (start, 0), arrowstyle="->", mutation_scale=6, lw=0.6, color="0.3"))
    axes.set(xlim=(-0.2, left - GAP + 0.2), ylim=(-1.75, 1.75))
    axes.set_axis_off()


def plot_loop_schematic(axes: Axes, table: pd.DataFrame) -> None:
    """Steps of the reconstruction in a row, and the arrow back from the last one to the first.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``step``, ``detail``; one row a box.
    """
    for place, row in enumerate(table.itertuples()):
        axes.add_patch(Rectangle((place, 0), 0.78, 1, fc="#F6EDE3", ec=COLOURS["reconstructed"], lw=0.7))
        axes.text(place + 0.39, 0.8, row.step, ha="center", va="center", fontsize=6.5, weight="bold")
        axes.text(place + 0.39, 0.36, row.detail, ha="center", va="center", fontsize=5)
        if place:
            axes.add_patch(_arrow((place - 0.22, 0.5), (place, 0.5)))
    last = len(table) - 1
    axes.add_patch(_arrow((last + 0.39, 0), (0.39, 0), connectionstyle="arc3,rad=-0.12"))
    axes.set(xlim=(-0.05, last + 0.83), ylim=(-0.75, 1.05))
    axes.set_axis_off()


def _arrow(start: tuple[float, float], end: tuple[float, float], connectionstyle: str = "arc3") -> FancyArrowPatch:
    return FancyArrowPatch(
        start, end, connectionstyle=connectionstyle, arrowstyle="->", mutation_scale=7, lw=0.7, color="0.3"
    )
