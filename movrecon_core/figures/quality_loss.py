"""Where the quality is lost: the noise of the responses, the encoders, or the inversion (simulated recordings)."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from movrecon_core.analysis import (
    PARTS,
    SKIPPED_FRAMES,
    by_mouse,
    hierarchical_bootstrap,
    neuron_correlation,
    split_loss,
    video_correlation,
)
from movrecon_core.errors import NothingToShowError
from movrecon_core.figures.rows import NAN, Row, mean_row
from movrecon_core.study.conditions import (
    NOISE_FREE,
    NOISE_FREE_THROUGH_NEURONS,
    PREDICTED,
    RECORDED,
    THROUGH_NEURONS,
    Condition,
)
from movrecon_core.study.study import Study

FIGURE = "beyond 1"
WAYS: dict[str, Condition] = {
    "recorded, encoders": RECORDED,
    "noise-free, encoders": NOISE_FREE,
    "recorded, neurons": THROUGH_NEURONS,
    "noise-free, neurons": NOISE_FREE_THROUGH_NEURONS,
    "predicted, encoders": PREDICTED,
}
"""Responses, and what is inverted; the last is the article's upper bound."""
CAUSES = tuple(WAYS)[:4]
"""Those that `split_loss` compares, in its order."""
ORDER = (
    ("noise-free, encoders", "recorded, encoders"),
    ("recorded, neurons", "recorded, encoders"),
    ("noise-free, neurons", "noise-free, encoders"),
    ("noise-free, neurons", "recorded, neurons"),
)
"""Better first, if less noise and a better model of the neurons both help."""


def truth_movies(study: Study) -> list[tuple[int, int]]:
    """Mouse and trial of every movie whose true responses are known and used.

    Raises
    ------
    NothingToShowError
        If there is none: the neurons of a recorded brain are not known, or the profile asks for none.
    """
    found = [(mouse, trial) for mouse in study.reconstructed_mice for trial in study.asked.truth_trials(mouse)]
    if not found:
        raise NothingToShowError(
            "this needs the noise-free responses and the neurons of the recordings, which only `movrecon simulate` "
            "knows, and a profile with `truth: {trials_per_mouse: 1}` or more"
        )
    return found


def qualities(study: Study) -> pd.DataFrame:
    """Video correlation of the same movies found in all `WAYS`.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``way``, ``video_correlation``.

    Raises
    ------
    NothingToShowError
        As `truth_movies`.
    """
    ways = {name: way for name, way in WAYS.items() if way != PREDICTED or PREDICTED in study.conditions}
    rows = [
        (study.label(mouse), trial, name, video_correlation(*study.results.judged(mouse, trial, way).evaluated))
        for mouse, trial in truth_movies(study)
        for name, way in ways.items()
    ]
    return pd.DataFrame(rows, columns=["mouse", "trial", "way", "video_correlation"])


def loss_parts(found: pd.DataFrame) -> pd.DataFrame:
    """What each movie loses of a video correlation of 1, by cause: `split_loss`.

    Parameters
    ----------
    found
        Of `qualities`.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``part`` (`PARTS`), ``loss``; the parts of a movie add up to 1 − its video correlation.
    """
    wide = found.pivot(index=["mouse", "trial"], columns="way", values="video_correlation")
    parts = pd.DataFrame(split_loss(*(1 - wide[way] for way in CAUSES)), index=wide.index)
    return parts.melt(ignore_index=False, var_name="part", value_name="loss").reset_index()


def shares(parts: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Loss by cause, and its share of a movie's loss: means over mice with 95 % intervals (bootstrap, movies in mice).

    Returns
    -------
    DataFrame
        One row a part: ``part``, ``loss``, ``low``, ``high``; ``share``, ``share_low``, ``share_high`` in percent.
        Losses add up to the whole loss, shares to 100.
    """
    wide = parts.pivot(index=["mouse", "trial"], columns="part", values="loss")[list(PARTS)]
    mice = wide.index.get_level_values("mouse").to_numpy()
    rows = []
    for part in PARTS:
        found: list[float] = []
        for values in (wide[part], 100 * wide[part] / wide.sum(axis=1)):
            interval = hierarchical_bootstrap(by_mouse(values, mice), seed)
            found += [interval.mean, interval.low, interval.high]
        rows.append((part, *found))
    return pd.DataFrame(rows, columns=["part", "loss", "low", "high", "share", "share_low", "share_high"])


def encoder_correlations(study: Study) -> pd.DataFrame:
    """How well the encoders' mean prediction of each movie fits what was recorded, and what it stands for.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``of``, ``correlation``: mean over neurons, from frame 30 on; the last of three is that of
        recorded with noise-free responses, which no prediction can exceed.
    """
    rows = []
    for mouse, trial in truth_movies(study):
        stored = study.results.responses(mouse, trial)
        predicted, recorded = stored["predicted"].sel(stimulus="true").values, stored["recorded"].values
        noise_free = study.trials.noise_free(mouse, trial)
        pairs = {
            "prediction, recorded": (predicted, recorded),
            "prediction, noise-free": (predicted, noise_free),
            "noise-free, recorded": (noise_free, recorded),
        }
        for name, (first, second) in pairs.items():
            values = neuron_correlation(first[:, SKIPPED_FRAMES:], second[:, SKIPPED_FRAMES:])
            rows.append((study.label(mouse), trial, name, float(np.nan_to_num(values, nan=0.0).mean())))
    return pd.DataFrame(rows, columns=["mouse", "trial", "of", "correlation"])


def rows(found: pd.DataFrame, fits: pd.DataFrame, seed: int) -> Iterator[Row]:
    """Quality of every way, the parts of the loss, and how well the encoders predict.

    Parameters
    ----------
    found
        Of `qualities`.
    fits
        Of `encoder_correlations`.
    seed
        Of the bootstraps.
    """
    for way in found["way"].unique():
        movies = found[found["way"] == way]
        yield mean_row(FIGURE, f"video correlation, {way}", NAN, movies["video_correlation"], movies["mouse"], seed)
    parts = loss_parts(found)
    for part in shares(parts, seed).itertuples():
        movies = parts[parts["part"] == part.part]
        yield mean_row(FIGURE, f"loss by {part.part}", NAN, movies["loss"], movies["mouse"], seed)
        ends = {"low": part.share_low, "high": part.share_high}
        yield Row(FIGURE, f"share of {part.part} (%)", "percent", NAN, part.share, **ends, n=len(movies))
    for pair in fits["of"].unique():
        movies = fits[fits["of"] == pair]
        yield mean_row(FIGURE, f"correlation of responses: {pair}", NAN, movies["correlation"], movies["mouse"], seed)
