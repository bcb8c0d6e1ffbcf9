"""Performance: examples, and correlations with the true and with a random movie (Fig. 2)."""

from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import pandas as pd

from movrecon_core.analysis import (
    match_contrast_luminance,
    mean_frame_correlation,
    paired_t,
    random_movie_control,
    video_correlation,
)
from movrecon_core.figures.images import image_table, labelled, shown_frames
from movrecon_core.figures.published import published
from movrecon_core.figures.rows import Row, estimate, mean_row
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.study.study import Study

METRICS = {"video_correlation": video_correlation, "mean_frame_correlation": mean_frame_correlation}
OWN, RANDOM = "own movie", "random movie"
OWN_METHOD = "as reconstructed"


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
    movies = list(study.movies())
    tables = []
    for condition in study.conditions:
        judged = [study.judged(mouse, trial, condition).evaluated for mouse, trial in movies]
        truths, found, pixels = map(list, zip(*judged, strict=True))
        table = pd.DataFrame([(study.label(mouse), trial) for mouse, trial in movies], columns=["mouse", "trial"])
        table["condition"] = condition.name
        for name, metric in METRICS.items():
            table[name] = [metric(*movie) for movie in judged]
            if any(len(other) != len(truths[0]) or (other != truths[0]).any() for other in truths):
                seed = study.profile.seed
                table[f"random_{name}"] = random_movie_control(truths, found, pixels, seed, metric=metric)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def against_random(performance: pd.DataFrame) -> pd.DataFrame:
    """What panel B draws: ``mouse``, ``trial``, ``metric``, ``against`` (own or random movie), ``correlation``.

    Parameters
    ----------
    performance
        As `performance`; the reconstructions from recorded responses are taken.
    """
    recorded = performance[performance["condition"] == "recorded"]
    parts = []
    for metric in METRICS:
        for against, column in ((OWN, metric), (RANDOM, f"random_{metric}")):
            if column in recorded:
                part = recorded[["mouse", "trial"]].assign(
                    metric=metric.replace("_", " "), against=against, correlation=recorded[column]
                )
                parts.append(part.dropna())
    return pd.concat(parts, ignore_index=True)


def performance_summary(panel: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Mean over movies of panel B's correlations: ``metric``, ``against``, and what `Estimate` holds."""
    groups = panel.groupby(["metric", "against"], sort=False)
    return pd.DataFrame(
        [
            {"metric": metric, "against": against, **asdict(estimate(rows["correlation"], rows["mouse"], seed))}
            for (metric, against), rows in groups
        ]
    )


def rows(performance: pd.DataFrame, seed: int) -> Iterator[Row]:
    """Correlations with the own and a random movie, and from predicted responses.

    Parameters
    ----------
    performance
        As `performance`.
    seed
        Of the bootstrap.
    """
    recorded, predicted = (performance[performance["condition"] == name] for name in ("recorded", "predicted"))
    for name in METRICS:
        theirs, label = published(f"figure_2.{name}"), name.replace("_", " ")
        low, high = theirs["ci95"]
        note = f"article: 95 % CI {low} to {high}, movies taken as independent"
        yield mean_row("2", label, theirs["mean"], recorded[name], recorded["mouse"], seed, note=note)
        if f"random_{name}" in recorded:
            both = recorded.dropna(subset=[f"random_{name}"])
            values = both[f"random_{name}"]
            yield mean_row("2", f"{label}, random movie", float("nan"), values, both["mouse"], seed)
            if len(both) > 1:
                p = paired_t(both[name], values).p
                yield Row("2", f"{label}, p against a random movie", "p", theirs["p_vs_random_video"], p, n=len(both))
    if len(predicted):
        theirs = published("figure_1_supplement_2.video_correlation.from_predicted_activity")
        values = predicted["video_correlation"]
        yield mean_row("2", "video correlation, from predicted responses", theirs, values, predicted["mouse"], seed)
    work = published("figure_2.earlier_static_image_work")
    yield Row("2", "static images, earlier work", "correlation", work["value"], note=work["citation"])


def method_rows(methods: pd.DataFrame, seed: int) -> Iterator[Row]:
    """Video correlation of the same movies by other methods.

    Parameters
    ----------
    methods
        Columns ``mouse``, ``trial``, ``method``, ``video_correlation``, as `methods_beside` makes them.
    seed
        Of the bootstrap.
    """
    for name, part in methods.groupby("method", sort=False):
        values, theirs = part["video_correlation"], float("nan")
        yield mean_row("2", f"video correlation, {name}", theirs, values, part["mouse"], seed, note="one instance")


def methods_beside(study: Study) -> pd.DataFrame:
    """Video correlation of the first instance's movies and of those by other methods, on the same movies.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``method``, ``video_correlation``; no rows where the profile has no other methods.
    """
    table = []
    for mouse, trial in study.baseline_movies() if study.profile.baselines.methods else ():
        own = study.judged(mouse, trial, instances=[0])
        table.append((study.label(mouse), trial, OWN_METHOD, video_correlation(*own.evaluated)))
        for name, movie in study.other_movies(mouse, trial).items():
            judged = own._replace(reconstruction=movie).evaluated
            table.append((study.label(mouse), trial, name, video_correlation(*judged)))
    return pd.DataFrame(table, columns=["mouse", "trial", "method", "video_correlation"])


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
    trials = study.reconstructed_trials(mouse)
    found = [video_correlation(*study.judged(mouse, trial).evaluated) for trial in trials]
    return int(trials[median_movie(pd.DataFrame({"trial": trials, "video_correlation": found}))])


def example_frames(study: Study, performance: pd.DataFrame, count: int, frames: int) -> pd.DataFrame:
    """What panel A draws: frames of movies and their reconstructions with the truth's contrast and luminance.

    Parameters
    ----------
    study
        With reconstructions.
    performance
        As `performance`.
    count
        How many movies are shown, each of another mouse: the mouse's movie of median correlation.
    frames
        How many of its frames are shown.

    Returns
    -------
    DataFrame
        ``movie``, ``kind`` (``truth``, ``reconstructed``), ``seconds``, ``y``, ``x``, ``grey``; NaN outside the
        evaluation mask.
    """
    recorded = performance[performance["condition"] == "recorded"]
    movies = {}
    for mouse in study.reconstructed_mice[:count]:
        rows = recorded[recorded["mouse"] == study.label(mouse)]
        chosen = rows.iloc[median_movie(rows)]
        trial = int(chosen["trial"])
        name = f"{study.label(mouse)}, trial {trial}, r = {chosen['video_correlation']:.2f}"
        movies[name] = study.judged(mouse, trial)
    shown = shown_frames(min(len(truth) for truth, _, _ in movies.values()), frames)  # the same of movies of any length
    seconds = np.round(shown / FRAME_RATE, 3)
    tables = []
    for name, (truth, found, pixels) in movies.items():
        images = np.stack([truth[shown], match_contrast_luminance(found, truth, pixels)[shown]])
        images = np.where(pixels, images, np.nan)
        tables.append(
            image_table(labelled(images[None], movie=[name], kind=["truth", "reconstructed"], seconds=seconds), "grey")
        )
    return pd.concat(tables, ignore_index=True)
