"""What some trials of a recording say of its neurons and movies."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis.physiology import (
    lifetime_sparseness,
    pair_correlations,
    power_spectrum,
    running_ratio,
    spectral_slope,
)
from movrecon_core.recordings import FRAME_RATE, Recording, Trial, load_array
from movrecon_core.simulation import noise_free_file

PAIRED_NEURONS = 200
"""Neurons, evenly spread, whose pairs are correlated."""
PAIR_SECONDS = 0.5
"""Over which responses are averaged before they are correlated between neurons."""


def recorded_physiology(recording: Recording, trials: Sequence[Trial]) -> xr.Dataset:
    """What some trials of a recording say of its neurons and movies.

    Returns
    -------
    Dataset
        (neuron): ``mean_response``, ``sparseness``, ``running_ratio``, and ``expected_sparseness`` of the noise-free
        responses. (pair): ``signal_correlation``, ``noise_correlation``. What needs the truth of a simulation is NaN
        without it. (movie): ``motion``, ``contrast``, ``slope``. ``power`` (frequency, cycles/pixel).
    """
    responses = [trial.responses for trial in trials]
    together = np.concatenate(responses, axis=1)
    files = [noise_free_file(recording, trial.index) for trial in trials]
    expected = [load_array(file) for file in files] if all(file.is_file() for file in files) else None
    neurons = evenly_spread(len(together), PAIRED_NEURONS)
    unknown = np.full(len(together), np.nan)
    pairs = np.full((2, len(neurons) * (len(neurons) - 1) // 2), np.nan)
    if expected is not None:
        signal, recorded = ([trial[neurons] for trial in given] for given in (expected, responses))
        pairs = np.stack(pair_correlations(signal, recorded, int(PAIR_SECONDS * FRAME_RATE)))
    spectra = [power_spectrum(trial.movie[:: int(FRAME_RATE)]) for trial in trials]
    frequency = spectra[0][0]
    blank = np.full(len(frequency), np.nan)
    powers = [power / power.sum() for _, power in spectra if power.sum() > 0] or [blank]  # without blank trials
    return xr.Dataset(
        {
            "mean_response": ("neuron", together.mean(axis=1)),
            "sparseness": ("neuron", lifetime_sparseness(together)),
            "expected_sparseness": (
                "neuron",
                unknown if expected is None else lifetime_sparseness(np.concatenate(expected, axis=1)),
            ),
            "running_ratio": ("neuron", running_ratio(responses, [trial.behavior[1] for trial in trials])),
            "signal_correlation": ("pair", pairs[0]),
            "noise_correlation": ("pair", pairs[1]),
            "motion": ("movie", [float(np.abs(np.diff(trial.movie, axis=0)).mean()) for trial in trials]),
            "contrast": ("movie", [float(trial.movie.std(axis=(1, 2)).mean()) for trial in trials]),
            "slope": ("movie", [spectral_slope(frequency, power) if power.all() else np.nan for _, power in spectra]),
            "power": ("frequency", np.mean(powers, axis=0)),
            "frequency_band": ("frequency", frequency),
        }
    )


def evenly_spread(total: int, wanted: int) -> NDArray[np.intp]:
    """At most so many places, evenly spread."""
    return np.unique(np.linspace(0, total - 1, min(total, wanted)).astype(np.intp))
