"""Panels of the ethogram: signals and responses over time, one column a movie."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from movrecon_core.plotting.style import COLOURS

SIGNAL_LABELS = {
    "motion energy": "motion energy\n(grey levels\n/frame)",
    "pupil dilation": "pupil\ndilation\n(a.u.)",
    "running speed": "running\nspeed\n(a.u.)",
}


def plot_signals(panel: SubFigure, table: pd.DataFrame) -> None:
    """Signals over time, one row a signal, one column a movie.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns ``movie``, ``signal``, ``seconds``, ``value``.
    """
    movies, signals = list(table["movie"].unique()), list(table["signal"].unique())
    grid = panel.subplots(len(signals), len(movies), squeeze=False, sharex="col", sharey="row")
    for row, signal in zip(grid, signals, strict=True):
        for axes, movie in zip(row, movies, strict=True):
            curve = table[(table["movie"] == movie) & (table["signal"] == signal)]
            axes.plot(curve["seconds"], curve["value"], color="0.25", lw=0.7)
        row[0].set_ylabel(SIGNAL_LABELS.get(signal, signal))
    for axes, movie in zip(grid[0], movies, strict=True):
        axes.set_title(movie)
    _share_time(grid[-1], table)


def plot_response_images(panel: SubFigure, table: pd.DataFrame) -> None:
    """Responses of some neurons over time, each divided by its maximum, one column a movie.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns ``movie``, ``neuron``, ``seconds``, ``response`` (0..1).
    """
    movies = list(table["movie"].unique())
    grid = panel.subplots(1, len(movies), squeeze=False, sharey=True)[0]
    for axes, movie in zip(grid, movies, strict=True):
        image = table[table["movie"] == movie].pivot(index="neuron", columns="seconds", values="response")
        extent = (float(image.columns.min()), float(image.columns.max()), len(image) + 0.5, 0.5)
        drawn = axes.imshow(image.to_numpy(), aspect="auto", cmap="Greys", vmin=0, vmax=1, extent=extent)
    grid[0].set_ylabel(f"neuron (n = {len(image)})")
    _share_time(grid, table)
    panel.colorbar(drawn, ax=list(grid), label="response\n/ maximum", fraction=0.02, pad=0.01)


def plot_frame_correlation(panel: SubFigure, table: pd.DataFrame) -> None:
    """Frame correlation over time, one column a movie.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns ``movie``, ``seconds``, ``frame_correlation``.
    """
    movies = list(table["movie"].unique())
    grid = panel.subplots(1, len(movies), squeeze=False, sharey=True)[0]
    for axes, movie in zip(grid, movies, strict=True):
        curve = table[table["movie"] == movie]
        axes.plot(curve["seconds"], curve["frame_correlation"], color=COLOURS["reconstructed"], lw=0.8)
        axes.axhline(0, color="0.7", lw=0.5, zorder=0)
        axes.set_title(f"mean {curve['frame_correlation'].mean():.2f}")
    grid[0].set(ylabel="frame correlation\n(Pearson's r)")
    _share_time(grid, table)
    for axes in grid:
        axes.set_xlim(0, None)


def _share_time(row: list[Axes], table: pd.DataFrame) -> None:
    for axes in row:
        axes.set(xlabel="time (s)", xlim=(0, table["seconds"].max()))
