"""What a decoder sees of the responses: each neuron's, around every frame, its heavy tail drawn in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from movrecon_core.decoders.frames import halved
from movrecon_core.decoders.roots import Roots
from movrecon_core.errors import ReconstructionError
from movrecon_core.recordings import Trial

STRIDE = 4
"""Frames from one sample to the next: responses are imaged at some 8 Hz, frames in between add little."""

MOST_SAMPLES = 6000
"""Of a mouse; the solution takes time with their third power. Longer recordings are sampled more thinly."""

PART = 16_000_000
"""Numbers of the features that are in memory at a time."""

ROWS_AT_ONCE = 512
"""Of a kernel, which is symmetric: of smaller blocks less is computed twice, larger ones are multiplied faster."""

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

    All features together are the largest array of a study: they are made of some neurons at a time, whenever products
    with them are asked for.

    Attributes
    ----------
    trials
        The movies.
    roots
        What is taken of their responses.
    lags
        In frames.
    every
        Frames of a movie that are samples.
    pixels
        (S, 576), less their mean.
    movies
        (S,), which movie each is of, ascending.
    feature_mean, pixel_mean
        (N * lags,), (576,); what was taken off.
    """

    trials: Sequence[Trial]
    roots: Roots
    lags: tuple[int, ...]
    every: slice
    pixels: NDArray[np.float32]
    movies: NDArray[np.int64]
    feature_mean: NDArray[np.float32]
    pixel_mean: NDArray[np.float32]

    @property
    def apart(self) -> int:
        """Frames from one sample to the next."""
        return int(self.every.step)

    @property
    def learning(self) -> slice:
        """Samples of all movies but those of `judging`."""
        return slice(0, self.judging.start)

    @property
    def judging(self) -> slice:
        """Samples of the last fifth of the movies, on which settings are chosen."""
        count = int(self.movies[-1]) + 1
        return slice(int(np.searchsorted(self.movies, count - max(1, count // 5))), len(self.movies))

    def features(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Columns, and these columns of the features (S, N * lags) less their mean, for some neurons after others."""
        neurons, lags = len(self.roots.scale), len(self.lags)
        size = max(1, PART // (len(self.movies) * lags))
        for first in range(0, neurons, size):
            part = slice(first, min(first + size, neurons))
            columns = slice(part.start * lags, part.stop * lags)
            roots = self.roots.of(part)
            found = np.concatenate([lagged(t.responses[part], roots, self.lags, self.every) for t in self.trials])
            found -= self.feature_mean[columns]
            yield columns, found

    def kernel(self) -> Tensor:
        """Products of the features of all samples (S, S)."""
        count = len(self.movies)
        kernel = torch.zeros(count, count)
        rows = [slice(first, first + ROWS_AT_ONCE) for first in range(0, count, ROWS_AT_ONCE)]
        for _, found in self.features():
            features = torch.from_numpy(found)
            for some in rows:  # what lies right of the diagonal; the rest is the same
                kernel[some, some.start :].addmm_(features[some], features[some.start :].t())
        for some in rows:
            kernel[some.stop :, some] = kernel[some, some.stop :].t()
        return kernel

    def weighted_sum(self, values: NDArray[np.float32], chosen: slice = slice(None)) -> NDArray[np.float32]:
        """Sum of the features of chosen samples, times their values (S, P): (N * lags, P)."""
        found = np.empty((len(self.feature_mean), values.shape[1]), np.float32)
        for columns, features in self.features():
            found[columns] = features[chosen].T @ values[chosen]
        return found

    def shown(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """What weights (N * lags, P) make of the features of each sample: (S, P)."""
        found = np.zeros((len(self.movies), weights.shape[1]), np.float32)
        for columns, features in self.features():
            found += features @ weights[columns]
        return found


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
    sums = [lagged(trial.responses, roots, lags, every).sum(axis=0, dtype=np.float64) for trial in trials]
    feature_mean = (np.sum(sums, axis=0) / sum(counts)).astype(np.float32)
    pixels = np.concatenate([halved(trial.movie[every]) for trial in trials])
    pixel_mean = pixels.mean(axis=0)
    pixels -= pixel_mean
    movies = np.repeat(np.arange(len(trials)), counts)
    return Samples(trials, roots, tuple(lags), every, pixels, movies, feature_mean, pixel_mean)
