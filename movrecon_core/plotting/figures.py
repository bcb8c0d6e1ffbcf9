"""A figure with its source data: svg, pdf, png and one CSV a panel, the same bytes for the same data."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure, SubFigure

from movrecon_core.errors import StoreError
from movrecon_core.plotting.style import use_style
from movrecon_core.study.files import replacing

# Without dates and software tags two runs over the same data give the same files.
_METADATA = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}


def save_figure(figure: Figure, name: str, folder: Path | str, panels: Mapping[str, pd.DataFrame]) -> list[Path]:
    """Write a figure and the values that each panel draws.

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

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    StoreError
        If a panel's table is empty: a figure without data is not drawn.
    """
    for letter, table in panels.items():
        if table.empty:
            raise StoreError(f"{name}, panel {letter}: no data to draw")
    written = []
    for kind, metadata in _METADATA.items():
        path = Path(folder) / f"{name}.{kind}"
        with replacing(path) as temporary:
            figure.savefig(temporary, format=kind, metadata=metadata)
        written.append(path)
    for letter, table in panels.items():
        path = Path(folder) / f"{name}_{letter}.csv"
        with replacing(path) as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n")
        written.append(path)
    return written


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
    figure = plt.figure(figsize=(width, height), layout="constrained")
    if simulated:
        figure.text(0.995, 0.995, "simulated data", ha="right", va="top", fontsize=6, style="italic", color="#AA0000")
    return figure


def letter_panel(panel: SubFigure, letter: str, title: str) -> None:
    """Head a panel with its letter and what it shows."""
    panel.suptitle(f"$\\bf{{{letter}}}$   {title}", x=0.01, ha="left", fontsize=7.5)
