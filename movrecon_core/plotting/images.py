"""Frames of movies and maps over the screen."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from movrecon_core.analysis.retinotopy import PIXEL_CM, VIEWING_DISTANCE_CM
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH


def image_of(table: pd.DataFrame, **selected: object) -> np.ndarray:
    """The (y, x) image of the rows of a table in which the named columns have these values.

    Parameters
    ----------
    table
        Columns ``y``, ``x`` and, last, the value.
    **selected
        Values of the other columns.
    """
    rows = table
    for column, value in selected.items():
        rows = rows[rows[column] == value]
    return rows.pivot(index="y", columns="x", values=str(table.columns[-1])).to_numpy()


def show_frame(axes: Axes, frame: np.ndarray) -> AxesImage:
    """Draw one grey frame, 0..255; pixels outside the mask (NaN) stay light."""
    axes.set_facecolor("#E8E4DA")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes.imshow(frame, vmin=0, vmax=255, cmap="gray")


def show_map(axes: Axes, values: np.ndarray, low: float, high: float, cmap: str) -> AxesImage:
    """Draw a map over the 36 × 64 screen with rings of equal eccentricity every 10°."""
    image = axes.imshow(values, vmin=low, vmax=high, cmap=cmap)
    draw_eccentricity(axes)
    return image


def draw_eccentricity(axes: Axes) -> None:
    """Dashed rings of equal angle from the screen's centre, every 10°, within the limits of the screen."""
    y, x = np.mgrid[:FRAME_HEIGHT, :FRAME_WIDTH]
    distance = np.hypot(y - (FRAME_HEIGHT - 1) / 2, x - (FRAME_WIDTH - 1) / 2) * PIXEL_CM
    degrees = np.degrees(np.arctan(distance / VIEWING_DISTANCE_CM))
    axes.contour(degrees, levels=np.arange(10, degrees.max(), 10), colors="0.5", linewidths=0.4, linestyles="dashed")
    axes.set(xlim=(-0.5, FRAME_WIDTH - 0.5), ylim=(FRAME_HEIGHT - 0.5, -0.5), xticks=[], yticks=[], aspect="equal")
    for spine in axes.spines.values():
        spine.set_visible(True)
