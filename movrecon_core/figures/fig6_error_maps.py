"""How recorded responses differ from expected ones, and what that does to the picture (Fig. 6)."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from movrecon_core.analysis import (
    ERROR_RANGE,
    SKIPPED_FRAMES,
    error_map,
    frame_correlation,
    neuron_correlation,
    response_correlation,
)
from movrecon_core.errors import NothingToShowError
from movrecon_core.figures.images import image_table, labelled, shown_frames
from movrecon_core.figures.published import published
from movrecon_core.figures.rows import NAN, Row, mean_row
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.study.conditions import PREDICTED, RECORDED
from movrecon_core.study.study import Study

EVOKED = {
    "true": "true movie",
    "evoked": "reconstruction",
    "expected": "expected reconstruction",
    "reconstructed": "mean reconstruction, unmasked",
}
"""Stored name of a movie whose responses were predicted → what it is called here; the last is no reading of theirs."""
PUBLISHED = {
    "predicted_from_movie_vs_recorded": ("true movie", "recorded"),
    "from_reconstruction_vs_recorded": ("reconstruction", "recorded"),
    "from_expected_reconstruction_vs_recorded": ("expected reconstruction", "recorded"),
    "from_expected_reconstruction_vs_predicted": ("expected reconstruction", "predicted"),
}
"""Key of a published value → which movie evokes the responses, and with which they are correlated."""
MATRICES = {"recorded": "recorded", "true": "predicted from the true movie", "evoked": "from its reconstruction"}


def evoked_correlations(study: Study) -> pd.DataFrame:
    """Correlation of the responses that movies evoke in the encoders with those that were recorded, from frame 30 on.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``evoked by`` (`EVOKED`, as far as they were predicted), ``with`` (``recorded``, or
        ``predicted``: the responses to the true movie), ``correlation`` over all neurons and frames, ``neurons``.
    """
    rows = []
    for mouse, trial in study.movies():
        found = study.results.responses(mouse, trial).isel(time=slice(SKIPPED_FRAMES, None))
        stored = set(found["stimulus"].values.tolist())
        predicted = {name: found["predicted"].sel(stimulus=name).values for name in EVOKED if name in stored}
        for name, values in predicted.items():
            for other, responses in (("recorded", found["recorded"].values), ("predicted", predicted["true"])):
                if (name, other) != ("true", "predicted"):
                    value = response_correlation(responses, values)
                    rows.append((study.label(mouse), trial, EVOKED[name], other, value, len(values)))
    return pd.DataFrame(rows, columns=["mouse", "trial", "evoked by", "with", "correlation", "neurons"])


def differences(evoked: pd.DataFrame) -> pd.DataFrame:
    """Panel C: how much better a movie's reconstruction explains the recorded responses than the movie itself does.

    Parameters
    ----------
    evoked
        Of `evoked_correlations`.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``difference`` of the correlations of recorded with predicted responses: true movie minus
        reconstruction (article, Fig. 6C).
    """
    recorded = evoked[evoked["with"] == "recorded"]
    wide = recorded.pivot(index=["mouse", "trial"], columns="evoked by", values="correlation")
    return (wide[EVOKED["true"]] - wide[EVOKED["evoked"]]).rename("difference").reset_index()


def rows(evoked: pd.DataFrame, seed: int) -> Iterator[Row]:
    """Correlation of what each movie evokes with the recorded, or predicted, responses.

    Parameters
    ----------
    evoked
        Of `evoked_correlations`.
    seed
        Of the bootstrap.
    """
    for key, (movie, responses) in PUBLISHED.items():
        values = evoked[(evoked["evoked by"] == movie) & (evoked["with"] == responses)]
        theirs = published(f"figure_6.response_correlation.{key}")
        name = f"{responses} responses and those evoked by the {movie}"
        if values.empty:
            note = "left out: the profile has no reconstructions from predicted responses"
            yield Row("6", name, "correlation", theirs, note=note)
        else:
            # Of populations that were padded with NaN the article's means kept the largest alone: one mouse of five.
            kept = values[values["neurons"] == values["neurons"].max()]
            note = f"of the mice with the most neurons ({kept['neurons'].iloc[0]}) alone, as the article's"
            yield mean_row("6", name, theirs, kept["correlation"], kept["mouse"], seed, note=note)
            yield mean_row("6", f"{name}, all mice", NAN, values["correlation"], values["mouse"], seed)


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
    """Error map (T, 36, 64) of a movie, NaN outside its evaluation mask.

    Raises
    ------
    NothingToShowError
        If nothing was reconstructed from predicted responses, which is what errors are measured by.
    """
    _require_expected(study)
    _, recorded, pixels = study.results.judged(mouse, trial, RECORDED)
    return error_map(recorded, study.results.reconstruction(mouse, trial, PREDICTED), pixels)


def _require_expected(study: Study) -> None:
    if PREDICTED not in study.conditions:
        raise NothingToShowError(
            "the profile reconstructs nothing from predicted responses; set `from_predicted: true`"
        )


def frame_correlations(study: Study, mouse: int, trial: int) -> pd.DataFrame:
    """Correlation of each frame of a movie with the truth: ``reconstructed from``, ``seconds``, ``correlation``.

    Raises
    ------
    NothingToShowError
        As `movie_errors`.
    """
    _require_expected(study)
    tables = []
    for name, condition in (("recorded responses", RECORDED), ("expected responses", PREDICTED)):
        values = frame_correlation(*study.results.judged(mouse, trial, condition))[SKIPPED_FRAMES:]
        seconds = np.round((np.arange(len(values)) + SKIPPED_FRAMES) / FRAME_RATE, 3)
        tables.append(pd.DataFrame({"reconstructed from": name, "seconds": seconds, "correlation": values}))
    return pd.concat(tables, ignore_index=True).round({"correlation": 6})


def response_matrices(study: Study, mouse: int, trial: int, neurons: int) -> pd.DataFrame:
    """Responses to a movie of the neurons that are predicted best: ``responses``, ``neuron``, ``seconds``, ``z``.

    Parameters
    ----------
    study
        With the responses to reconstructions.
    mouse, trial
        Which movie.
    neurons
        How many are shown.
    """
    found = study.results.responses(mouse, trial).isel(time=slice(SKIPPED_FRAMES, None))
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


def example_frames(study: Study, mouse: int, trial: int, frames: int) -> pd.DataFrame:
    """Frames of a movie: ``seconds``, ``y``, ``x``, ``recorded``, ``expected``, ``truth``, ``error``.

    Contrast and luminance are as they were found (scripts): what the error map is the difference of.
    """
    images = {}
    for name, condition in (("recorded", RECORDED), ("expected", PREDICTED)):
        truth, found, pixels = study.results.judged(mouse, trial, condition)
        shown = shown_frames(len(truth), frames)
        images[name] = np.where(pixels, found[shown], np.nan)
    seconds = np.round(shown / FRAME_RATE, 3)
    return _columns({**images, "truth": truth[shown], "error": movie_errors(study, mouse, trial)[shown]}, seconds)


def _columns(images: Mapping[str, NDArray[np.floating]], seconds: ArrayLike) -> pd.DataFrame:
    """Images (seconds, y, x) side by side, one column each."""
    tables = {name: image_table(labelled(values, seconds=seconds), name) for name, values in images.items()}
    first = next(iter(tables.values()))
    return first[["seconds", "y", "x"]].assign(**{name: table[name] for name, table in tables.items()})


def one_frame_of_each(study: Study) -> pd.DataFrame:
    """The middle frame of every movie: ``mouse``, ``trial``, ``seconds``, ``y``, ``x``, ``truth``, ``error``."""
    tables = []
    for mouse, trial in study.movies():
        truth = study.movie(mouse, trial)
        shown = shown_frames(len(truth), 1)
        images: dict[str, NDArray[np.floating]] = {
            "truth": truth[shown],
            "error": movie_errors(study, mouse, trial)[shown],
        }
        table = _columns(images, np.round(shown / FRAME_RATE, 3))
        table.insert(0, "trial", trial)
        table.insert(0, "mouse", study.label(mouse))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
