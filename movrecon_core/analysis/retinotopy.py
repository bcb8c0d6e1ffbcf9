"""Sizes on the screen as the mouse sees them, in degrees of visual angle (article, Reconstruction area calculation)."""

import numpy as np
from numpy.typing import NDArray

from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH

MONITOR_HEIGHT_CM, MONITOR_WIDTH_CM = 31.8, 56.5
VIEWING_DISTANCE_CM = 15.0
PIXEL_CM = MONITOR_WIDTH_CM / FRAME_WIDTH
"""Side of a pixel; 36 of them are slightly less than the monitor's height."""


def pixel_area() -> NDArray[np.float64]:
    """Area of every pixel: the product of its two visual angles.

    Returns
    -------
    NDArray
        (36, 64), deg².
    """
    return np.outer(_pixel_angles(FRAME_HEIGHT), _pixel_angles(FRAME_WIDTH))


def mask_diameter(mask: NDArray[np.bool_]) -> float:
    """Diameter in degrees of the circle that is as large as a mask (article, Eq. 14).

    Parameters
    ----------
    mask
        (36, 64).
    """
    return _diameter(pixel_area()[mask].sum())


def full_screen_diameter() -> float:
    """Diameter in degrees of the circle that is as large as the monitor."""
    return _diameter(_visual_angle(MONITOR_HEIGHT_CM) * _visual_angle(MONITOR_WIDTH_CM))


def mask_size(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """Height and width in degrees of a mask, as if it were centred on the screen; 0 for an empty mask.

    Parameters
    ----------
    mask
        (36, 64).
    """
    rows, columns = _extent(mask, 0), _extent(mask, 1)
    return (
        _visual_angle(rows * MONITOR_HEIGHT_CM / FRAME_HEIGHT),
        _visual_angle(columns * MONITOR_WIDTH_CM / FRAME_WIDTH),
    )


def _visual_angle(size_cm: float) -> float:
    """Angle in degrees of something in front of the eye."""
    return float(np.degrees(2 * np.arctan(size_cm / 2 / VIEWING_DISTANCE_CM)))


def _pixel_angles(pixels: int) -> NDArray[np.float64]:
    edges = (np.arange(pixels + 1) - pixels / 2) * PIXEL_CM
    return np.degrees(np.diff(np.arctan(edges / VIEWING_DISTANCE_CM)))


def _diameter(area: float) -> float:
    return float(2 * np.sqrt(area / np.pi))


def _extent(mask: NDArray[np.bool_], axis: int) -> int:
    where = np.flatnonzero(mask.any(axis=1 - axis))
    return int(where[-1] - where[0] + 1) if where.size else 0
