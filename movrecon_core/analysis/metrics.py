"""How alike two movies, or two sets of responses, are; and what a movie is made of (method page, evaluation).

Movies are (T, H, W), masks (H, W) bool, and only pixels inside the mask count. All numbers are float64.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import ReconstructionError

SKIPPED_FRAMES = 30
"""Frames at the start of a movie that are not evaluated; the encoder has no full history there."""

PEAK = 255.0
GREY = 127.5
ENTROPY_BINS = 25
"""Article, Eq. 9; over 0..256."""

Array = NDArray[np.floating]
Mask = NDArray[np.bool_]


class Judged(NamedTuple):
    """What a reconstruction is judged by; metrics take the three in this order.

    Attributes
    ----------
    truth
        (T, 36, 64), the movie that was shown, grey levels.
    reconstruction
        (T, 36, 64), not masked, grey levels.
    pixels
        (36, 64) bool, the evaluation mask.
    """

    truth: NDArray[np.float32]
    reconstruction: NDArray[np.float32]
    pixels: NDArray[np.bool_]

    @property
    def evaluated(self) -> "Judged":
        """Without the frames before the first that is evaluated: ``video_correlation(*judged.evaluated)``."""
        return Judged(self.truth[SKIPPED_FRAMES:], self.reconstruction[SKIPPED_FRAMES:], self.pixels)


def correlation(a: Array, b: Array) -> float:
    """Pearson correlation over all entries; NaN if one of the arrays is constant."""
    return float(_correlation(np.ravel(a), np.ravel(b)))


def video_correlation(truth: Array, movie: Array, mask: Mask) -> float:
    """Pearson correlation over all pixels and frames (article, Eq. 8).

    Examples
    --------
    >>> truth = np.random.default_rng(0).uniform(0, 255, (90, 36, 64))
    >>> mask = np.ones((36, 64), dtype=bool)
    >>> round(video_correlation(truth, 100 + truth / 2, mask), 6), round(video_correlation(truth, 255 - truth, mask), 6)
    (1.0, -1.0)
    """
    return correlation(_masked(truth, mask), _masked(movie, mask))


def frame_correlation(truth: Array, movie: Array, mask: Mask) -> NDArray[np.float64]:
    """Pearson correlation of each frame; NaN where one of the two frames is constant.

    Returns
    -------
    NDArray
        (T,).

    Examples
    --------
    >>> truth = np.random.default_rng(0).uniform(0, 255, (3, 36, 64))
    >>> movie = np.stack([truth[0], 255 - truth[1], np.full((36, 64), 127.5)])
    >>> frame_correlation(truth, movie, np.ones((36, 64), dtype=bool)).round(3).tolist()
    [1.0, -1.0, nan]
    """
    return _correlation(_masked(truth, mask), _masked(movie, mask))


def mean_frame_correlation(truth: Array, movie: Array, mask: Mask) -> float:
    """Mean over frames of the frames' correlation (article, Eq. 7); constant frames are left out."""
    return _mean_of_defined(frame_correlation(truth, movie, mask))


def pixel_correlation(truth: Array, movie: Array) -> NDArray[np.float64]:
    """Correlation over time of each pixel, NaN where it is constant.

    Returns
    -------
    NDArray
        (H, W).
    """
    return _correlation(np.moveaxis(truth, 0, -1), np.moveaxis(movie, 0, -1))


def response_correlation(recorded: Array, predicted: Array) -> float:
    """Pearson correlation over all neurons and frames. Both (N, T)."""
    return correlation(recorded, predicted)


def neuron_correlation(recorded: Array, predicted: Array) -> NDArray[np.float64]:
    """Correlation over frames of each neuron, NaN where it is constant; its mean is the single-trial correlation.

    Parameters
    ----------
    recorded, predicted
        (N, T).

    Returns
    -------
    NDArray
        (N,).
    """
    return _correlation(recorded, predicted)


def population_correlation(recorded: Array, predicted: Array) -> NDArray[np.float64]:
    """Correlation over neurons at each frame, NaN where the population is constant. Both (N, T).

    Returns
    -------
    NDArray
        (T,).
    """
    return _correlation(np.transpose(recorded), np.transpose(predicted))


def threshold_correlations(truth: Array, movie: Array, alpha: Array, thresholds: Array) -> NDArray[np.float64]:
    """Video correlation within the pixels of each of many evaluation masks, α >= threshold.

    Parameters
    ----------
    truth, movie
        (T, H, W).
    alpha
        (H, W), transparency mask.
    thresholds
        (masks,).

    Returns
    -------
    NDArray
        (masks,), NaN where a mask has no pixel or one of the movies is constant in it.
    """
    x, y = (np.asarray(m, dtype=np.float64).reshape(len(m), -1) - GREY for m in (truth, movie))
    inside = (np.ravel(alpha) >= np.asarray(thresholds)[:, None]).astype(np.float64)  # (masks, pixels)
    count = np.maximum(inside.sum(axis=1) * len(x), 1)
    mean_x, mean_y = (inside @ m.sum(axis=0) / count for m in (x, y))
    xx, yy, xy = (inside @ (a * b).sum(axis=0) / count for a, b in ((x, x), (y, y), (x, y)))
    variance = (xx - mean_x**2) * (yy - mean_y**2)
    varies = variance > 1e-9
    return np.where(varies, (xy - mean_x * mean_y) / np.sqrt(np.where(varies, variance, 1)), np.nan)


def rmse(truth: Array, movie: Array, mask: Mask) -> float:
    """Root mean squared error in grey levels."""
    return float(np.sqrt(np.mean((_masked(truth, mask) - _masked(movie, mask)) ** 2)))


def psnr(truth: Array, movie: Array, mask: Mask) -> float:
    """Peak signal-to-noise ratio in dB, for a peak of 255; infinite for equal movies."""
    error = rmse(truth, movie, mask)
    return float(20 * np.log10(PEAK / error)) if error else float("inf")


def ssim_global(truth: Array, movie: Array, mask: Mask) -> float:
    """Structural similarity of the whole movies, with the scripts' constants (255² for luminance and contrast)."""
    x, y = _masked(truth, mask).ravel(), _masked(movie, mask).ravel()
    c1 = c2 = PEAK**2
    c3 = c2 / 2
    luminance = (2 * x.mean() * y.mean() + c1) / (x.mean() ** 2 + y.mean() ** 2 + c1)
    contrast = (2 * x.std() * y.std() + c2) / (x.var() + y.var() + c2)
    structure = (np.cov(x, y)[0, 1] + c3) / (x.std() * y.std() + c3)
    return float(luminance * contrast * structure)


def motion_energy(movie: Array, mask: Mask) -> NDArray[np.float64]:
    """Mean absolute difference of successive frames in grey levels (article, Eq. 10).

    Returns
    -------
    NDArray
        (T - 1,).
    """
    return np.abs(np.diff(_masked(movie, mask), axis=0)).mean(axis=1)


def entropy(movie: Array, mask: Mask) -> NDArray[np.float64]:
    """Shannon entropy of each frame's histogram in bits (article, Eq. 9).

    Returns
    -------
    NDArray
        (T,).
    """
    counts = np.stack([np.histogram(frame, ENTROPY_BINS, (0, PEAK + 1))[0] for frame in _masked(movie, mask)])
    share = counts / counts.sum(axis=1, keepdims=True)
    return -(share * np.log2(np.where(share > 0, share, 1))).sum(axis=1)


def match_contrast_luminance(movie: Array, truth: Array, mask: Mask) -> NDArray[np.float64]:
    """Give a movie the truth's mean and s.d. over all masked pixels and frames; 127.5 outside the mask.

    Returns
    -------
    NDArray
        (T, H, W), clipped to 0..255.
    """
    pixels, target = _masked(movie, mask), _masked(truth, mask)
    scaled = (movie - pixels.mean()) / pixels.std() * target.std() + target.mean()
    return grey_outside_mask(np.clip(scaled, 0, PEAK), mask)


def match_mean_image(movie: Array, truth: Array, mask: Mask, contrast: bool = True) -> NDArray[np.float64]:
    """Give a movie the mean, and the s.d., of the truth's time-averaged image, as in the article's figures.

    Parameters
    ----------
    contrast
        False matches the mean alone.

    Returns
    -------
    NDArray
        (T, H, W), clipped to 0..255, 127.5 outside the mask.
    """
    image, target = _masked(movie, mask).mean(axis=0), _masked(truth, mask).mean(axis=0)
    scale = target.std() / image.std() if contrast and image.std() > 0 else 1.0
    return grey_outside_mask(np.clip((movie - image.mean()) * scale + target.mean(), 0, PEAK), mask)


def grey_outside_mask(movie: Array, mask: Mask) -> NDArray[np.float64]:
    """The movie inside the mask, 127.5 elsewhere."""
    return np.where(mask, np.asarray(movie, dtype=np.float64), GREY)


def _masked(movie: Array, mask: Mask) -> NDArray[np.float64]:
    if mask.shape != movie.shape[1:]:
        raise ReconstructionError(f"mask: expected shape {movie.shape[1:]} as the movie's frames, found {mask.shape}")
    if not mask.any():
        raise ReconstructionError("mask: it selects no pixel; lower its threshold or train it longer")
    return np.asarray(movie[:, np.asarray(mask, dtype=bool)], dtype=np.float64)


def _correlation(a: Array, b: Array) -> NDArray[np.float64]:
    """Pearson correlation along the last axis."""
    a, b = (np.asarray(x, dtype=np.float64) for x in (a, b))
    if a.shape != b.shape:
        raise ReconstructionError(f"arrays to be correlated differ in shape: {a.shape} and {b.shape}")
    varies = (np.ptp(a, axis=-1) > 0) & (np.ptp(b, axis=-1) > 0)
    a, b = (x - x.mean(axis=-1, keepdims=True) for x in (a, b))
    a, b = (x / np.where(varies, np.linalg.norm(x, axis=-1), 1)[..., None] for x in (a, b))
    return np.where(varies, (a * b).sum(axis=-1), np.nan)


def _mean_of_defined(values: NDArray[np.float64]) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")
