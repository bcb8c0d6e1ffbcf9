"""Frames of one movie reconstructed in several ways."""

import pandas as pd
from matplotlib.figure import SubFigure

from movrecon_core.plotting.images import image_of, show_frame


def plot_variant_frames(panel: SubFigure, table: pd.DataFrame, kind: str) -> None:
    """Frames of one movie, one row a way to reconstruct it.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns `kind`, ``seconds``, ``y``, ``x``, ``grey``; NaN is left blank.
    kind
        Name of the column of rows.
    """
    kinds, times = list(table[kind].unique()), list(table["seconds"].unique())
    gaps = {"wspace": 0.04, "hspace": 0.06}
    grid = panel.subplots(len(kinds), len(times), squeeze=False, gridspec_kw=gaps)
    for row, name in zip(grid, kinds, strict=True):
        for axes, seconds in zip(row, times, strict=True):
            show_frame(axes, image_of(table, **{kind: name, "seconds": seconds}))
        row[0].set_ylabel(name.replace(" ", "\n", 1), rotation=0, ha="right", va="center")
    for axes, seconds in zip(grid[0], times, strict=True):
        axes.set_title(f"{seconds:.1f} s")
