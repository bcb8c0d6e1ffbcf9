"""What guides a movie besides the responses: where it starts, what it is pulled to, how encoders misfit responses."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movrecon_core.decoders.roots import Roots, neurons_at_a_time

LEAST = 1e-6
"""Added to predictions before their root is taken, whose gradient has no limit at 0."""


@dataclass(frozen=True)
class Misfit:
    """How roots of recorded responses lie about those of an encoder's predictions, on training movies.

    Roots draw in the tails: large responses vary more than small ones, and single ones would outweigh all others.

    Attributes
    ----------
    scale
        (N,), > 0, what a neuron's responses are divided by.
    exponent
        (N,), 1/2 or 1/4, the root.
    slope, offset
        (N,), of the regression of recorded roots on predicted ones.
    spread
        (N,), > 0, standard deviation of what is left.
    """

    scale: NDArray[np.float32]
    exponent: NDArray[np.float32]
    slope: NDArray[np.float32]
    offset: NDArray[np.float32]
    spread: NDArray[np.float32]

    @property
    def noise_free(self) -> "Misfit":
        """For responses that were predicted by an encoder."""
        ones = np.ones_like(self.slope)
        return Misfit(self.scale, self.exponent, ones, 0 * ones, NOISE_FREE * self.spread)


NOISE_FREE = 0.3
"""Share of the spread that is allowed where responses hold no noise: smaller ones need more steps than are made."""


@dataclass(frozen=True)
class Guide:
    """Where a movie starts, and how far from there it may be.

    Attributes
    ----------
    start
        (T, 36, 64), a decoder's movie, grey levels 0..255.
    spread
        (K, R, C), standard deviation of that decoder's error for the first frequencies in time, rows and columns, as
        coefficients of the orthonormal discrete cosine transform of the movie.
    misfits
        One for each encoder that the movie is found with.
    """

    start: NDArray[np.float32]
    spread: NDArray[np.float32]
    misfits: tuple[Misfit, ...]


def learn_misfit(
    recorded: Sequence[NDArray[np.floating]], predicted: Sequence[NDArray[np.floating]], roots: Roots
) -> Misfit:
    """Regress roots of responses on those of predictions.

    Parameters
    ----------
    recorded, predicted
        (N, T), >= 0, of each training movie.
    roots
        What is taken of both.
    """
    parts = []
    for some in neurons_at_a_time(len(roots.scale)):
        found, known = (np.concatenate([movie[some] for movie in movies], axis=1) for movies in (recorded, predicted))
        parts.append(_learned(found, known, roots.of(some)))
    slope, offset, spread = np.concatenate(parts, axis=1, dtype=np.float32)
    return Misfit(roots.scale, np.full_like(slope, 1 / roots.root), slope, offset, spread)


def _learned(recorded: NDArray[np.floating], predicted: NDArray[np.floating], roots: Roots) -> NDArray[np.floating]:
    """Slope, offset and spread (3, N)."""
    found, known = roots(recorded), roots(predicted + LEAST)
    mean, known_mean = found.mean(axis=1), known.mean(axis=1)
    together = ((found - mean[:, None]) * (known - known_mean[:, None])).mean(axis=1)
    variance = known.var(axis=1)
    # A neuron that falls when it should rise, or is predicted to be constant, tells nothing.
    slope = np.maximum(together, 0) / np.where(variance > 0, variance, 1)
    offset = mean - slope * known_mean
    left = (found - slope[:, None] * known - offset[:, None]).std(axis=1)
    return np.stack([slope, offset, np.where(left > 0, left, 1)])
