"""Tables of the reconstructions: examples, and correlations with the true and with a random movie."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from movrecon_core.analysis import (
    SKIPPED_FRAMES,
    confidence_interval,
    match_contrast_luminance,
    mean_frame_correlation,
    random_movie_control,
    video_correlation,
)
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.figures.images import image_table, labelled
from movrecon_core.reconstruction import SMOOTHING, ensemble
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.study.conditions import RECORDED, Condition, Movie
from movrecon_core.study.study import Study

METRICS = {"video_correlation": video_correlation, "mean_frame_correlation": mean_frame_correlation}


def reconstructed_movie(
    study: Study,
    mouse: int,
    movie: Movie,
    condition: Condition = RECORDED,
    instances: Sequence[int] | None = None,
    smoothed: bool | None = None,
) -> NDArray[np.float32]:
    """The instances' movies averaged and smoothed, unmasked.

    Parameters
    ----------
    study
        With reconstructions.
    mouse
        Index of the mouse.
    movie
        A trial or a synthetic stimulus.
    condition
        How it was reconstructed.
    instances
        Which of the instances' movies are averaged; None: all.
    smoothed
        Whether the Gaussian filter follows; None: for natural movies alone, as in the article.

    Returns
    -------
    NDArray
        (T, 36, 64).
    """
    found = study.instance_movies(mouse, movie, condition)
    chosen = found if instances is None else found[list(instances)]
    filtered = isinstance(movie, int) if smoothed is None else smoothed
    return crop_movie(ensemble(list(chosen), SMOOTHING if filtered else None)).astype(np.float32)


def performance(study: Study) -> pd.DataFrame:
    """Correlations of every reconstruction with its own movie and with a random other one.

    Returns
    -------
    DataFrame
        One row for each mouse, trial and condition: ``mouse``, ``trial``, ``condition``, ``video_correlation``,
        ``mean_frame_correlation`` and, where there are two different movies, ``random_video_correlation`` and
        ``random_mean_frame_correlation`` with a random other one of the reconstructed movies, drawn by the profile's
        seed and the same for all conditions.
    """
    masks = {mouse: crop_movie(study.evaluation_mask(mouse)) for mouse in study.reconstructed_mice}
    movies = list(study.movies())
    truths = [study.trial(mouse, trial).movie[SKIPPED_FRAMES:] for mouse, trial in movies]
    pixels = [masks[mouse] for mouse, _ in movies]
    tables = []
    for condition in study.conditions:
        found = [reconstructed_movie(study, mouse, trial, condition)[SKIPPED_FRAMES:] for mouse, trial in movies]
        table = pd.DataFrame([(study.label(mouse), trial) for mouse, trial in movies], columns=["mouse", "trial"])
        table["condition"] = condition.name
        for name, metric in METRICS.items():
            table[name] = [metric(*movie) for movie in zip(truths, found, pixels, strict=True)]
            if any(len(other) != len(truths[0]) or (other != truths[0]).any() for other in truths):
                seed = study.profile.seed
                table[f"random_{name}"] = random_movie_control(truths, found, pixels, seed, metric=metric)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def performance_panels(study: Study, examples: int, frames: int) -> dict[str, pd.DataFrame]:
    """What the performance figure draws.

    Parameters
    ----------
    study
        With reconstructions.
    examples
        How many movies are shown, each of another mouse: the mouse's movie of median correlation.
    frames
        How many of its frames are shown.

    Returns
    -------
    dict
        ``A`` frames of the example movies, ``B`` correlations with the own and a random movie, for both metrics.
    """
    table = performance(study)
    recorded = table[table["condition"] == "recorded"]
    return {"A": _examples(study, recorded, examples, frames), "B": _against_random(recorded)}


def performance_summary(panel: pd.DataFrame) -> pd.DataFrame:
    """Mean over movies and 95 % interval (Student's t, as in the article) of panel B's correlations.

    Returns
    -------
    DataFrame
        ``metric``, ``against``, ``mean``, ``low``, ``high``, ``n``; the interval of a single movie is NaN.
    """
    rows = []
    for (metric, against), values in panel.groupby(["metric", "against"], sort=False)["correlation"]:
        found = confidence_interval(values.to_numpy())
        rows.append((metric, against, found.mean, found.low, found.high, found.n))
    return pd.DataFrame(rows, columns=["metric", "against", "mean", "low", "high", "n"])


def median_movie(correlations: pd.DataFrame) -> int:
    """Position of the movie of median correlation, the better of two in the middle.

    Parameters
    ----------
    correlations
        Columns ``trial``, ``video_correlation``.
    """
    order = correlations.reset_index(drop=True).sort_values(["video_correlation", "trial"])
    return int(order.index[len(order) // 2])


def median_trial(study: Study, mouse: int) -> int:
    """The trial of a mouse whose reconstruction has the median video correlation."""
    pixels = crop_movie(study.evaluation_mask(mouse))
    rows = []
    for trial in study.reconstructed_trials(mouse):
        truth, found = study.trial(mouse, trial).movie, reconstructed_movie(study, mouse, trial)
        rows.append((trial, video_correlation(truth[SKIPPED_FRAMES:], found[SKIPPED_FRAMES:], pixels)))
    table = pd.DataFrame(rows, columns=["trial", "video_correlation"])
    return int(table["trial"].iloc[median_movie(table)])


def _against_random(recorded: pd.DataFrame) -> pd.DataFrame:
    parts = []
    for metric in METRICS:
        for against, column in (("own movie", metric), ("random movie", f"random_{metric}")):
            if column in recorded:
                part = recorded[["mouse", "trial"]].assign(
                    metric=metric.replace("_", " "), against=against, correlation=recorded[column]
                )
                parts.append(part.dropna())
    return pd.concat(parts, ignore_index=True)


def _examples(study: Study, recorded: pd.DataFrame, count: int, frames: int) -> pd.DataFrame:
    tables = []
    for mouse in study.reconstructed_mice[:count]:
        rows = recorded[recorded["mouse"] == study.label(mouse)]
        chosen = rows.iloc[median_movie(rows)]
        trial = int(chosen["trial"])
        pixels = crop_movie(study.evaluation_mask(mouse))
        truth, found = study.trial(mouse, trial).movie, reconstructed_movie(study, mouse, trial)
        matched = match_contrast_luminance(found, truth, pixels)
        # The middle of equal parts: nothing was recorded that could tell the very last frames.
        edges = np.linspace(SKIPPED_FRAMES, len(found), frames + 1)
        shown = ((edges[:-1] + edges[1:]) / 2).astype(int)
        images = np.stack([truth[shown], matched[shown]])
        images = np.where(pixels, images, np.nan)
        name = f"{study.label(mouse)}, trial {trial}, r = {chosen['video_correlation']:.2f}"
        seconds = np.round(shown / FRAME_RATE, 3)
        tables.append(
            image_table(labelled(images[None], movie=[name], kind=["truth", "reconstructed"], seconds=seconds), "grey")
        )
    return pd.concat(tables, ignore_index=True)
