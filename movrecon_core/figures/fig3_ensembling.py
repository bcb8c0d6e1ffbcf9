"""Ensemble sizes: how the mean of ever more instances' movies resembles the truth (Fig. 3)."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from movrecon_core.analysis import SKIPPED_FRAMES
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.figures.levels import level_statistics
from movrecon_core.figures.published import published
from movrecon_core.figures.rows import Row, anova_rows, change_row, compared
from movrecon_core.reconstruction import SMOOTHING
from movrecon_core.study.conditions import RECORDED, Condition
from movrecon_core.study.study import Study


def ensemble_sizes(study: Study, condition: Condition = RECORDED) -> pd.DataFrame:
    """Video correlation of every natural movie for ensembles of one to all instances.

    Parameters
    ----------
    study
        With reconstructions.
    condition
        How the movies were reconstructed.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``size``, ``video_correlation``: mean over all ensembles of that size, so that the order
        of the instances does not count; ``first_instances``: of the first so many instances, one ensemble a size.
    """
    tables = []
    for mouse, trial in study.movies():
        found = subset_correlations(
            study.movie(mouse, trial),
            study.results.instance_movies(mouse, trial, condition),
            crop_movie(study.results.evaluation_mask(mouse)),
        )
        found.insert(0, "mouse", study.label(mouse))
        found.insert(1, "trial", trial)
        tables.append(found)
    return pd.concat(tables, ignore_index=True)


def rows(sizes: pd.DataFrame, seed: int) -> Iterator[Row]:
    """What more instances gain.

    Parameters
    ----------
    sizes
        Of `ensemble_sizes`.
    seed
        Of the bootstraps.
    """
    largest = int(sizes["size"].max())
    steps = {(1, 2): "instances_1_to_2", (2, 4): "instances_2_to_4", (1, 7): "instances_1_to_7"}
    steps.setdefault((1, largest), "")
    theirs = published("figure_3.gain_percent")
    for (first, last), key in steps.items():
        name, value = f"gain by {first} → {last} instances (%)", theirs.get(key, float("nan"))
        if last > largest:
            yield Row("3", name, "percent", value, note=f"left out: this run has {largest} instances")
        elif last > first:
            pair = compared(sizes, "size", "video_correlation", first, last, seed)
            yield change_row("3", name, value, pair)
    test = level_statistics(sizes, "size", seed=seed).tests.iloc[0]
    yield from anova_rows("3", "instances", published("figure_3.anova_p"), float("nan"), test)


def subset_correlations(
    truth: NDArray[np.floating], movies: NDArray[np.floating], mask: NDArray[np.bool_]
) -> pd.DataFrame:
    """Video correlation of the smoothed mean of every subset of the instances' movies.

    Filter and mean are linear: the covariances of truth and movies, taken once, hold those of all means.

    Parameters
    ----------
    truth
        (T, 36, 64).
    movies
        (instance, T, 64, 64).
    mask
        (36, 64) bool, the evaluation mask.

    Returns
    -------
    DataFrame
        ``size``, ``video_correlation``, ``first_instances``, as `ensemble_sizes`.
    """
    filtered = [crop_movie(gaussian_filter(movie, SMOOTHING)) for movie in movies]
    pixels = [movie[SKIPPED_FRAMES:, mask].ravel().astype(np.float64) for movie in (truth, *filtered)]
    covariance = np.cov(pixels)  # (1 + instance, 1 + instance), the truth first
    with_truth, between = covariance[0, 1:], covariance[1:, 1:]

    def correlation(subset: tuple[int, ...]) -> float:
        chosen = list(subset)
        variance = covariance[0, 0] * between[np.ix_(chosen, chosen)].sum()
        return float(with_truth[chosen].sum() / np.sqrt(variance)) if variance > 0 else float("nan")

    rows = []
    for size in range(1, len(movies) + 1):
        values = [correlation(subset) for subset in combinations(range(len(movies)), size)]
        rows.append((size, float(np.mean(values)), values[0]))  # the first combination is that of the first instances
    return pd.DataFrame(rows, columns=["size", "video_correlation", "first_instances"])
