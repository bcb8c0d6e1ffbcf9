"""What an encoder is told of a recording before it learns: mean responses, behaviour, where neurons look."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, uniform_filter

from movrecon_core.recordings import Trial

BIN_FRAMES = 5
"""Frames averaged before responses and movie are correlated, about the time from stimulus to response (167 ms)."""

PIXELS = 2
"""Rows and columns averaged into one position."""

CENTRE_BLUR = 1.5
"""Positions (about 10°, half a receptive field of mouse V1)."""


@dataclass(frozen=True)
class ResponseStatistics:
    """Training trials of one mouse in numbers.

    Attributes
    ----------
    mean_response
        (N,), > 0.
    behavior_mean, behavior_scale
        (4,), mean and standard deviation of pupil dilation, running speed, pupil x and y.
    centres
        (N, 2), first guess of the receptive field's row and column, -1..1 over the frame.
    """

    mean_response: NDArray[np.float64]
    behavior_mean: NDArray[np.float64]
    behavior_scale: NDArray[np.float64]
    centres: NDArray[np.float64]


def response_statistics(trials: Iterable[Trial]) -> ResponseStatistics:
    """Gather the statistics in one pass over the trials, which are read one by one.

    The centre is where luminance, local contrast or temporal change of the movie correlate best with the responses one
    bin later (sum of squared correlations, blurred).
    """
    empty: NDArray[np.float64] = np.zeros(())  # takes the shape of what is added first
    movie_sums, products = [empty] * 3, [empty] * 3
    response_sums = behavior_sums = empty
    bins = frames = 0
    for trial in trials:
        behavior = np.concatenate([trial.behavior, trial.pupil_center]).astype(np.float64)  # (4, T)
        behavior_sums = behavior_sums + np.stack([behavior.sum(1), np.square(behavior).sum(1)])
        frames += trial.frames
        responses = _binned(trial.responses.T)[1:]  # (bins, N)
        response_sums = response_sums + np.stack([responses.sum(0), np.square(responses).sum(0)])
        bins += len(responses)
        for i, feature in enumerate(_features(trial.movie)):
            feature = feature[:-1]  # (bins, rows, columns)
            movie_sums[i] = movie_sums[i] + np.stack([feature.sum(0), np.square(feature).sum(0)])
            products[i] = products[i] + np.tensordot(responses, feature, (0, 0))  # (N, rows, columns)

    mean, scale = _moments(response_sums, bins)
    evidence = np.zeros(products[0].shape)
    for sums, product in zip(movie_sums, products, strict=True):
        feature_mean, feature_scale = _moments(sums, bins)
        covariance = product / bins - mean[:, None, None] * feature_mean
        evidence += np.square(covariance / (scale[:, None, None] * feature_scale))
    evidence = gaussian_filter(evidence, (0, CENTRE_BLUR, CENTRE_BLUR))
    rows, columns = evidence.shape[1:]
    best = np.unravel_index(evidence.reshape(len(evidence), -1).argmax(1), (rows, columns))
    behavior_mean, behavior_scale = _moments(behavior_sums, frames)
    return ResponseStatistics(
        mean_response=np.maximum(mean, _least(mean)),  # a neuron that never responds keeps a finite scale
        behavior_mean=behavior_mean,
        behavior_scale=behavior_scale,
        centres=np.stack([best[0] / (rows - 1), best[1] / (columns - 1)], axis=1) * 2 - 1,
    )


def _features(movie: NDArray[np.float32]) -> Iterable[NDArray[np.float64]]:
    """Luminance, local contrast and temporal change, binned in time and space: (bins, rows, columns) each."""
    frames, rows, columns = movie.shape
    small = movie.reshape(frames, rows // PIXELS, PIXELS, columns // PIXELS, PIXELS).mean((2, 4))
    yield _binned(small)
    yield _binned(np.abs(small - uniform_filter(small, (0, 5, 5))))
    yield _binned(np.abs(np.diff(small, axis=0, prepend=small[:1])))


def _binned(array: NDArray[np.floating]) -> NDArray[np.float64]:
    whole = len(array) // BIN_FRAMES * BIN_FRAMES
    return array[:whole].reshape(-1, BIN_FRAMES, *array.shape[1:]).mean(1, dtype=np.float64)


def _least(mean: NDArray[np.float64]) -> float:
    """A thousandth of the median neuron's mean response, whatever its unit is."""
    responding = mean[mean > 0]
    return 1e-3 * float(np.median(responding)) if responding.size else 1.0


def _moments(sums: NDArray[np.float64], count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation from a sum and a sum of squares; what does not vary gets a scale of 1."""
    mean, square = sums[0] / count, sums[1] / count
    variance = square - np.square(mean)
    return mean, np.sqrt(np.where(variance > 1e-12 * square, variance, 1.0))  # below that it is rounding, in any unit
