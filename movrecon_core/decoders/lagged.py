"""What a decoder sees of the responses: each neuron's, around every frame, its heavy tail drawn in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movrecon_core.decoders.frames import halved
from movrecon_core.decoders.roots import Roots
from movrecon_core.errors import ReconstructionError
from movrecon_core.recordings import Trial

STRIDE = 4
"""Frames from one sample to the next: responses are imaged at some 8 Hz, frames in between add little."""

MOST_SAMPLES = 6000
"""Of a mouse; the solution takes time with their third power. Longer recordings are sampled more thinly."""

SHORT_LAGS = tuple(range(0, 16, 2))
"""Frames from a picture to the response: half a second, in which a neuron answers."""

LONG_LAGS = (-6, -3, 0, 3, 6, 9, 12, 15, 18, 22, 27)
"""With what came before and after: neighbouring frames are alike, so their responses speak of this one, too."""


def lagged(
    responses: NDArray[np.floating], roots: Roots, lags: Sequence[int], frames: slice = slice(None)
) -> NDArray[np.float32]:
    """Root of each neuron's response at several times after a frame.

    Parameters
    ----------
    responses
        (N, T), >= 0.
    roots
        What is taken of them.
    lags
        In frames; before a movie's first and after its last frame, those are repeated.
    frames
        Which frames are wanted.

    Returns
    -------
    NDArray
        (T, N * lags).

    Raises
    ------
    ReconstructionError
        If these are not the responses of as many neurons.
    """
    drawn_in = roots(responses)
    count = drawn_in.shape[1]
    times = np.clip(np.arange(count)[frames, None] + np.asarray(lags, dtype=int), 0, count - 1)  # (T, lags)
    return drawn_in[:, times].transpose(1, 0, 2).reshape(len(times), -1)


@dataclass(frozen=True)
class Samples:
    """Frames of training movies and the responses around them.

    Attributes
    ----------
    features
        (S, N * lags), less their mean.
    pixels
        (S, 576), less their mean.
    movies
        (S,), which movie each is of, ascending.
    feature_mean, pixel_mean
        What was taken off.
    apart
        Frames from one sample to the next.
    """

    features: NDArray[np.float32]
    pixels: NDArray[np.float32]
    movies: NDArray[np.int64]
    feature_mean: NDArray[np.float32]
    pixel_mean: NDArray[np.float32]
    apart: int

    @property
    def judging(self) -> NDArray[np.bool_]:
        """(S,), samples of the last fifth of the movies, on which settings are chosen."""
        count = int(self.movies[-1]) + 1
        return self.movies >= count - max(1, count // 5)


def sampled(trials: Sequence[Trial], roots: Roots, lags: Sequence[int]) -> Samples:
    """Samples of training movies.

    Raises
    ------
    ReconstructionError
        If there are fewer than two movies: one learns, another one judges.
    """
    if len(trials) < 2:
        raise ReconstructionError(f"a decoder needs two training movies at least, found {len(trials)}")
    stride = max(STRIDE, -(-sum(trial.frames for trial in trials) // MOST_SAMPLES))
    every = slice(stride // 2, None, stride)
    counts = [len(range(trial.frames)[every]) for trial in trials]
    features = np.empty((sum(counts), len(trials[0].responses) * len(lags)), np.float32)  # hundreds of MB, once
    for trial, last, count in zip(trials, np.cumsum(counts), counts, strict=True):
        features[last - count : last] = lagged(trial.responses, roots, lags, every)
    pixels = np.concatenate([halved(trial.movie[every]) for trial in trials])
    feature_mean, pixel_mean = features.mean(axis=0), pixels.mean(axis=0)
    movies = np.repeat(np.arange(len(trials)), counts)
    features -= feature_mean
    pixels -= pixel_mean
    return Samples(features, pixels, movies, feature_mean, pixel_mean, stride)
