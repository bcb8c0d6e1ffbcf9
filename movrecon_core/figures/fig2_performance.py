"""Performance: examples, and correlations with the true and with a random movie (Fig. 2)."""

from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind

from movrecon_core.analysis import (
    match_mean_image,
    mean_frame_correlation,
    paired_t,
    random_movie_control,
    same_movie,
    video_correlation,
)
from movrecon_core.errors import ProfileError
from movrecon_core.figures.images import image_table, labelled, shown_frames
from movrecon_core.figures.published import published
from movrecon_core.figures.rows import NAN, Row, estimate, mean_row
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.study.conditions import PREDICTED, RECORDED
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
        judged = [study.results.judged(mouse, trial, condition).evaluated for mouse, trial in movies]
        truths, found, pixels = map(list, zip(*judged, strict=True))
        table = pd.DataFrame([(study.label(mouse), trial) for mouse, trial in movies], columns=["mouse", "trial"])
        table["condition"] = condition.name
        for name, metric in METRICS.items():
            table[name] = [metric(*movie) for movie in judged]
            if not all(same_movie(other, truths[0]) for other in truths):
                seed = study.profile.seed
                table[f"random_{name}"] = random_movie_control(
                    truths, found, pixels, table["mouse"].tolist(), seed, metric=metric
                )
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
    recorded, predicted = (performance[performance["condition"] == c.name] for c in (RECORDED, PREDICTED))
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
                unpaired, paired = ttest_ind(both[name], values).pvalue, paired_t(both[name], values).p
                against, n = f"{label}, p against a random movie", len(both)
                note = "unpaired t-test, as the article's value fits (98 degrees of freedom)"
                yield Row("2", against, "p", theirs["p_vs_random_video"], unpaired, n=n, note=note)
                yield Row("2", f"{against}, paired", "p", NAN, paired, n=n, note="paired t-test over movies")
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
    for mouse, trial in study.asked.baseline_movies() if study.profile.baselines.methods else ():
        own = study.results.judged(mouse, trial, instances=[0])
        table.append((study.label(mouse), trial, OWN_METHOD, video_correlation(*own.evaluated)))
        for name, movie in study.results.other_movies(mouse, trial).items():
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
    trials = study.trials.reconstructed(mouse)
    found = [video_correlation(*study.results.judged(mouse, trial).evaluated) for trial in trials]
    return int(trials[median_movie(pd.DataFrame({"trial": trials, "video_correlation": found}))])


def shown_trials(study: Study, count: int, first: int | None = None) -> list[tuple[int, int]]:
    """Mouse and trial of the movies that Figures 1–S1, 2 and 6 show, each of another mouse.

    Parameters
    ----------
    study
        With reconstructions.
    count
        How many.
    first
        Place of the first mouse's among its movies, from 0; None: like the others its movie of median correlation.

    Raises
    ------
    ProfileError
        If the mouse has fewer movies.
    """
    mice = study.reconstructed_mice[:count]
    trials = {mouse: median_trial(study, mouse) for mouse in mice[first is not None :]}
    if first is not None:
        listed = study.trials.reconstructed(mice[0])
        if not 0 <= first < len(listed):
            raise ProfileError(f"movie {first} (from 0) of {study.label(mice[0])}: it has {len(listed)}")
        trials[mice[0]] = listed[first]
    return [(mouse, trials[mouse]) for mouse in mice]


def example_frames(
    study: Study, performance: pd.DataFrame, count: int, frames: int, first: int | None = None
) -> pd.DataFrame:
    """What panel A draws: frames of movies and their reconstructions with the truth's contrast and luminance.

    Parameters
    ----------
    study
        With reconstructions.
    performance
        As `performance`.
    count
        How many movies are shown, as for `shown_trials`.
    frames
        How many of its frames are shown.
    first
        As for `shown_trials`.

    Returns
    -------
    DataFrame
        ``movie``, ``kind`` (``truth``, ``reconstructed``), ``seconds``, ``y``, ``x``, ``grey``; NaN outside the
        evaluation mask.
    """
    recorded = performance[performance["condition"] == "recorded"].set_index(["mouse", "trial"])["video_correlation"]
    movies = {}
    for mouse, trial in shown_trials(study, count, first):
        name = f"{study.label(mouse)}, trial {trial}, r = {recorded[study.label(mouse), trial]:.2f}"
        movies[name] = study.results.judged(mouse, trial)
    shown = shown_frames(min(len(truth) for truth, _, _ in movies.values()), frames)  # the same of movies of any length
    seconds = np.round(shown / FRAME_RATE, 3)
    tables = []
    for name, (truth, found, pixels) in movies.items():
        images = np.stack([truth[shown], match_mean_image(found, truth, pixels)[shown]])
        images = np.where(pixels, images, np.nan)
        tables.append(
            image_table(labelled(images[None], movie=[name], kind=["truth", "reconstructed"], seconds=seconds), "grey")
        )
    return pd.concat(tables, ignore_index=True)
