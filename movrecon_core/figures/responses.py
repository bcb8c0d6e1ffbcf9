"""Responses that movies evoke in the encoders: how close to the recorded ones."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis import SKIPPED_FRAMES, response_correlation
from movrecon_core.reconstruction.objective import poisson_loss
from movrecon_core.study.study import Study

STIMULI = {
    "true": "full video",
    "masked": "full video, masked",
    "reconstructed": "reconstruction",
    "matched": "reconstruction, matched",
}
"""Stored name of a movie whose responses were predicted → what it is called in a figure."""
SHUFFLED_NEURONS = "full video, neurons exchanged"
"""Control: recorded responses are compared with the predicted ones of other neurons."""


def response_fit(study: Study) -> pd.DataFrame:
    """How well responses predicted for several versions of each movie fit the recorded ones, from frame 30 on.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``stimulus`` (`STIMULI`, and `SHUFFLED_NEURONS`), ``poisson_loss`` (mean over neurons and
        frames), ``response_correlation`` (over all neurons and frames).
    """
    random = np.random.default_rng(study.profile.seed)
    rows = []
    for mouse, trial in study.movies():
        responses = study.results.responses(mouse, trial).isel(time=slice(SKIPPED_FRAMES, None))
        recorded = responses["recorded"].values
        predicted = dict(_predictions(responses))
        predicted[SHUFFLED_NEURONS] = predicted[STIMULI["true"]][random.permutation(len(recorded))]
        for stimulus, values in predicted.items():
            fit = (_poisson_loss(values, recorded), response_correlation(recorded, values))
            rows.append((study.label(mouse), trial, stimulus, *fit))
    return pd.DataFrame(rows, columns=["mouse", "trial", "stimulus", "poisson_loss", "response_correlation"])


def _predictions(responses: xr.Dataset) -> Iterator[tuple[str, NDArray[np.floating]]]:
    for stored, name in STIMULI.items():
        yield name, responses["predicted"].sel(stimulus=stored).values


def _poisson_loss(predicted: NDArray[np.floating], recorded: NDArray[np.floating]) -> float:
    batch = [torch.from_numpy(np.asarray(values, dtype=np.float64))[None] for values in (predicted, recorded)]
    return float(poisson_loss(*batch))
