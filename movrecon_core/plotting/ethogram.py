"""Panels of the ethogram: signals and responses over time, one column a movie."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from movrecon_core.plotting.style import COLOURS

SIGNAL_LABELS = {
    "motion energy": "motion energy\n(grey levels\n/frame)",
    "pupil dilation": "pupil dilation\n(a.u.)",
    "running speed": "running speed\n(a.u.)",
}


def plot_signals(grid: Sequence[Sequence[Axes]], table: pd.DataFrame) -> None:
    """Signals over time, one row a signal, one column a movie.

    Parameters
    ----------
    grid
        Rows of axes.
    table
        Columns ``movie``, ``signal``, ``seconds``, ``value``.
    """
    for row, (signal, rows) in zip(grid, table.groupby("signal", sort=False), strict=True):
        for axes, (_, curve) in zip(row, rows.groupby("movie", sort=False), strict=True):
            axes.plot(curve["seconds"], curve["value"], color="0.25", lw=0.7)
        row[0].set_ylabel(SIGNAL_LABELS.get(str(signal), str(signal)))
    for axes, movie in zip(grid[0], table["movie"].unique(), strict=True):
        axes.set_title(movie)


def plot_response_images(row: Sequence[Axes], table: pd.DataFrame) -> None:
    """Responses of some neurons over time, each from its minimum to its maximum, one column a movie.

    Parameters
    ----------
    row
        Axes.
    table
        Columns ``movie``, ``neuron``, ``seconds``, ``response`` (0..1).
    """
    for axes, (_, responses) in zip(row, table.groupby("movie", sort=False), strict=True):
        image = responses.pivot(index="neuron", columns="seconds", values="response")
        extent = (0.0, float(image.columns.max()), len(image) + 0.5, 0.5)
        drawn = axes.imshow(image.to_numpy(), aspect="auto", cmap="Greys", vmin=0, vmax=1, extent=extent)
    row[0].set_ylabel(f"neuron\n(n = {len(image)})")
    bar = row[-1].figure.colorbar(drawn, cax=row[-1].inset_axes((0.72, 1.06, 0.28, 0.06)), orientation="horizontal")
    bar.ax.tick_params(labelsize=5, length=1.5, pad=1, bottom=False, labelbottom=False, top=True, labeltop=True)
    bar.set_ticks([0, 1], labels=["min.", "max."])
    bar.ax.set_ylabel("response", rotation=0, ha="right", va="center", fontsize=5)


def plot_frame_correlation(row: Sequence[Axes], table: pd.DataFrame) -> None:
    """Frame correlation over time, one column a movie.

    Parameters
    ----------
    row
        Axes.
    table
        Columns ``movie``, ``seconds``, ``frame_correlation``.
    """
    for axes, (_, curve) in zip(row, table.groupby("movie", sort=False), strict=True):
        axes.plot(curve["seconds"], curve["frame_correlation"], color=COLOURS["reconstructed"], lw=0.8)
        axes.axhline(0, color="0.7", lw=0.5, zorder=0)
        axes.text(1, 0.05, f"mean {curve['frame_correlation'].mean():.2f}", transform=axes.transAxes, ha="right")
        axes.set(xlabel="time (s)", xlim=(0, table["seconds"].max()))
    row[0].set_ylabel("frame correlation\n(Pearson's r)")
