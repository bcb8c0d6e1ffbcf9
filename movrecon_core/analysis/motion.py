"""Whether what moves comes back where it is: motion in a movie, and how far a reconstruction is shifted along it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

WINDOW = (1.0, 2.0, 2.0)
"""Standard deviation of the window in which motion is one and the same: frames, pixels, pixels (chosen)."""
BLUR = (0.0, 1.0, 1.0)
"""Of the filter before slopes are taken, which differences of pixels need (chosen)."""
FLATNESS = 0.01
"""Share of the mean slope, squared, below which a place counts as flat: nothing is seen to move there (chosen)."""
SPEEDS = (0.1, 2.0)
"""Pixels a frame between which a place counts as moving: slower ones are hardly displaced, faster ones are cuts."""
SHIFTS = np.linspace(-4, 4, 17)
"""Pixels along the motion that are tried."""
LAGS = np.arange(-8, 9)
"""Frames that are tried."""
FEWEST = 500
"""Moving pixels, over all frames, of which a shift means anything (chosen)."""


class Shift(NamedTuple):
    """Where a reconstruction fits best to what moves.

    Attributes
    ----------
    pixels
        Along the motion, ahead of it above 0; NaN where nothing moves, or no shift up to 4 pixels fits best.
    frames
        Later than the truth above 0; NaN likewise, for 8 frames.
    """

    pixels: float
    frames: float


NOWHERE = Shift(float("nan"), float("nan"))


def local_motion(movie: NDArray[np.floating]) -> NDArray[np.float64]:
    """Velocity at every place, across the edges there (Lucas & Kanade 1981, least squares in a window).

    Parameters
    ----------
    movie
        (T, H, W).

    Returns
    -------
    NDArray
        (2, T, H, W), pixels a frame down and right; near 0 where the movie is flat.
    """
    smooth = gaussian_filter(np.asarray(movie, dtype=np.float64), BLUR)
    in_time, down, right = np.gradient(smooth)
    yy, yx, xx, yt, xt = (
        gaussian_filter(product, WINDOW)
        for product in (down * down, down * right, right * right, down * in_time, right * in_time)
    )
    flat = FLATNESS * (yy + xx).mean() + np.finfo(float).tiny
    yy, xx = yy + flat, xx + flat
    determinant = yy * xx - yx**2
    return np.stack([yx * xt - xx * yt, yx * yt - yy * xt]) / determinant


def shifts_along_motion(
    truth: NDArray[np.floating], found: NDArray[np.floating], mask: NDArray[np.bool_]
) -> list[Shift]:
    """How far reconstructions of one movie are shifted along its motion, and in time.

    Where and when the truth moves, it is displaced along its motion there, or delayed, and correlated with what was
    found. The peak lies on a parabola through the best of the shifts and its neighbours.

    Parameters
    ----------
    truth
        (T, H, W).
    found
        (M, T, H, W), reconstructions.
    mask
        (H, W) bool; only what moves in it counts.

    Returns
    -------
    list
        One `Shift` for each reconstruction.
    """
    velocity = local_motion(truth)
    speed = np.hypot(*velocity)
    moving = mask & (speed >= SPEEDS[0]) & (speed <= SPEEDS[1])
    moving[: LAGS[-1]] = moving[len(truth) + LAGS[0] :] = False
    if moving.sum() < FEWEST:
        return [NOWHERE] * len(found)
    direction = velocity / np.where(moving, speed, 1)
    time, y, x = np.nonzero(moving)
    displaced = np.concatenate(
        [
            map_coordinates(frame, _behind(at, towards), order=3, mode="nearest")
            for frame, at, towards in zip(truth.astype(np.float64), moving, np.moveaxis(direction, 1, 0), strict=True)
        ],
        axis=1,
    )
    delayed = np.stack([truth[time - lag, y, x] for lag in LAGS])
    values = _standardised(np.stack([movie[moving] for movie in found]))
    alike = [values @ _standardised(tried).T for tried in (displaced, delayed)]
    return [Shift(_peak(SHIFTS, one), _peak(LAGS, other)) for one, other in zip(*alike, strict=True)]


def _behind(moving: NDArray[np.bool_], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places (2, shifts, moving pixels) of one frame from which each shift brings the truth to its moving pixels."""
    places, along = np.stack(np.nonzero(moving)), direction[:, moving]
    return places[:, None] - SHIFTS[None, :, None] * along[:, None]


def _standardised(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    """Rows around their mean, of length 1; 0 where they are constant."""
    centred = rows - rows.mean(axis=1, keepdims=True, dtype=np.float64)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return centred / np.where(length > 0, length, 1)


def _peak(places: NDArray, alike: NDArray[np.float64]) -> float:
    """Where a curve over equidistant places is highest; NaN at the ends."""
    best = int(alike.argmax())
    if not 0 < best < len(places) - 1:
        return float("nan")
    before, at, after = alike[best - 1 : best + 2]
    return float(places[best] + (places[1] - places[0]) * (before - after) / (2 * (before - 2 * at + after)))
