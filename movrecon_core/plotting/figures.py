"""A figure with its source data: svg, pdf, png and one CSV a panel, the same bytes for the same data."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from IPython.display import Image
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from movrecon_core.errors import NothingToShowError
from movrecon_core.plotting.style import use_style
from movrecon_core.storage.files import replacing
from movrecon_core.storage.paths import REHEARSAL_MARKER

# Without dates and software tags two runs over the same data give the same files.
_METADATA = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}
_DESCRIPTION = {"svg": "Description", "pdf": "Subject", "png": "Description"}
REHEARSAL = "rehearsal: means nothing"
"""Stamp on all that is drawn in a folder with `REHEARSAL_MARKER`."""
NOTHING = "nothing to show\nin this run"
SCREEN_DPI = 110
"""Pixels an inch at which a figure is shown in a notebook; its file has more."""


def save_figure(
    figure: Figure,
    name: str,
    folder: Path | str,
    panels: Mapping[str, pd.DataFrame],
    numbers: pd.DataFrame | None = None,
    *,
    alt: str,
) -> Image:
    """Write a figure and the values that each panel draws; as the last line of a cell it also shows the figure.

    Parameters
    ----------
    figure
        The finished figure.
    name
        Start of every file's name, the notebook's.
    folder
        Where the files go.
    panels
        Letter of a panel → the tidy table that it draws, written to ``<name>_<letter>.csv``.
    numbers
        What the figure states beside the article's numbers, written to ``<name>_numbers.csv``.
    alt
        What a reader who cannot see the figure is told: kinds of panels and what is on their axes, in one or two
        sentences, true whatever the results are. It stands in the notebook, the book and the files.

    Returns
    -------
    Image
        The written png, with its alternative text.

    Raises
    ------
    NothingToShowError
        If every panel's table is empty. Where some are, their axes say so.
    """
    if all(table.empty for table in panels.values()):
        raise NothingToShowError(f"{name}: the run holds nothing that this figure shows")
    for axes in figure.axes:
        if axes.axison and not axes.has_data():
            axes.text(0.5, 0.5, NOTHING, transform=axes.transAxes, ha="center", va="center", fontsize=6, color="0.4")
    if (Path(folder) / REHEARSAL_MARKER).is_file():
        figure.text(0.5, 0.995, REHEARSAL, ha="center", va="top", fontsize=6, style="italic", color="#AA0000")
    # Once for all kinds of file: to find the places of all parts takes as long as to draw them. It takes two rounds, as
    # parts grow and shrink with their places.
    for _ in range(2):
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for kind, metadata in _METADATA.items():
        with replacing(Path(folder) / f"{name}.{kind}") as temporary:
            figure.savefig(temporary, format=kind, metadata={**metadata, _DESCRIPTION[kind]: alt})
    tables = {**panels, **({} if numbers is None else {"numbers": numbers})}
    for part, table in tables.items():
        with replacing(Path(folder) / f"{name}_{part}.csv") as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n")
    return Image(filename=str(Path(folder) / f"{name}.png"), width=int(figure.get_figwidth() * SCREEN_DPI), alt=alt)


def new_figure(width: float, height: float, simulated: bool) -> Figure:
    """An empty figure in the study's style, stamped where its data were simulated.

    Parameters
    ----------
    width, height
        Inches; a page is 7 wide.
    simulated
        Whether any of the recordings was simulated.
    """
    use_style()
    figure = Figure(figsize=(width, height), layout="constrained")
    if simulated:
        figure.text(0.995, 0.995, "simulated data", ha="right", va="top", fontsize=6, style="italic", color="#AA0000")
    return figure


def letter_panel(panel: SubFigure, letter: str, title: str) -> None:
    """Head a panel with its letter and what it shows."""
    panel.suptitle(f"$\\bf{{{letter}}}$   {title}", x=0.01, ha="left", fontsize=7.5)


def letter_axes(axes: Axes, letter: str, title: str) -> None:
    """Head the first axes of a row with the panel's letter and what it shows, a line above their own title."""
    axes.set_title(f"$\\bf{{{letter}}}$   {title}\n", loc="left", fontsize=7.5)
