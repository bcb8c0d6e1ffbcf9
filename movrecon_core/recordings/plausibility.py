"""What only all trials of a recording together can tell: units, signals that never change, neurons that stay silent."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

REAL_SCALE = 10.0
"""s.d. over frames of a neuron's responses, median over neurons: 8 to 15 in the article's ten mice."""
FARTHEST_SCALE = 100.0
"""A factor by which responses may be larger or smaller than that (chosen: everything counts in one unit)."""
NEGATIVE_SHARE = 0.05
"""Of the responses' magnitude that may be below 0 (chosen): rounding leaves 1e-9 of it, a mean taken off half."""

FLATTEST = 1e-6
"""Variance, as a share of the mean square, of what does not change: rounding alone (chosen)."""

Finding = tuple[Path, str, str]
"""Folder, what was expected, what was found."""


class Plausibility:
    """Counts over all trials of a mouse; give it the valid frames of each.

    Parameters
    ----------
    data
        The mouse's folder of signals.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self._brightest, self._darkest = -np.inf, np.inf
        self._flat, self._dim, self._equal, self._movies = 0, 0, 0, 0
        self._first: NDArray | None = None
        self._sums: NDArray[np.float64] | None = None  # of values, squares and what is below 0, for each neuron
        self._frames = 0

    def movie(self, movie: NDArray) -> None:
        """Count a movie (36, 64, T)."""
        low, high = movie.min(), movie.max()
        self._movies += 1
        self._brightest, self._darkest = max(self._brightest, float(high)), min(self._darkest, float(low))
        self._flat += bool(low == high)
        self._dim += bool(low < high <= 1)
        self._first = movie if self._first is None else self._first
        self._equal += np.array_equal(movie, self._first)

    def responses(self, responses: NDArray) -> None:
        """Count responses (N, T); those with other neurons than the first trial's, or not finite, are left out."""
        values = responses if responses.dtype.kind == "f" and responses.itemsize > 2 else responses.astype(np.float32)
        below = np.maximum(-values, 0).sum(axis=1) if values.min() < 0 else np.zeros(len(values))
        sums = np.stack([values.sum(axis=1), np.einsum("nt,nt->n", values, values), below]).astype(np.float64)
        if np.isfinite(sums).all() and (self._sums is None or sums.shape == self._sums.shape):
            self._sums = sums if self._sums is None else self._sums + sums
            self._frames += values.shape[1]

    @property
    def silent_neurons(self) -> int:
        """Neurons whose responses are 0 in all trials."""
        return 0 if self._sums is None else int((self._sums[1] == 0).sum())

    def findings(self) -> list[Finding]:
        """What keeps the recording from being used."""
        return [*self._of_movies(), *self._of_responses()]

    def _of_movies(self) -> list[Finding]:
        folder = self._data / "videos"
        if not self._movies:
            return []
        if self._flat == self._movies:
            return [(folder, "movies whose grey levels change", "one grey level throughout in every movie")]
        if self._dim and self._darkest >= 0:  # what lies below 0 is a problem of its own
            where = "all" if self._brightest <= 1 else f"{self._dim} of {self._movies}"
            most = min(self._brightest, 1)
            found = f"at most {most:g} in {where} movies; multiply them by 255, before they are made whole"
            return [(folder, "grey levels 0 .. 255", found)]
        if self._equal == self._movies > 1:
            return [(folder, "movies that differ", f"the same movie in all {self._movies} trials")]
        return []

    def _of_responses(self) -> list[Finding]:
        folder = self._data / "responses"
        if self._sums is None or not self._frames:
            return []
        total, squares, negative = self._sums
        if not squares.any():
            return [(folder, "responses above 0", "0 in all trials")]
        below = negative.sum() / (total + 2 * negative).sum()  # of the sum of magnitudes
        if below > NEGATIVE_SHARE:
            found = f"{below:.0%} of their magnitude below 0; take them before a mean is taken off (z-score, dF/F)"
            return [(folder, "deconvolved activity, >= 0", found)]
        variance = squares / self._frames - (total / self._frames) ** 2
        if (variance <= FLATTEST * squares / self._frames).all():
            return [(folder, "responses that change", "one value throughout in every neuron")]
        scale = float(np.median(np.sqrt(np.maximum(variance[squares > 0], 0))))
        if not REAL_SCALE / FARTHEST_SCALE <= scale <= REAL_SCALE * FARTHEST_SCALE:
            wanted = f"responses with an s.d. of about {REAL_SCALE:g}, as real mice's (median over neurons)"
            found = f"{scale:.3g}; multiply all responses by {10 ** round(np.log10(REAL_SCALE / max(scale, 1e-300))):g}"
            return [(folder, wanted, found)]
        return []
