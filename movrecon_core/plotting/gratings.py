"""Panels that explain why a grating of 15 Hz comes back better than one of 7.5 Hz."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from movrecon_core.plotting.style import COLOURS

_STACKS = {"even": ("o", COLOURS["recorded"]), "odd": ("D", COLOURS["predicted"])}
_STEPS = {1: ("every frame", COLOURS["truth"], "-"), 2: ("every second frame", COLOURS["predicted"], "--")}


def plot_one_pixel(panel: SubFigure, table: pd.DataFrame) -> None:
    """Grey of one pixel of drifting gratings, in the two stacks that an encoder takes of every second frame.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns ``temporal_frequency``, ``seconds``, ``stack`` (``even`` or ``odd``), ``grey``.
    """
    gratings = list(table.groupby("temporal_frequency", sort=False))
    grid = panel.subplots(len(gratings), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (frequency, rows) in zip(grid, gratings, strict=True):
        axes.step(rows["seconds"], rows["grey"], where="post", color="0.8", lw=0.6)
        for stack, (marker, colour) in _STACKS.items():
            part = rows[rows["stack"] == stack]
            axes.plot(part["seconds"], part["grey"], marker, color=colour, ms=2.5, label=f"{stack} frames")
        axes.set(ylabel=f"{frequency:g} Hz", yticks=[0, 255], ylim=(-40, 295))
    grid[0].legend(ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    grid[-1].set_xlabel("time (s)")
    panel.supylabel("grey level of one pixel", fontsize=6)


def plot_apparent_frequency(axes: Axes, table: pd.DataFrame) -> None:
    """Lowest frequency with the same frames, where all frames are seen and where every second one is.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``step``, ``temporal_frequency``, ``apparent``, ``shown`` (whether such a grating was reconstructed).
    """
    for step, rows in table.groupby("step"):
        name, colour, line = _STEPS[int(step)]
        axes.plot(rows["temporal_frequency"], rows["apparent"], line, color=colour, label=name)
        shown = rows[rows["shown"]]
        axes.plot(shown["temporal_frequency"], shown["apparent"], "o", color=colour, ms=3)
    axes.set(xlabel="temporal frequency of the grating (Hz)", ylabel="frequency in the frames seen (Hz)")
    axes.legend(title="the encoder sees")
