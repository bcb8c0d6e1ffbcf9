"""Two conditions compared on the same movies: as the article does, and with movies nested in mice."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from movrecon_core.analysis.statistics import (
    Interval,
    PairedTest,
    hierarchical_bootstrap,
    paired_t,
)
from movrecon_core.errors import ReconstructionError


@dataclass(frozen=True)
class Comparison:
    """What changes from one condition to another.

    Attributes
    ----------
    first, second
        Mean over mice of their means over movies.
    change_percent
        Of the second from the first, positive where it is larger; NaN where the first is 0.
    difference
        Second minus first, with the interval of a bootstrap over mice and then their movies.
    test
        Paired t-test over mice, as in the article; None where there is only one mouse.
    effect_size
        Mean over mice of the difference divided by its s.d. over mice (Cohen's d of paired samples); NaN for one mouse.
    mice, movies
        Counts.
    """

    first: float
    second: float
    change_percent: float
    difference: Interval
    test: PairedTest | None
    effect_size: float
    mice: int
    movies: int


def compare_conditions(first: ArrayLike, second: ArrayLike, mice: ArrayLike, seed: int) -> Comparison:
    """Compare two conditions that hold one value for each of the same movies.

    Parameters
    ----------
    first, second
        (movies,).
    mice
        (movies,), which mouse each movie belongs to.
    seed
        Of the bootstrap.

    Raises
    ------
    ReconstructionError
        If the lengths differ, or a value is missing.

    Examples
    --------
    >>> mice = ["a", "a", "b", "b", "c", "c"]
    >>> found = compare_conditions([0.2, 0.3, 0.4, 0.3, 0.5, 0.6], [0.3, 0.4, 0.5, 0.5, 0.8, 0.9], mice, seed=0)
    >>> round(found.difference.mean, 3), round(found.change_percent, 1), found.mice, found.movies
    (0.183, 47.8, 3, 6)
    """
    a, b = (np.asarray(values, dtype=np.float64) for values in (first, second))
    if not a.shape == b.shape == np.shape(mice):
        raise ReconstructionError(f"comparison: {a.size} and {b.size} values for {np.size(mice)} movies")
    mouse_a, mouse_b = mouse_means(a, mice), mouse_means(b, mice)
    change, base = mouse_b - mouse_a, abs(mouse_a.mean())
    spread = change.std(ddof=1) if change.size > 1 else 0.0
    return Comparison(
        first=float(mouse_a.mean()),
        second=float(mouse_b.mean()),
        change_percent=float(100 * change.mean() / base) if base else float("nan"),
        difference=hierarchical_bootstrap(by_mouse(b - a, mice), seed),
        test=paired_t(mouse_b, mouse_a) if change.size > 1 else None,
        effect_size=float(change.mean() / spread) if spread else float("nan"),
        mice=change.size,
        movies=a.size,
    )


def mouse_means(values: ArrayLike, mice: ArrayLike) -> NDArray[np.float64]:
    """Mean of each mouse's values, (mice,), mice in the order of their first movie."""
    return np.array([group.mean() for group in by_mouse(values, mice)])


def by_mouse(values: ArrayLike, mice: ArrayLike) -> list[NDArray[np.float64]]:
    """Values of each mouse's movies, mice in the order of their first movie."""
    found, names = np.asarray(values, dtype=np.float64), np.asarray(mice)
    return [found[names == name] for name in dict.fromkeys(names.tolist())]
