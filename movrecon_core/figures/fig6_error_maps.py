"""Tables of how recorded responses differ from expected ones, and what that does to the picture (Fig. 6)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from movrecon_core.analysis import (
    ERROR_RANGE,
    SKIPPED_FRAMES,
    error_map,
    frame_correlation,
    match_contrast_luminance,
    neuron_correlation,
    response_correlation,
)
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.figures.fig2_performance import reconstructed_movie
from movrecon_core.figures.images import image_table, labelled
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.study.conditions import PREDICTED, RECORDED
from movrecon_core.study.study import Study

EVOKED = {
    "true": "true movie",
    "reconstructed": "reconstruction",
    "expected": "expected reconstruction",
}
"""Stored name of a movie whose responses were predicted → what it is called here."""
MATRICES = {"recorded": "recorded", "true": "predicted from the true movie", "reconstructed": "from its reconstruction"}


def error_map_panels(study: Study, mouse: int, movie: int, frames: int, neurons: int) -> dict[str, pd.DataFrame]:
    """What the figure of error maps draws.

    Parameters
    ----------
    study
        With reconstructions from recorded and from predicted responses, and the responses to them.
    mouse, movie
        Places of the example among the reconstructed mice and their movies, from 0 (article: mouse 1, trial 7).
    frames
        How many of its frames are shown.
    neurons
        How many of its neurons are shown: those that the encoders predict best.

    Returns
    -------
    dict
        ``A`` correlation of each frame with the truth, ``B`` response matrices, ``C`` correlation with the recorded
        responses, ``D`` frames of the example and their error maps, ``E`` one frame of every movie with its error map.
    """
    chosen = study.reconstructed_mice[mouse]
    trial = study.reconstructed_trials(chosen)[movie]
    return {
        "A": _frame_correlations(study, chosen, trial),
        "B": _response_matrices(study, chosen, trial, neurons),
        "C": evoked_correlations(study),
        "D": _example_frames(study, chosen, trial, frames),
        "E": _one_frame_of_each(study),
    }


def evoked_correlations(study: Study) -> pd.DataFrame:
    """Correlation of the responses that movies evoke in the encoders with those that were recorded, from frame 30 on.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``evoked by`` (`EVOKED`, as far as they were predicted), ``with`` (``recorded``, or
        ``predicted``: the responses to the true movie), ``correlation`` over all neurons and frames.
    """
    rows = []
    for mouse, trial in study.movies():
        found = study.responses(mouse, trial).isel(time=slice(SKIPPED_FRAMES, None))
        stored = set(found["stimulus"].values.tolist())
        predicted = {name: found["predicted"].sel(stimulus=name).values for name in EVOKED if name in stored}
        for name, values in predicted.items():
            for other, responses in (("recorded", found["recorded"].values), ("predicted", predicted["true"])):
                if (name, other) != ("true", "predicted"):
                    value = response_correlation(responses, values)
                    rows.append((study.label(mouse), trial, EVOKED[name], other, value))
    return pd.DataFrame(rows, columns=["mouse", "trial", "evoked by", "with", "correlation"])


def error_sizes(study: Study) -> pd.DataFrame:
    """How large the errors of every movie are, inside its evaluation mask and from frame 30 on.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``; ``mean`` and ``mean_absolute`` error in grey levels; ``over`` and ``under``, shares of
        the pixels whose error is drawn, beyond 25 grey levels.
    """
    rows = []
    for mouse, trial in study.movies():
        error = movie_errors(study, mouse, trial)[SKIPPED_FRAMES:]
        values = error[~np.isnan(error)]
        shares = ((values > ERROR_RANGE[0]).mean(), (values < -ERROR_RANGE[0]).mean())
        rows.append((study.label(mouse), trial, values.mean(), np.abs(values).mean(), *shares))
    return pd.DataFrame(rows, columns=["mouse", "trial", "mean", "mean_absolute", "over", "under"])


def movie_errors(study: Study, mouse: int, trial: int) -> NDArray[np.float64]:
    """Error map (T, 36, 64) of a movie, NaN outside its evaluation mask."""
    recorded, expected = (reconstructed_movie(study, mouse, trial, c) for c in (RECORDED, PREDICTED))
    return error_map(recorded, expected, crop_movie(study.evaluation_mask(mouse)))


def _frame_correlations(study: Study, mouse: int, trial: int) -> pd.DataFrame:
    truth, pixels = study.trial(mouse, trial).movie, crop_movie(study.evaluation_mask(mouse))
    seconds = np.round(np.arange(len(truth)) / FRAME_RATE, 3)[SKIPPED_FRAMES:]
    tables = []
    for name, condition in (("recorded responses", RECORDED), ("expected responses", PREDICTED)):
        movie = reconstructed_movie(study, mouse, trial, condition)
        values = frame_correlation(truth, movie, pixels)[SKIPPED_FRAMES:]
        tables.append(pd.DataFrame({"reconstructed from": name, "seconds": seconds, "correlation": values}))
    return pd.concat(tables, ignore_index=True).round({"correlation": 6})


def _response_matrices(study: Study, mouse: int, trial: int, neurons: int) -> pd.DataFrame:
    found = study.responses(mouse, trial).isel(time=slice(SKIPPED_FRAMES, None))
    matrices = {"recorded": found["recorded"].values}
    matrices |= {name: found["predicted"].sel(stimulus=name).values for name in MATRICES if name != "recorded"}
    quality = np.nan_to_num(neuron_correlation(matrices["recorded"], matrices["true"]), nan=-1)
    shown = np.argsort(-quality, kind="stable")[:neurons]
    images = np.stack([_standardised(matrices[name][shown]) for name in MATRICES])
    seconds = np.round((np.arange(images.shape[2]) + SKIPPED_FRAMES) / FRAME_RATE, 3)
    index = pd.MultiIndex.from_product(
        [list(MATRICES.values()), shown.tolist(), seconds.tolist()], names=["responses", "neuron", "seconds"]
    )
    return pd.DataFrame({"z": images.ravel().round(3)}, index=index).reset_index()


def _standardised(responses: NDArray[np.floating]) -> NDArray[np.floating]:
    """Each neuron's responses (N, T) around their mean, in standard deviations."""
    centred = responses - responses.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    return centred / np.where(spread > 0, spread, 1)


def _example_frames(study: Study, mouse: int, trial: int, frames: int) -> pd.DataFrame:
    truth, pixels = study.trial(mouse, trial).movie, crop_movie(study.evaluation_mask(mouse))
    edges = np.linspace(SKIPPED_FRAMES, len(truth), frames + 1)
    shown = ((edges[:-1] + edges[1:]) / 2).astype(int)
    seconds = np.round(shown / FRAME_RATE, 3)
    images = {}
    for name, condition in (("recorded", RECORDED), ("expected", PREDICTED)):
        matched = match_contrast_luminance(reconstructed_movie(study, mouse, trial, condition), truth, pixels)
        images[name] = np.where(pixels, matched[shown], np.nan)
    return _columns({**images, "truth": truth[shown], "error": movie_errors(study, mouse, trial)[shown]}, seconds)


def _columns(images: Mapping[str, NDArray[np.floating]], seconds: ArrayLike) -> pd.DataFrame:
    """Images (seconds, y, x) side by side, one column each."""
    tables = {name: image_table(labelled(values, seconds=seconds), name) for name, values in images.items()}
    first = next(iter(tables.values()))
    return first[["seconds", "y", "x"]].assign(**{name: table[name] for name, table in tables.items()})


def _one_frame_of_each(study: Study) -> pd.DataFrame:
    tables = []
    for mouse, trial in study.movies():
        truth = study.trial(mouse, trial).movie
        frame = (SKIPPED_FRAMES + len(truth)) // 2
        images: dict[str, NDArray[np.floating]] = {
            "truth": truth[[frame]],
            "error": movie_errors(study, mouse, trial)[[frame]],
        }
        table = _columns(images, [round(frame / FRAME_RATE, 3)])
        table.insert(0, "trial", trial)
        table.insert(0, "mouse", study.label(mouse))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
