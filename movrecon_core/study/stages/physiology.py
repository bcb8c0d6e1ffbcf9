"""A mouse as a physiologist would look at it: probed in silico, and what its recorded trials say."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis.physiology import (
    Respond,
    coverage,
    field_diameter,
    grating_responses,
    lifetime_sparseness,
    pair_correlations,
    power_spectrum,
    running_ratio,
    spectral_slope,
    spot_maps,
    tuning,
)
from movrecon_core.encoders.prediction import predicted_responses
from movrecon_core.errors import RecordingError
from movrecon_core.recordings import FRAME_RATE, Recording, Trial, load_array
from movrecon_core.simulation import TRUTH, SimulatedNeurons
from movrecon_core.study.cost import Cost
from movrecon_core.study.stage import Definition, Stage, Task, own_encoder
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker

TRIALS = 24
"""Trials that are looked at, evenly spread: 4 min of a recording of 10 s movies."""
PAIRED_NEURONS = 200
"""Neurons, evenly spread, whose pairs are correlated."""
PAIR_SECONDS = 0.5
"""Over which responses are averaged before they are correlated between neurons."""


def _define(study: Study, mouse: int) -> tuple[str, Definition]:
    return study.mice[mouse], {
        "mouse": mouse,
        "recording": study.recording_digest(mouse),
        "encoder": None if study.recordings[mouse].simulated else study.encoder_digests(1)[0],
    }


def _examine(work: Worker, task: Task) -> None:
    ((mouse,),), (unit,) = task.keys, task.units
    with Cost() as cost:
        respond, probed = neurons_of(work, mouse)
        recording = work.study.recordings[mouse]
        numbers = [t for t in recording.trials if recording.has_responses(t)]
        chosen = [numbers[i] for i in _spread(len(numbers), TRIALS)]
        trials = [work.study.trial(mouse, t) for t in chosen]
        dataset = xr.merge([_probed(respond), recorded_physiology(recording, trials)], combine_attrs="no_conflicts")
        dataset.attrs["probed"] = probed
    work.save(unit, dataset, cost)


def neurons_of(work: Worker, mouse: int) -> tuple[Respond, str]:
    """What answers to a probe, and its name: the simulated neurons themselves, or else the first encoder's."""
    study = work.study
    try:
        return SimulatedNeurons(study.recordings[mouse]).rates, "simulated neurons"
    except RecordingError:
        encoder = work.encoders(1)[0]
        behavior, pupil = study.mean_behavior(mouse)

        def respond(movie: NDArray[np.float32]) -> NDArray[np.floating]:
            state, position = (np.repeat(mean[:, None], len(movie), axis=1) for mean in (behavior, pupil))
            return predicted_responses(encoder, mouse, movie, state, position)

        return respond, "encoder"


def _probed(respond: Respond) -> xr.Dataset:
    maps = spot_maps(respond)
    fields = xr.Dataset(
        {"field_diameter": ("neuron", field_diameter(maps)), "coverage": (("row", "column"), coverage(maps))}
    )
    return xr.merge([tuning(grating_responses(respond)), fields])


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
    files = [recording.path / TRUTH / "noise_free_responses" / f"{trial.index}.npy" for trial in trials]
    expected = [load_array(file) for file in files] if all(file.is_file() for file in files) else None
    neurons = _spread(len(together), PAIRED_NEURONS)
    unknown = np.full(len(together), np.nan)
    pairs = np.full((2, len(neurons) * (len(neurons) - 1) // 2), np.nan)
    if expected is not None:
        signal, recorded = ([trial[neurons] for trial in given] for given in (expected, responses))
        pairs = np.stack(pair_correlations(signal, recorded, int(PAIR_SECONDS * FRAME_RATE)))
    spectra = [power_spectrum(trial.movie[:: int(FRAME_RATE)]) for trial in trials]
    frequency = spectra[0][0]
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
            "slope": ("movie", [spectral_slope(frequency, power) for _, power in spectra]),
            "power": ("frequency", np.mean([power / power.sum() for _, power in spectra], axis=0)),
            "frequency_band": ("frequency", frequency),
        }
    )


def _spread(total: int, wanted: int) -> NDArray[np.intp]:
    """At most so many places, evenly spread."""
    return np.unique(np.linspace(0, total - 1, min(total, wanted)).astype(np.intp))


PHYSIOLOGY = Stage(
    name="physiology",
    label="recordings: tuning, sparseness, correlations",
    item="mouse",
    part="recordings",
    keys=lambda study: [(mouse,) for mouse in study.reconstructed_mice],
    define=_define,
    perform=_examine,
    architectures=lambda study: () if study.simulated else own_encoder(study),
)
