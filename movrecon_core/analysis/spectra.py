"""Movies and what is found of them, by spatial and temporal frequency."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from movrecon_core.recordings import FRAME_HEIGHT, FRAME_RATE, FRAME_WIDTH

EDGE = 4.0
"""Pixels over which a mask's edge rises from 0 to 1 (chosen)."""
SPATIAL = (0.0, 1 / 32, 1 / 16, 1 / 8, 1 / 4)
"""Cycles a pixel, lower ends of the bands: octaves, the last up to the corner of the plane of frequencies."""
TEMPORAL = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Hz, lower ends of the bands: octaves, the last up to 15 Hz."""


class Bands(NamedTuple):
    """Sums over the frequencies of each band, all (6, 5): temporal (`TEMPORAL`) and spatial (`SPATIAL`) bands.

    Attributes
    ----------
    truth, found
        Power of both movies.
    cross
        Complex; of the truth with what was found, at temporal frequencies of 0 and above.
    """

    truth: NDArray[np.float64]
    found: NDArray[np.float64]
    cross: NDArray[np.complex128]

    def over(self, axis: int) -> "Bands":
        """Sums over all temporal (0) or spatial (1) bands."""
        return Bands(self.truth.sum(axis=axis), self.found.sum(axis=axis), self.cross.sum(axis=axis))

    @property
    def coherence(self) -> NDArray[np.float64]:
        """Squared, 0..1: how far one movie follows from the other by a linear filter; NaN where nothing is."""
        product = self.truth * self.found
        return np.where(product > 0, np.abs(self.cross) ** 2 / np.where(product > 0, product, 1), np.nan)


def tapered(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights (H, W) that are 0 outside a mask and rise to 1 within it, so that its edge has no spectrum of its own."""
    inside = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return np.asarray(np.sin(np.pi / 2 * np.clip((inside - 0.5) / EDGE, 0, 1)) ** 2)


def bands(truth: NDArray[np.floating], found: NDArray[np.floating], mask: NDArray[np.bool_]) -> Bands:
    """Compare two movies band by band.

    Parameters
    ----------
    truth, found
        (T, 36, 64).
    mask
        (36, 64) bool; what is near its edge counts less, as do the first and last frames.
    """
    weights = tapered(mask)
    x, y = (_spectrum(movie, weights) for movie in (truth, found))
    frames = len(truth)
    return Bands(_sums(np.abs(x) ** 2, frames), _sums(np.abs(y) ** 2, frames), _sums(x * y.conj(), frames))


def _spectrum(movie: NDArray[np.floating], weights: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Coefficients (F, H, W) of a movie around its weighted mean."""
    values = np.asarray(movie, dtype=np.float64)
    values = values - values.mean()  # exactly 0 where all are alike
    mean = np.average(values.mean(axis=0), weights=weights)
    in_time = np.hanning(len(values) + 2)[1:-1]
    return np.fft.rfftn((values - mean) * weights * in_time[:, None, None], axes=(1, 2, 0))


def _sums(coefficients: NDArray, frames: int) -> NDArray:
    """Sum of the coefficients (F, H, W) of each band (6, 5)."""
    in_time = np.fft.rfftfreq(frames, 1 / FRAME_RATE)
    in_space = np.hypot(np.fft.fftfreq(FRAME_HEIGHT)[:, None], np.fft.fftfreq(FRAME_WIDTH))
    places = [np.searchsorted(lower, at, "right") - 1 for lower, at in ((TEMPORAL, in_time), (SPATIAL, in_space))]
    band = places[0][:, None, None] * len(SPATIAL) + places[1]
    sums = [coefficients[band == k].sum() for k in range(len(TEMPORAL) * len(SPATIAL))]
    return np.reshape(sums, (len(TEMPORAL), len(SPATIAL)))
