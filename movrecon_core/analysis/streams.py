"""Correlations of responses that arrive movie by movie: memory does not grow with the length of a recording."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import ReconstructionError

Array = NDArray[np.floating]


def added(total: NDArray[np.float64] | None, part: NDArray[Any]) -> NDArray[np.float64]:
    """Sum of two arrays (..., T) over the frames that both have; None: nothing yet."""
    if total is None:
        return part
    frames = min(total.shape[-1], part.shape[-1])
    return total[..., :frames] + part[..., :frames]


class NeuronCorrelation:
    """`neuron_correlation` of responses that are added in parts."""

    def __init__(self) -> None:
        self._frames = 0
        self._offsets: tuple[Array, Array] | None = None
        self._first: tuple[Array, Array] | None = None
        self._sums = [np.zeros(())] * 5
        self._varies = [np.zeros((), bool)] * 2

    def add(self, recorded: Array, predicted: Array) -> None:
        """Add frames: both (N, T).

        Raises
        ------
        ReconstructionError
            If the two differ in shape.
        """
        if recorded.shape != predicted.shape:
            raise ReconstructionError(f"arrays differ in shape: {recorded.shape} and {predicted.shape}")
        pair = [np.asarray(x, dtype=np.float64) for x in (recorded, predicted)]
        if self._offsets is None or self._first is None:
            # Of small numbers sums stay exact.
            self._offsets = pair[0].mean(axis=1, keepdims=True), pair[1].mean(axis=1, keepdims=True)
            self._first = pair[0][:, :1], pair[1][:, :1]
        self._varies = [v | (x != f).any(axis=1) for v, x, f in zip(self._varies, pair, self._first, strict=True)]
        x, y = (values - offset for values, offset in zip(pair, self._offsets, strict=True))
        parts = [x.sum(axis=1), y.sum(axis=1), *(np.einsum("nt,nt->n", a, b) for a, b in ((x, x), (y, y), (x, y)))]
        self._sums = [total + part for total, part in zip(self._sums, parts, strict=True)]
        self._frames += x.shape[1]

    def values(self) -> NDArray[np.float64]:
        """(N,); NaN where one of the two is constant."""
        x, y, xx, yy, xy = (total / self._frames for total in self._sums)
        varies = self._varies[0] & self._varies[1]
        spread = np.sqrt(np.maximum((xx - x * x) * (yy - y * y), 0))
        return np.where(varies, (xy - x * y) / np.where(varies, spread, 1), np.nan)


class RepeatCeiling:
    """Largest correlation with single trials that a perfect model of the repeated part can have.

    Two showings correlate by the share of variance that repeats; a model of that share correlates with one showing by
    its square root (Sahani & Linden 2003; Schoppe et al. 2016). All pairs of showings of a movie count, by their sums
    alone: no pair is formed.
    """

    def __init__(self) -> None:
        self._offset: Array | None = None
        self._pairs = 0
        self._sum, self._squares, self._products = (np.zeros(()) for _ in range(3))

    def add(self, showings: Iterable[Array]) -> None:
        """Add a movie's showings, responses (N, T) each, of which the frames count that all have; one tells nothing."""
        total: NDArray[np.float64] | None = None
        squares: NDArray[np.float64] | None = None
        count = 0
        for shown in showings:
            if self._offset is None:
                self._offset = shown.mean(axis=1, keepdims=True, dtype=np.float64)
            x = shown - self._offset
            total, squares, count = added(total, x), added(squares, x * x), count + 1
        if total is not None and squares is not None and count > 1:
            # Each showing is as often the first of a pair, and the second, as there are others.
            self._pairs += total.shape[1] * count * (count - 1)
            self._sum = self._sum + (count - 1) * total.sum(axis=1)
            self._squares = self._squares + (count - 1) * squares.sum(axis=1)
            self._products = self._products + np.einsum("nt,nt->n", total, total) - squares.sum(axis=1)

    def values(self) -> NDArray[np.float64]:
        """(N,); 0 where showings do not correlate, NaN for constant neurons."""
        mean, square, product = (x / self._pairs for x in (self._sum, self._squares, self._products))
        variance = square - mean * mean
        varies = variance > 1e-12 * np.maximum(square, np.finfo(np.float64).tiny)
        return np.sqrt(np.maximum(np.where(varies, product - mean * mean, np.nan) / np.where(varies, variance, 1), 0))
