"""Tests, intervals and controls (method page, evaluation)."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from movrecon_core.analysis.metrics import video_correlation
from movrecon_core.errors import ReconstructionError

LEVEL = 0.95
"""Coverage of intervals."""
RESAMPLES = 10_000
"""Of a bootstrap."""


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval; the limits are NaN where one value leaves them unknown."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class RepeatedMeasuresAnova:
    """One-way repeated-measures analysis of variance.

    Attributes
    ----------
    p_one_minus_cdf
        1 − cdf, as published; a multiple of 1.1e-16.
    p
        Exact upper tail (survival function).
    epsilon
        Greenhouse–Geisser estimate, 1 where sphericity holds, at least 1 / df_conditions.
    p_greenhouse_geisser
        Exact upper tail with both degrees of freedom times epsilon.
    """

    ss_total: float
    ss_conditions: float
    ss_subjects: float
    ss_error: float
    df_conditions: int
    df_error: int
    f: float
    p_one_minus_cdf: float
    p: float
    epsilon: float
    p_greenhouse_geisser: float


@dataclass(frozen=True)
class PairedTest:
    """Paired t-test, two-sided."""

    t: float
    df: int
    p: float


def repeated_measures_anova(table: ArrayLike) -> RepeatedMeasuresAnova:
    """One-way repeated-measures ANOVA.

    Parameters
    ----------
    table
        (subjects, conditions), complete.

    Raises
    ------
    ReconstructionError
        If there are fewer than two subjects or conditions, or a value is missing.
    """
    values = _table(table)
    subjects, conditions = values.shape
    grand = values.mean()
    ss_total = float(((values - grand) ** 2).sum())
    ss_conditions = float(subjects * ((values.mean(axis=0) - grand) ** 2).sum())
    ss_subjects = float(conditions * ((values.mean(axis=1) - grand) ** 2).sum())
    ss_error = max(0.0, ss_total - ss_conditions - ss_subjects)
    df_conditions, df_error = conditions - 1, (conditions - 1) * (subjects - 1)
    f = (ss_conditions / df_conditions) / (ss_error / df_error) if ss_error else float("inf")
    p_one_minus_cdf, p = f_test(f, df_conditions, df_error)
    epsilon = greenhouse_geisser_epsilon(values)
    return RepeatedMeasuresAnova(
        ss_total=ss_total,
        ss_conditions=ss_conditions,
        ss_subjects=ss_subjects,
        ss_error=ss_error,
        df_conditions=df_conditions,
        df_error=df_error,
        f=f,
        p_one_minus_cdf=p_one_minus_cdf,
        p=p,
        epsilon=epsilon,
        p_greenhouse_geisser=f_test(f, epsilon * df_conditions, epsilon * df_error)[1],
    )


def f_test(f: float, df_conditions: float, df_error: float) -> tuple[float, float]:
    """P of an F value: as published (1 − cdf), and the exact upper tail."""
    return float(1 - stats.f.cdf(f, df_conditions, df_error)), float(stats.f.sf(f, df_conditions, df_error))


def greenhouse_geisser_epsilon(table: ArrayLike) -> float:
    """How far the covariance of the conditions is from sphericity (Greenhouse & Geisser 1959).

    Parameters
    ----------
    table
        (subjects, conditions).

    Returns
    -------
    float
        Between 1 / (conditions − 1) and 1.
    """
    values = _table(table)
    # Without the subjects' means the covariance is double centred; subjects enter as deviations.
    centred = values - values.mean(axis=1, keepdims=True)
    covariance = np.cov(centred, rowvar=False)
    squares = (covariance**2).sum()
    return float(np.trace(covariance) ** 2 / ((values.shape[1] - 1) * squares)) if squares else 1.0


def paired_t(a: ArrayLike, b: ArrayLike) -> PairedTest:
    """Paired t-test of two conditions, one value a subject.

    Raises
    ------
    ReconstructionError
        If there are fewer than two pairs, or a value is missing.
    """
    pairs = _table(np.stack([np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)], axis=1))
    result = stats.ttest_rel(pairs[:, 0], pairs[:, 1])
    return PairedTest(float(result.statistic), len(pairs) - 1, float(result.pvalue))


def bonferroni(p: ArrayLike) -> NDArray[np.float64]:
    """P values times their number, at most 1; compare with the uncorrected level.

    Examples
    --------
    >>> bonferroni([0.01, 0.2, 0.6]).round(3).tolist()
    [0.03, 0.6, 1.0]
    """
    values = np.asarray(p, dtype=np.float64)
    return np.minimum(values * values.size, 1.0)


def confidence_interval(values: ArrayLike) -> Interval:
    """Mean with the 95 % interval of Student's t.

    Parameters
    ----------
    values
        (n,), finite.

    Examples
    --------
    >>> found = confidence_interval([0.5, 0.6, 0.7, 0.6])
    >>> round(found.mean, 3), round(found.low, 3), round(found.high, 3), found.n
    (0.6, 0.47, 0.73, 4)
    """
    x = _finite(values).ravel()
    if x.size < 2:
        return Interval(float(x.mean()), float("nan"), float("nan"), x.size)
    margin = float(stats.t.ppf((1 + LEVEL) / 2, x.size - 1) * stats.sem(x))
    return Interval(float(x.mean()), float(x.mean()) - margin, float(x.mean()) + margin, x.size)


def hierarchical_bootstrap(groups: Sequence[ArrayLike], seed: int) -> Interval:
    """Mean over mice of their mean over movies, with a 95 % percentile interval: mice are resampled, then their movies.

    Of few mice it is too narrow (the method page says by how much); of one movie there is none, NaN.

    Parameters
    ----------
    groups
        Values of each mouse's movies.
    seed
        Of the resampling.

    Examples
    --------
    >>> found = hierarchical_bootstrap([[0.2, 0.4], [0.6, 0.8, 1.0]], seed=0)
    >>> round(found.mean, 3), found.low < found.mean < found.high, found.n
    (0.55, True, 5)
    """
    mice = [_finite(group).ravel() for group in groups]
    sizes = np.array([mouse.size for mouse in mice])
    padded = np.zeros((len(mice), sizes.max()))
    for row, mouse in zip(padded, mice, strict=True):
        row[: mouse.size] = mouse
    mean = float(np.mean([mouse.mean() for mouse in mice]))
    if sizes.sum() < 2:
        return Interval(mean, float("nan"), float("nan"), int(sizes.sum()))
    random = np.random.default_rng(seed)
    drawn = random.integers(len(mice), size=(RESAMPLES, len(mice)))
    movies = (random.random((*drawn.shape, sizes.max())) * sizes[drawn][..., None]).astype(int)
    counted = np.arange(sizes.max()) < sizes[drawn][..., None]  # a mouse's sample is as large as its data
    sums = np.where(counted, padded[drawn[..., None], movies], 0).sum(axis=2)
    means = (sums / sizes[drawn]).mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(mean, float(low), float(high), int(sizes.sum()))


def random_movie_control(
    truths: Sequence[NDArray],
    movies: Sequence[NDArray],
    masks: Sequence[NDArray[np.bool_]],
    mice: Sequence[Hashable],
    seed: int,
    *,
    metric: Callable[[NDArray, NDArray, NDArray[np.bool_]], float] = video_correlation,
) -> NDArray[np.float64]:
    """Compare each reconstruction with the truth of a random other movie of its mouse (article, Fig. 2).

    A mouse that has no other movie gets one of another mouse. Repeats of the same movie are never drawn; the longer of
    two movies is cut at its end.

    Parameters
    ----------
    truths, movies
        (T, H, W) each, in the same order; without the frames that are not evaluated.
    masks
        (H, W) bool, one a movie.
    mice
        Whose each movie is.
    seed
        Of the draw.
    metric
        (truth, movie, mask) -> number.

    Returns
    -------
    NDArray
        (movies,).

    Raises
    ------
    ReconstructionError
        If there is no other movie.
    """
    random = np.random.default_rng(seed)
    values = []
    for index, (movie, mask) in enumerate(zip(movies, masks, strict=True)):
        other_movies = [place for place, other in enumerate(truths) if not same_movie(other, truths[index])]
        own = [place for place in other_movies if mice[place] == mice[index]]
        others = [truths[place] for place in own or other_movies]
        if not others:
            raise ReconstructionError("random-movie control: at least two different movies are needed")
        other = others[random.integers(len(others))]
        frames = min(len(other), len(movie))
        values.append(metric(other[:frames], movie[:frames], mask))
    return np.array(values)


def same_movie(a: NDArray, b: NDArray) -> bool:
    """Whether two movies (T, ...) are one stimulus, of which a trial may have ended earlier."""
    frames = min(len(a), len(b))
    return np.array_equal(a[:frames], b[:frames])


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    x = np.asarray(values, dtype=np.float64)
    if not x.size or not np.isfinite(x).all():
        raise ReconstructionError("statistics: a value is missing, NaN or infinite")
    return x


def _table(table: ArrayLike) -> NDArray[np.float64]:
    values = _finite(table)
    if values.ndim != 2 or min(values.shape) < 2:
        raise ReconstructionError(
            f"statistics: at least two subjects and two conditions are needed, found shape {values.shape}"
        )
    return values
