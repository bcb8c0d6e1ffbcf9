"""Tables of the variations of the method: which of its parts matter (Fig. 1–S2)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from movrecon_core.analysis import (
    SKIPPED_FRAMES,
    mask_diameter,
    match_contrast_luminance,
    random_movie_control,
    threshold_correlations,
    video_correlation,
)
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.figures.comparisons import comparison_table
from movrecon_core.figures.fig2_performance import median_movie
from movrecon_core.figures.images import image_table, labelled
from movrecon_core.figures.published import published
from movrecon_core.figures.responses import STIMULI, response_fit
from movrecon_core.reconstruction import ensemble
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.study.conditions import PREDICTED, RECORDED, SHUFFLED, VARIATIONS, Condition
from movrecon_core.study.study import Study

STANDARD = "standard"
ONE_INSTANCE, UNFILTERED, RANDOM = "one instance", "no Gaussian filter", "random movie"
CONDITIONS: dict[str, Condition] = {
    STANDARD: RECORDED,
    "from predicted responses": PREDICTED,
    "gradient ensembling": Condition(gradients="ensemble"),
    "no training mask": Condition(mask="none"),
    "strict training mask": Condition(mask="strict"),
    "neurons exchanged": SHUFFLED,
}
"""Variants that need reconstructions of their own; the last is a control."""
TRAINING_MASKS = {
    "no training mask": "none",
    STANDARD: "standard (α ≥ 0.5)",
    "strict training mask": "strict (α ≥ 1)",
}
VARIANTS = (
    STANDARD,
    "from predicted responses",
    "gradient ensembling",
    UNFILTERED,
    ONE_INSTANCE,
    "no training mask",
    "strict training mask",
    "neurons exchanged",
    RANDOM,
)
"""In the order of the figure."""

PUBLISHED = {
    STANDARD: "standard",
    "from predicted responses": "from_predicted_activity",
    "gradient ensembling": "gradient_ensembling",
    UNFILTERED: "no_gaussian_smoothing",
    "no training mask": "no_training_mask",
    "strict training mask": "strict_training_mask",
}
"""Variant → its key among the published values."""

Movies = dict[str, NDArray[np.floating]]


def variation_panels(study: Study, frames: int, thresholds: int) -> dict[str, pd.DataFrame]:
    """What the figure of variations draws, over the movies that were reconstructed in every way.

    Parameters
    ----------
    study
        With reconstructions and the responses to them.
    frames
        How many frames of the example movie are shown: the movie of median video correlation.
    thresholds
        How many thresholds of the evaluation mask are looked at, from 0 to 1.

    Returns
    -------
    dict
        ``A`` frames of the example by ``variant``; ``B`` the same by training mask, without evaluation mask; ``C``
        video correlation of each movie by ``variant``; ``C_thresholds`` mean over movies of each ``mouse`` by
        ``training mask`` and evaluation ``threshold``, with the ``diameter`` of the evaluation mask in degrees; ``D``
        fit of the predicted to the recorded responses, as `response_fit`.
    """
    movies = [(mouse, trial) for mouse in study.reconstructed_mice for trial in study.variation_trials(mouse)]
    levels = np.linspace(0, 1, thresholds)
    tables, curves, truths, standards = [], [], [], []
    for mouse, trial in movies:
        truth, found = _evaluated(study, mouse, trial)
        pixels = crop_movie(study.evaluation_mask(mouse))
        values = {variant: video_correlation(truth, movie, pixels) for variant, movie in found.items()}
        columns = {"mouse": study.label(mouse), "trial": trial}
        tables.append(pd.DataFrame({**columns, "variant": list(values), "video_correlation": list(values.values())}))
        curves.append(_threshold_curves(study, mouse, trial, truth, found, levels))
        truths.append(truth)
        standards.append(found[STANDARD])
    tables.append(_random_movies(study, movies, truths, standards))
    found_variants = pd.concat(tables, ignore_index=True)
    correlations = pd.concat([found_variants[found_variants["variant"] == name] for name in VARIANTS])
    mouse, trial = _example(movies, correlations)
    truth, shown = study.trial(mouse, trial).movie, variant_movies(study, mouse, trial)
    fit = response_fit(study)
    by_mouse = ["mouse", "training mask", "threshold", "diameter"]
    return {
        "A": _frames(_displayed(truth, shown, crop_movie(study.evaluation_mask(mouse))), frames, "variant"),
        "B": _frames(_unmasked(truth, shown), frames, "training mask"),
        "C": correlations.round({"video_correlation": 6}),
        "C_thresholds": pd.concat(curves).groupby(by_mouse, sort=False)["video_correlation"].mean().reset_index(),
        "D": fit[fit["stimulus"].isin(STIMULI.values())].reset_index(drop=True),
    }


def variant_movies(study: Study, mouse: int, trial: int) -> Movies:
    """Reconstructions (T, 36, 64) of a movie by variant; those that the profile does not ask for are left out."""
    movies: Movies = {}
    for variant, condition in CONDITIONS.items():
        if condition in (*study.conditions, *VARIATIONS):
            instances = crop_movie(study.instance_movies(mouse, trial, condition))
            movies[variant] = ensemble(list(instances))
            if variant == STANDARD:
                movies[UNFILTERED] = ensemble(list(instances), sigma=None)
                movies[ONE_INSTANCE] = ensemble(list(instances[:1]))
    return movies


def variation_statistics(panels: Mapping[str, pd.DataFrame], seed: int) -> pd.DataFrame:
    """Every variant compared with the standard, and the pairs of panel D that the article compares.

    Returns
    -------
    DataFrame
        As `comparison_table`.
    """
    variants = [(STANDARD, variant) for variant in VARIANTS[1:]]
    full, masked, reconstructed, matched = STIMULI.values()
    stimuli = [(full, masked), (reconstructed, matched), (full, reconstructed)]
    measures = ["poisson_loss", "response_correlation"]
    return pd.concat(
        [
            comparison_table(panels["C"], "variant", ["video_correlation"], variants, seed),
            comparison_table(panels["D"], "stimulus", measures, stimuli, seed),
        ],
        ignore_index=True,
    )


def published_variants() -> dict[str, float]:
    """The article's video correlation of each variant."""
    values = published("figure_1_supplement_2.video_correlation")
    return {variant: values[key] for variant, key in PUBLISHED.items()}


def variations_beside_published(statistics: pd.DataFrame) -> dict[str, tuple[object, object]]:
    """The article's numbers beside this run's, for `beside_published`.

    Parameters
    ----------
    statistics
        Of `variation_statistics`.
    """
    ours = statistics.set_index(["measure", "from", "to"])
    rows: dict[str, tuple[object, object]] = {}
    tested = published("figure_1_supplement_2.p_paired_t")
    for variant, theirs in published_variants().items():
        pair = ("video correlation", STANDARD, variant)
        if variant == STANDARD:
            rows["video correlation, standard"] = (theirs, float(ours["mean_from"].iloc[0]))
        elif pair in ours.index:
            rows[f"video correlation, {variant}"] = (theirs, float(ours.loc[pair, "mean_to"]))
            if PUBLISHED[variant] in tested:
                rows[f"p, {variant}"] = (_p(tested[PUBLISHED[variant]]), _p(ours.loc[pair, "p"]))
    full, masked, reconstructed, matched = STIMULI.values()
    changes = {"masked_at_0.5": (full, masked), "contrast_luminance_matched": (reconstructed, matched)}
    for measure in ("poisson_loss", "response_correlation"):
        percent, p = (published(f"figure_1_supplement_2.{measure}_{kind}") for kind in ("change_percent", "p"))
        for key, (first, second) in changes.items():
            name = measure.replace("_", " ")
            row = ours.loc[(name, first, second)]
            rows[f"{name}, {second}: change in %"] = (percent[key], float(row["change_percent"]))
            rows[f"p, {name}, {second}"] = (_p(p[key]), _p(row["p"]))
    return rows


def _p(value: float) -> str | None:
    return None if np.isnan(value) else f"{value:.2g}"


def _evaluated(study: Study, mouse: int, trial: int) -> tuple[NDArray[np.floating], Movies]:
    movies = variant_movies(study, mouse, trial)
    truth = study.trial(mouse, trial).movie[SKIPPED_FRAMES:]
    return truth, {variant: movie[SKIPPED_FRAMES:] for variant, movie in movies.items()}


def _threshold_curves(
    study: Study, mouse: int, trial: int, truth: NDArray[np.floating], movies: Movies, levels: NDArray[np.floating]
) -> pd.DataFrame:
    alpha = crop_movie(study.alpha(mouse))
    diameters = [mask_diameter(alpha >= level) for level in levels]
    tables = []
    for variant, mask in TRAINING_MASKS.items():
        if variant in movies:
            correlation = threshold_correlations(truth, movies[variant], alpha, levels)
            columns = {"mouse": study.label(mouse), "trial": trial, "training mask": mask, "threshold": levels.round(6)}
            tables.append(pd.DataFrame({**columns, "diameter": diameters, "video_correlation": correlation}))
    return pd.concat(tables, ignore_index=True)


def _random_movies(
    study: Study, movies: list[tuple[int, int]], truths: list[NDArray], standards: list[NDArray]
) -> pd.DataFrame:
    """The standard reconstructions against a random other truth; empty where there is no other."""
    table = pd.DataFrame([(study.label(mouse), trial) for mouse, trial in movies], columns=["mouse", "trial"])
    if all(np.array_equal(truth, truths[0]) for truth in truths):
        return table.iloc[:0]
    masks = [crop_movie(study.evaluation_mask(mouse)) for mouse, _ in movies]
    control = random_movie_control(truths, standards, masks, study.profile.seed)
    return table.assign(variant=RANDOM, video_correlation=control)


def _example(movies: list[tuple[int, int]], correlations: pd.DataFrame) -> tuple[int, int]:
    standard = correlations[correlations["variant"] == STANDARD]
    return movies[median_movie(standard)]


def _displayed(truth: NDArray[np.floating], movies: Movies, pixels: NDArray[np.bool_]) -> Movies:
    """The truth and the variants of panel A, matched to it; NaN outside the evaluation mask."""
    matched = {variant: match_contrast_luminance(movie, truth, pixels) for variant, movie in movies.items()}
    names = [variant for variant in VARIANTS[1:5] if variant in matched]
    shown = {"truth": truth, STANDARD: matched[STANDARD], "contrast not matched": movies[STANDARD]}
    shown |= {variant: matched[variant] for variant in names}
    return {name: np.where(pixels, movie, np.nan) for name, movie in shown.items()}


def _unmasked(truth: NDArray[np.floating], movies: Movies) -> Movies:
    """The truth and the variants of panel B over the whole screen, matched to it."""
    everywhere = np.ones(truth.shape[1:], dtype=bool)
    shown = {
        mask: match_contrast_luminance(movies[variant], truth, everywhere)
        for variant, mask in TRAINING_MASKS.items()
        if variant in movies
    }
    return {"truth": truth, **shown}


def _frames(movies: Movies, frames: int, column: str) -> pd.DataFrame:
    # The middle of equal parts: nothing was recorded that could tell the very last frames.
    edges = np.linspace(SKIPPED_FRAMES, len(movies["truth"]), frames + 1)
    shown = ((edges[:-1] + edges[1:]) / 2).astype(int)
    images = np.stack([movie[shown] for movie in movies.values()])
    seconds = np.round(shown / FRAME_RATE, 3)
    return image_table(labelled(images, **{column: list(movies), "seconds": seconds}), "grey")
