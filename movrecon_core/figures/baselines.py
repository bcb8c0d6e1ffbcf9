"""What simple decoders and other methods make of the same responses, beside the study's reconstructions."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from movrecon_core.analysis import (
    Judged,
    match_contrast_luminance,
    mean_frame_correlation,
    video_correlation,
)
from movrecon_core.errors import NothingToShowError
from movrecon_core.figures.comparisons import comparison_table
from movrecon_core.figures.rows import Row, mean_row
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.study.stages.baselines import OWN
from movrecon_core.study.study import Study

RECONSTRUCTED = "reconstructed"
"""The study's own movies, of the first instance; those of all instances are the next."""
ALL_INSTANCES = "reconstructed, all instances"
NAMES = {
    "ridge": "ridge regression",
    "ridge-components": "ridge, principal components",
    "ridge-shuffled": "ridge, neurons exchanged",
    "network": "convolutional network",
    "receptive-fields": "sum of receptive fields",
    "pseudo-inverse": "their pseudo-inverse",
    "nearest-movie": "nearest training movie",
    "mean-frame": "mean training frame",
}
"""Decoders in words."""
SIMILARITY_STEP = 10
"""Every so many frames structural similarity is taken."""

LOWEST = 0.1
"""Hz; octaves begin at it, its double, and so on: the lowest frequency of a movie of 10 s."""


def baseline_movies(study: Study, mouse: int, trial: int) -> dict[str, Judged]:
    """One movie as every method finds it, with the truth and the evaluation mask.

    Raises
    ------
    NothingToShowError
        If the profile asks for no decoders.
    """
    if not study.asked.decoders:
        raise NothingToShowError("the profile has no baselines; give `baselines.decoders` some names")
    own = study.results.judged(mouse, trial, instances=[0])
    found = {RECONSTRUCTED: own, ALL_INSTANCES: study.results.judged(mouse, trial)}
    found |= {
        name: own._replace(reconstruction=movie) for name, movie in study.results.other_movies(mouse, trial).items()
    }
    stored = study.result("baselines", mouse, trial)
    for name, movie in zip(stored.attrs["decoders"], stored["movie"].values, strict=True):
        found[NAMES.get(name, name)] = own._replace(reconstruction=movie)
    return found


def qualities(study: Study) -> pd.DataFrame:
    """What every method's movies are worth.

    Returns
    -------
    DataFrame
        One row for each movie and method: ``mouse``, ``trial``, ``method``, ``video_correlation``,
        ``mean_frame_correlation``, ``change_correlation`` (each pixel less its mean), ``structural_similarity``
        (windowed, with the truth's contrast and luminance), ``response_correlation`` (of the responses that the first
        encoder predicts for the movie with the recorded ones). A flat movie correlates with nothing: 0.
    """
    table = []
    for mouse, trial in study.asked.baseline_movies():
        evoked = _response_correlations(study, mouse, trial)
        for name, judged in baseline_movies(study, mouse, trial).items():
            with np.errstate(invalid="ignore", divide="ignore"):
                numbers = _numbers(judged.evaluated)
            table.append((study.label(mouse), trial, name, *np.nan_to_num(numbers), evoked.get(name, np.nan)))
    measures = ["video_correlation", "mean_frame_correlation", "change_correlation", "structural_similarity"]
    return pd.DataFrame(table, columns=["mouse", "trial", "method", *measures, "response_correlation"])


def error_spectra(study: Study) -> pd.DataFrame:
    """Power over time of what is left of the truth after regression on a movie.

    Returns
    -------
    DataFrame
        ``method``, ``frequency`` (Hz, octaves), ``share`` of the truth's power that the movie does not explain, mean
        over movies and the evaluation mask's pixels.
    """
    tables = []
    for mouse, trial in study.asked.baseline_movies():
        for name, judged in baseline_movies(study, mouse, trial).items():
            truth, found = (movie[:, judged.pixels].astype(float) for movie in judged.evaluated[:2])
            frequency, shares = _shares(truth, found)
            tables.append(pd.DataFrame({"method": name, "frequency": frequency, "share": shares}))
    return pd.concat(tables).groupby(["method", "frequency"], sort=False)["share"].mean().reset_index()


def against_all(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The study's reconstructions against every other method, on the same movies: as `comparison_table`.

    Parameters
    ----------
    table
        As `qualities`.
    seed
        Of the bootstrap.
    """
    others = [name for name in table["method"].unique() if name != RECONSTRUCTED]
    pairs = [(name, RECONSTRUCTED) for name in others]
    found = comparison_table(table, "method", ["video_correlation"], pairs, seed)
    wide = table.pivot(index=["mouse", "trial"], columns="method", values="video_correlation")
    found.insert(6, "above_in", [int((wide[RECONSTRUCTED] > wide[name]).sum()) for name in found["from"]])
    return found


def rows(table: pd.DataFrame, seed: int) -> Iterator[Row]:
    """Mean video correlation of every method.

    Parameters
    ----------
    table
        As `qualities`.
    seed
        Of the bootstrap.
    """
    for name, part in table.groupby("method", sort=False):
        values = part["video_correlation"]
        yield mean_row("baselines", f"video correlation, {name}", float("nan"), values, part["mouse"], seed)


def _numbers(judged: Judged) -> tuple[float, float, float, float]:
    truth, found, pixels = judged
    changes = (truth - truth.mean(axis=0), found - found.mean(axis=0), pixels)
    varies = np.ptp(found[:, pixels]) > 0
    matched = match_contrast_luminance(found, truth, pixels) if varies else found
    similar = [
        structural_similarity(a, b, data_range=255.0, full=True)[1][pixels].mean()
        for a, b in zip(truth[::SIMILARITY_STEP], matched.astype(np.float32)[::SIMILARITY_STEP], strict=True)
    ]
    return (
        video_correlation(*judged),
        mean_frame_correlation(*judged),
        video_correlation(*changes),
        float(np.mean(similar)),
    )


def _shares(truth: NDArray[np.float64], found: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """Frequencies (Hz, lower ends of octaves) and the share of the truth's power (T, pixels) that is not explained."""
    truth, found = truth - truth.mean(), found - found.mean()
    slope = (truth * found).sum() / max(np.square(found).sum(), 1e-12)
    left, whole = (np.square(np.abs(np.fft.rfft(x, axis=0))).sum(axis=1) for x in (truth - slope * found, truth))
    frequency = np.fft.rfftfreq(len(truth), 1 / FRAME_RATE)
    # The same octaves for movies of any length; the small number is for what falls on an edge.
    octave = np.concatenate([[-1000], np.floor(np.log2(frequency[1:] / LOWEST) + 1e-9).astype(int)])
    lower = [0.0 if o == octave[0] else round(LOWEST * 2.0**o, 3) for o in np.unique(octave)]
    shares = [left[octave == o].sum() / max(whole[octave == o].sum(), 1e-12) for o in np.unique(octave)]
    return lower, [float(share) for share in shares]


def _response_correlations(study: Study, mouse: int, trial: int) -> dict[str, float]:
    stored = study.result("baselines", mouse, trial)
    names = [RECONSTRUCTED if name == OWN else NAMES.get(name, name) for name in stored.attrs["movies"]]
    return dict(zip(names, stored["response_correlation"].values.tolist(), strict=True))
