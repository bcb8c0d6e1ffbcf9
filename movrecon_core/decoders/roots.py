"""Responses with their heavy tails drawn in: square or fourth roots, in each neuron's standard deviation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import skew

from movrecon_core.errors import ReconstructionError

MOST_SKEWED = 2.0
"""Mean skewness over neurons of the square roots, that of an exponential distribution; above it fourth roots are taken.
Chosen on movies of a training fold, simulated with and without the tails of real neurons."""

AT_A_TIME = 256
"""Neurons of which all frames are looked at together."""

SKEW_STRIDE = 5
"""Frames from one to the next that skewness is taken of."""


@dataclass(frozen=True)
class Roots:
    """What is taken of the responses.

    Attributes
    ----------
    scale
        (N,), > 0, what a neuron's responses are divided by.
    root
        (), 2 or 4.
    """

    scale: NDArray[np.float32]
    root: NDArray[np.int64]

    def of(self, neurons: slice) -> "Roots":
        """Those of some neurons."""
        return Roots(self.scale[neurons], self.root)

    def __call__(self, responses: NDArray[np.floating]) -> NDArray[np.float32]:
        """Roots (N, T) of responses (N, T), >= 0.

        Raises
        ------
        ReconstructionError
            If these are not the responses of as many neurons.
        """
        if responses.ndim != 2 or len(responses) != len(self.scale):
            raise ReconstructionError(
                f"expected responses of {len(self.scale)} neurons, as were learned from, found shape {responses.shape}"
            )
        found = np.sqrt(responses / self.scale[:, None])
        return np.asarray(np.sqrt(found) if self.root == 4 else found, dtype=np.float32)


def learn_roots(responses: Sequence[NDArray[np.floating]]) -> Roots:
    """Learn them from the responses (N, T) to some movies.

    The scale is each neuron's standard deviation over all frames, 1 for silent ones; the root draws in the tails
    enough.
    """
    frames = sum(movie.shape[1] for movie in responses)
    mean = sum(movie.sum(axis=1, dtype=np.float64) for movie in responses) / frames
    square = sum(np.square(movie, dtype=np.float64).sum(axis=1) for movie in responses) / frames
    spread = np.sqrt(np.maximum(square - mean**2, 0))
    scale = np.where(spread > 0, spread, 1).astype(np.float32)
    roots = Roots(scale, np.asarray(2))
    skewness = np.concatenate([_skewness(responses, roots, some, spread > 0) for some in neurons_at_a_time(len(scale))])
    skewed = len(skewness) > 0 and float(skewness.mean()) > MOST_SKEWED
    return Roots(scale, np.asarray(4)) if skewed else roots


def neurons_at_a_time(count: int) -> list[slice]:
    """Parts of a population: what is made of all frames of a recording fills memory several times over."""
    return [slice(first, min(first + AT_A_TIME, count)) for first in range(0, count, AT_A_TIME)]


def _skewness(
    responses: Sequence[NDArray[np.floating]], roots: Roots, neurons: slice, vary: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Of those neurons among some that vary (N,); others have none."""
    found = np.concatenate([roots.of(neurons)(movie[neurons, ::SKEW_STRIDE]) for movie in responses], axis=1)
    varying = found[vary[neurons]].astype(np.float64)
    return np.asarray(skew(varying, axis=1)) if len(varying) else np.empty(0)
