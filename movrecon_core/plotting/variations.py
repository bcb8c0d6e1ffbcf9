"""Frames of one movie reconstructed in several ways."""

from textwrap import fill

import pandas as pd
from matplotlib.figure import SubFigure

from movrecon_core.plotting.images import image_of, show_frame


def plot_variant_frames(panel: SubFigure, table: pd.DataFrame, kind: str) -> None:
    """Frames of one movie, one column a way to reconstruct it, one row a time.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns `kind`, ``seconds``, ``y``, ``x``, ``grey``; NaN is left blank.
    kind
        Name of the column of ways.
    """
    kinds, times = list(table[kind].unique()), list(table["seconds"].unique())
    gaps = {"wspace": 0.04, "hspace": 0.04}
    grid = panel.subplots(len(times), len(kinds), squeeze=False, gridspec_kw=gaps)
    for row, seconds in zip(grid, times, strict=True):
        for axes, name in zip(row, kinds, strict=True):
            show_frame(axes, image_of(table, **{kind: name, "seconds": seconds}))
        row[0].set_ylabel(f"{seconds:.1f} s", fontsize=6)
    for axes, name in zip(grid[0], kinds, strict=True):
        axes.set_title(fill(name.replace("α ≥ ", "α\u00a0≥\u00a0"), 11), fontsize=5.5)
