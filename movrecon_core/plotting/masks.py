"""Panels of receptive fields and transparency masks: maps over the screen."""

import pandas as pd
from matplotlib.figure import SubFigure

from movrecon_core.plotting.images import draw_eccentricity, image_of, show_map
from movrecon_core.plotting.style import COLOURS


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


def plot_centres(panel: SubFigure, table: pd.DataFrame) -> None:
    """Centres of On and Off receptive fields over the screen, one column a mouse.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns ``mouse``, ``kind`` (``on`` or ``off``), ``neuron``, ``y``, ``x`` in pixels.
    """
    mice = list(table["mouse"].unique())
    grid = panel.subplots(1, len(mice), squeeze=False)
    for axes, mouse in zip(grid[0], mice, strict=True):
        centres = {kind: table[(table["mouse"] == mouse) & (table["kind"] == kind)] for kind in ("on", "off")}
        for (kind, rows), marker in zip(centres.items(), "ox", strict=True):
            axes.plot(rows["x"], rows["y"], marker, ms=2, mew=0.6, color=COLOURS[kind], alpha=0.5, ls="")
        draw_eccentricity(axes)
        axes.set_title(f"{mouse}: ○ On (n = {len(centres['on'])}), × Off (n = {len(centres['off'])})")
