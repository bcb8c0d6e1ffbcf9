"""How far decoded movies are from the truth, for every frequency in time and space."""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn
from scipy.ndimage import gaussian_filter

from movrecon_core.decoders.frames import COLUMNS, ROWS

FREQUENCIES = 64
"""In time, from 0 to what two samples a period can show."""

SMOOTHED = (1.5, 1.0, 1.0)
"""Standard deviation, in frequencies, of the filter over the logarithm of the power."""


def error_spectrum(errors: NDArray[np.floating], movies: NDArray[np.integer], apart: int) -> NDArray[np.float32]:
    """Power of errors, mean over movies, smoothed over neighbouring frequencies.

    Parameters
    ----------
    errors
        (S, 576), grey levels, at half the resolution.
    movies
        (S,), which movie each is of, ascending.
    apart
        Frames from one sample to the next.

    Returns
    -------
    NDArray
        (64, 18, 32), mean squared coefficient of the orthonormal discrete cosine transform of a movie that has every
        frame and 36 x 64 pixels. Row k is the frequency k / 128 / `apart` cycles a frame.
    """
    spectra = []
    for movie in np.unique(movies):
        error = errors[movies == movie].reshape(-1, ROWS, COLUMNS)
        power = np.square(dctn(error, norm="ortho"))
        spectra.append(_at(power, np.arange(FREQUENCIES) * len(power) / FREQUENCIES))
    mean = np.mean(spectra, axis=0)
    smooth = np.exp(gaussian_filter(np.log(np.maximum(mean, 1e-12)), SMOOTHED, mode="nearest"))
    # The filter takes the geometric mean, which is below the arithmetic one of noisy powers.
    smooth *= mean.sum() / max(smooth.sum(), 1e-12)
    return (smooth * apart * 4).astype(np.float32)


def spread_of_frequencies(power: NDArray[np.floating], apart: int, frames: int) -> NDArray[np.float32]:
    """Standard deviation of each coefficient of a movie's error (K, 18, 32); faster ones were not sampled.

    Parameters
    ----------
    power, apart
        As `error_spectrum`.
    frames
        Of the movie.
    """
    count = -(-frames // apart)
    return np.sqrt(_at(power, np.arange(count) * apart * FREQUENCIES / frames)).astype(np.float32)


def _at(power: NDArray[np.floating], places: NDArray[np.floating]) -> NDArray[np.floating]:
    """Power between its rows, linear."""
    places = np.clip(places, 0, len(power) - 1)
    below = np.minimum(places.astype(int), max(len(power) - 2, 0))
    above = np.minimum(below + 1, len(power) - 1)
    part = (places - below)[:, None, None]
    return (1 - part) * power[below] + part * power[above]
