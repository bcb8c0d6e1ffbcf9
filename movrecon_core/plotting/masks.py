"""Panels of receptive fields and transparency masks: maps over the screen."""

import pandas as pd
from matplotlib.figure import SubFigure

from movrecon_core.plotting.images import image_of, show_map


def plot_maps(panel: SubFigure, table: pd.DataFrame, limits: tuple[float, float], cmap: str, label: str) -> None:
    """Maps over the screen, one column a mouse, one row for each value of ``row`` where the table has it.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns ``mouse``, optionally ``row``, then ``y``, ``x`` and the value; NaN is left blank.
    limits
        Values at the ends of the colour map.
    cmap
        Name of the colour map.
    label
        Of the colour bar, with its unit.
    """
    mice = list(table["mouse"].unique())
    rows = list(table["row"].unique()) if "row" in table else [None]
    grid = panel.subplots(len(rows), len(mice), squeeze=False)
    for i, row in enumerate(rows):
        for axes, mouse in zip(grid[i], mice, strict=True):
            chosen = {"mouse": mouse} if row is None else {"mouse": mouse, "row": row}
            image = show_map(axes, image_of(table, **chosen), *limits, cmap)
            if i == 0:
                axes.set_title(mouse)
        if row is not None:
            grid[i, 0].set_ylabel(row.replace(", ", "\n"))
    panel.colorbar(image, ax=list(grid.ravel()), label=label, fraction=0.02, pad=0.01)
