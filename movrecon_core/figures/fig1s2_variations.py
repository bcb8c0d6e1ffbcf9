"""Variations of the method: which of its parts matter (Fig. 1–S2)."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from movrecon_core.analysis import (
    Judged,
    mask_diameter,
    match_mean_image,
    random_movie_control,
    same_movie,
    threshold_correlations,
    video_correlation,
)
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.errors import NothingToShowError
from movrecon_core.figures.comparisons import comparison_table
from movrecon_core.figures.fig2_performance import median_movie
from movrecon_core.figures.images import image_table, labelled, shown_frames
from movrecon_core.figures.published import published
from movrecon_core.figures.responses import STIMULI
from movrecon_core.figures.rows import Row, change_row, compared, mean_row, p_row
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.study.conditions import (
    AVERAGED,
    OWN_PREDICTION,
    PREDICTED,
    RECORDED,
    SHUFFLED,
    VARIATIONS,
    Condition,
)
from movrecon_core.study.study import Study


class Variant(NamedTuple):
    """A way to reconstruct.

    Attributes
    ----------
    condition
        How movies are reconstructed.
    published
        Key of the article's values; empty where it has none.
    made
        How the movie is made of the instances' movies where that differs, as for `Results.judged`.
    """

    condition: Condition
    published: str = ""
    made: Mapping[str, Any] = {}


STANDARD, RANDOM = "standard", "random movie"
VARIANTS = {
    STANDARD: Variant(RECORDED, "standard"),
    "from predicted responses": Variant(PREDICTED, "from_predicted_activity"),
    "gradient ensembling": Variant(Condition(gradients="ensemble"), "gradient_ensembling"),
    "no Gaussian filter": Variant(RECORDED, "no_gaussian_smoothing", {"smoothed": False}),
    "one instance": Variant(RECORDED, made={"instances": [0]}),
    "no training mask": Variant(Condition(mask="none"), "no_training_mask"),
    "strict training mask": Variant(Condition(mask="strict"), "strict_training_mask"),
    "from its own predictions": Variant(OWN_PREDICTION),
    "from the mean over repeats": Variant(AVERAGED),
    "neurons exchanged": Variant(SHUFFLED),
}
"""In the order of the figure; the last is a control, and after it comes another: a random other movie."""
TRAINING_MASKS = {
    "no training mask": "none",
    STANDARD: "standard (α ≥ 0.5)",
    "strict training mask": "strict (α ≥ 1)",
}
SHOWN = 4
"""How many variants, after the standard, panel A shows."""
_PUBLISHED = "figure_1_supplement_2"

Movies = dict[str, NDArray[np.floating]]


def variants(study: Study) -> pd.DataFrame:
    """Video correlation of the movies that were reconstructed in every way.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``variant`` (those of `VARIANTS` that the profile asks for, and the standard
        reconstructions against a random other movie), ``video_correlation``.

    Raises
    ------
    NothingToShowError
        If the profile varies nothing.
    """
    movies = [(mouse, trial) for mouse in study.reconstructed_mice for trial in study.asked.variation_trials(mouse)]
    if not movies:
        raise NothingToShowError("the profile varies nothing; give `variations.trials_per_mouse` 1 or more")
    names = [(study.label(mouse), trial) for mouse, trial in movies]
    table, standards = [], []
    for variant, (condition, _, made) in _asked(study).items():
        for name, movie in zip(names, movies, strict=True):
            if condition == AVERAGED and movie[1] not in study.asked.repeated_trials(movie[0]):
                continue
            judged = study.results.judged(*movie, condition, **made).evaluated
            table.append((*name, variant, video_correlation(*judged)))
            if variant == STANDARD:
                standards.append(judged)
    if not all(same_movie(judged.truth, standards[0].truth) for judged in standards):
        truths, found, pixels = map(list, zip(*standards, strict=True))
        control = random_movie_control(truths, found, pixels, [mouse for mouse, _ in movies], study.profile.seed)
        table += [(*name, RANDOM, value) for name, value in zip(names, control, strict=True)]
    return pd.DataFrame(table, columns=["mouse", "trial", "variant", "video_correlation"])


def _asked(study: Study) -> dict[str, Variant]:
    """Those that the profile asks for; the mean over repeats, where some of the varied movies were shown again."""
    asked = {*study.conditions, *VARIATIONS}
    if any(study.asked.repeated_trials(mouse) for mouse in study.reconstructed_mice):
        asked.add(AVERAGED)
    return {name: variant for name, variant in VARIANTS.items() if variant.condition in asked}


def variant_movies(study: Study, mouse: int, trial: int) -> dict[str, Judged]:
    """A movie's reconstructions by variant; those that the profile does not ask for are left out."""
    repeated = trial in study.asked.repeated_trials(mouse)
    asked = [(name, variant) for name, variant in _asked(study).items() if repeated or variant.condition != AVERAGED]
    return {name: study.results.judged(mouse, trial, condition, **made) for name, (condition, _, made) in asked}


def mask_thresholds(study: Study, thresholds: int) -> pd.DataFrame:
    """How the size of the evaluation mask decides, by training mask.

    Parameters
    ----------
    study
        With reconstructions.
    thresholds
        How many thresholds of the evaluation mask are looked at, from 0 to 1.

    Returns
    -------
    DataFrame
        ``mouse``, ``training mask``, ``threshold``, ``diameter`` of the evaluation mask in degrees,
        ``video_correlation``, mean over movies.
    """
    levels = np.linspace(0, 1, thresholds)
    tables = []
    for mouse in study.reconstructed_mice:
        alpha = crop_movie(study.results.alpha(mouse))
        columns = {"mouse": study.label(mouse), "threshold": levels.round(6)}
        columns["diameter"] = [mask_diameter(alpha >= level) for level in levels]
        for variant, mask in TRAINING_MASKS.items():
            for trial in study.asked.variation_trials(mouse):
                truth, movie, _ = study.results.judged(mouse, trial, VARIANTS[variant].condition).evaluated
                correlation = threshold_correlations(truth, movie, alpha, levels)
                tables.append(pd.DataFrame({**columns, "training mask": mask, "video_correlation": correlation}))
    by_mouse = ["mouse", "training mask", "threshold", "diameter"]
    return pd.concat(tables).groupby(by_mouse, sort=False)["video_correlation"].mean().reset_index()


def example_frames(
    study: Study, found: pd.DataFrame, frames: int, movie: tuple[int, int] | None = None
) -> dict[str, pd.DataFrame]:
    """Frames of one movie by variant, and by training mask.

    Parameters
    ----------
    study
        With reconstructions.
    found
        Of `variants`.
    frames
        How many.
    movie
        Which: place of the mouse and of its movie, from 0; None: the movie of median correlation.

    Returns
    -------
    dict
        ``A``: ``variant``, ``seconds``, ``y``, ``x``, ``grey``; contrast and luminance are the truth's except where
        said, NaN outside the evaluation mask. ``B``: the same by ``training mask`` and over the whole screen.
    """
    standard = found[found["variant"] == STANDARD].iloc[[median_movie(found[found["variant"] == STANDARD])]]
    mice = {study.label(mouse): mouse for mouse in study.reconstructed_mice}
    chosen = mice[standard["mouse"].item()], int(standard["trial"].item())
    if movie is not None:
        mouse = study.reconstructed_mice[movie[0]]
        chosen = mouse, study.asked.variation_trials(mouse)[movie[1]]
    judged = variant_movies(study, *chosen)
    truth, _, pixels = judged[STANDARD]
    matched = {name: match_mean_image(movie, truth, pixels) for name, (_, movie, _) in judged.items()}
    shown: Movies = {
        "truth": truth,
        STANDARD: matched[STANDARD],
        "contrast not matched": judged[STANDARD].reconstruction,
    }
    shown |= {name: matched[name] for name in list(VARIANTS)[1 : SHOWN + 1] if name in matched}
    everywhere = np.ones_like(pixels)
    masks = {
        mask: match_mean_image(judged[variant].reconstruction, truth, everywhere)
        for variant, mask in TRAINING_MASKS.items()
    }
    return {
        "A": _frames({name: np.where(pixels, movie, np.nan) for name, movie in shown.items()}, frames, "variant"),
        "B": _frames({"truth": truth, **masks}, frames, "training mask"),
    }


def variation_statistics(found: pd.DataFrame, fit: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Every variant compared with the standard, and the pairs of panel D that the article compares.

    Parameters
    ----------
    found
        Of `variants`.
    fit
        Of `response_fit`.
    seed
        Of the bootstraps.

    Returns
    -------
    DataFrame
        As `comparison_table`.
    """
    pairs = [(STANDARD, variant) for variant in found["variant"].unique()[1:]]
    full, masked, reconstructed, matched = STIMULI.values()
    stimuli = [(full, masked), (reconstructed, matched), (full, reconstructed)]
    measures = ["poisson_loss", "response_correlation"]
    return pd.concat(
        [
            comparison_table(found, "variant", ["video_correlation"], pairs, seed),
            comparison_table(fit, "stimulus", measures, stimuli, seed),
        ],
        ignore_index=True,
    )


def published_correlation(variant: str) -> float:
    """The article's video correlation of a variant; NaN where it states none."""
    key = VARIANTS[variant].published if variant in VARIANTS else ""
    return float(published(f"{_PUBLISHED}.video_correlation").get(key, np.nan))


def rows(found: pd.DataFrame, fit: pd.DataFrame, seed: int) -> Iterator[Row]:
    """Video correlation of every variant, and what masking and matching do to the predicted responses.

    Parameters
    ----------
    found
        Of `variants`.
    fit
        Of `response_fit`.
    seed
        Of the bootstraps.
    """
    tested = published(f"{_PUBLISHED}.p_paired_t")
    for variant, key in [*((name, variant.published) for name, variant in VARIANTS.items()), (RANDOM, "")]:
        values = found[found["variant"] == variant].dropna()
        name, value = f"video correlation, {variant}", published_correlation(variant)
        if values.empty:
            yield Row("1–S2", name, "correlation", value, note="left out: not in the profile")
            continue
        yield mean_row("1–S2", name, value, values["video_correlation"], values["mouse"], seed)
        if key in tested:
            pair = compared(found, "variant", "video_correlation", STANDARD, variant, seed)
            yield p_row("1–S2", f"p of {variant} and standard", tested[key], pair)
    full, masked, reconstructed, matched = STIMULI.values()
    changes = {"masked_at_0.5": (full, masked), "contrast_luminance_matched": (reconstructed, matched)}
    for measure in ("poisson_loss", "response_correlation"):
        percent, p = (published(f"{_PUBLISHED}.{measure}_{kind}") for kind in ("change_percent", "p"))
        for key, (first, second) in changes.items():
            name = f"{measure.replace('_', ' ')}, {second}"
            pair = compared(fit, "stimulus", measure, first, second, seed)
            yield change_row("1–S2", f"{name}, change (%)", percent[key], pair, "article: its size")
            yield p_row("1–S2", f"{name}, p", p[key], pair)


def _frames(movies: Movies, frames: int, column: str) -> pd.DataFrame:
    shown = shown_frames(len(movies["truth"]), frames)
    images = np.stack([movie[shown] for movie in movies.values()])
    seconds = np.round(shown / FRAME_RATE, 3)
    return image_table(labelled(images, **{column: list(movies), "seconds": seconds}), "grey")
