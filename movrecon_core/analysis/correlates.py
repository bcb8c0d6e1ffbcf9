"""What goes with good reconstructions: correlations over movies nested in mice, and over time with a lag."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from movrecon_core.analysis.comparisons import by_mouse
from movrecon_core.analysis.metrics import correlation

MOVIES = 3
"""Fewest movies of which a correlation means anything."""


@dataclass(frozen=True)
class NestedCorrelation:
    """How two measures of the same movies go together.

    Attributes
    ----------
    r, p, slope, intercept
        Pearson's correlation over all movies, its p and the line of least squares, as in the article: movies count as
        independent. NaN for fewer than three movies, or where a measure is constant.
    r_within
        Correlation of what is left when every mouse's own means are taken off; NaN where nothing is left.
    p_within
        Share of arrangements at least as far from 0 when movies are exchanged within mice alone.
    mice, movies
        Counts.
    """

    r: float
    p: float
    slope: float
    intercept: float
    r_within: float
    p_within: float
    mice: int
    movies: int


def nested_correlation(
    x: ArrayLike, y: ArrayLike, mice: ArrayLike, seed: int, *, permutations: int = 9999
) -> NestedCorrelation:
    """Correlate two measures over movies, with a test that respects that movies are nested in mice.

    Parameters
    ----------
    x, y
        (movies,).
    mice
        (movies,), which mouse each movie belongs to.
    seed
        Of the permutations.
    permutations
        Random arrangements; the observed one counts once more.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    groups = len(by_mouse(a, mice))
    r = p = slope = intercept = r_within = p_within = float("nan")
    if a.size >= MOVIES and np.ptp(a) and np.ptp(b):
        r, p = map(float, stats.pearsonr(a, b))
        slope, intercept = map(float, np.polyfit(a, b, 1))
        x_within, y_within = _centred(a, mice), _centred(b, mice)
        r_within = correlation(x_within, y_within)
        if not np.isnan(r_within):
            p_within = _permutation_p(x_within, y_within, np.asarray(mice), seed, permutations)
    return NestedCorrelation(r, p, slope, intercept, r_within, p_within, groups, a.size)


def lagged_correlation(first: ArrayLike, second: ArrayLike, lags: Sequence[int]) -> NDArray[np.float64]:
    """Correlation of one signal at t with another at t + lag, over the frames that both have.

    Parameters
    ----------
    first, second
        (T,); frames in which either is NaN are left out.
    lags
        Frames; positive where the second comes later.

    Returns
    -------
    NDArray
        (lags,), NaN where fewer than three frames are left, or one signal is constant.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    values = []
    for lag in lags:
        pair = np.stack([a[max(0, -lag) : a.size - max(0, lag)], b[max(0, lag) : b.size - max(0, -lag)]])
        pair = pair[:, np.isfinite(pair).all(axis=0)]
        values.append(correlation(*pair) if pair.shape[1] >= MOVIES else np.nan)
    return np.array(values)


class RankCorrelation(NamedTuple):
    """How a measure goes with one of several features.

    Attributes
    ----------
    alone
        Correlation of the measure with the feature's rank; NaN where one of the two is constant.
    beside
        Slope of the measure on the rank, both in standard deviations, with the other features' ranks in the same line
        of least squares; NaN likewise.
    """

    alone: float
    beside: float


def rank_correlations(measure: ArrayLike, features: Mapping[str, ArrayLike]) -> dict[str, RankCorrelation]:
    """How a measure goes with features that go with each other, too.

    Parameters
    ----------
    measure
        (n,); its mean is asked for, so it is not ranked: parts of errors are noise around small means.
    features
        Name → (n,); those that are constant, or NaN somewhere, are left out of the line.
    """
    ranks = {name: _standardised(stats.rankdata(values)) for name, values in features.items()}
    y = _standardised(np.asarray(measure, dtype=np.float64))
    varying = [name for name, values in ranks.items() if values.any()]
    nothing = RankCorrelation(float("nan"), float("nan"))
    if not varying or not y.any():
        return dict.fromkeys(ranks, nothing)
    x = np.stack([ranks[name] for name in varying], axis=1)
    alone, slopes = x.T @ y / len(y), np.linalg.lstsq(x.T @ x, x.T @ y, rcond=None)[0]
    found = {name: RankCorrelation(float(a), float(b)) for name, a, b in zip(varying, alone, slopes, strict=True)}
    return {name: found.get(name, nothing) for name in ranks}


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values around their mean, in their standard deviation; 0 where all are alike or one is NaN."""
    centred = values - values.mean()
    spread = centred.std()
    return centred / spread if spread > 0 else np.zeros_like(centred)


def _centred(values: NDArray[np.float64], mice: ArrayLike) -> NDArray[np.float64]:
    names = np.asarray(mice)
    centred = values.copy()
    for name in np.unique(names):
        centred[names == name] -= values[names == name].mean()
    return np.where(np.abs(centred) > 1e-12 * np.abs(values).max(), centred, 0.0)


def _permutation_p(
    x: NDArray[np.float64], y: NDArray[np.float64], mice: NDArray, seed: int, permutations: int
) -> float:
    """Two-sided; x and y are centred within mice, so the sum of products orders as the correlation does."""
    random = np.random.default_rng(seed)
    sums = np.zeros(permutations)
    for name in np.unique(mice):
        mouse = mice == name
        sums += random.permuted(np.tile(x[mouse], (permutations, 1)), axis=1) @ y[mouse]
    observed = abs(float(x @ y))
    return float((1 + (np.abs(sums) >= observed * (1 - 1e-9)).sum()) / (permutations + 1))
