"""A mouse as a physiologist would look at it: probed in silico, and what its recorded trials say."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis.physiology import (
    Respond,
    coverage,
    field_diameter,
    grating_responses,
    spot_maps,
    tuning,
)
from movrecon_core.analysis.real_mice import recording_statistics
from movrecon_core.analysis.selectivity import SHOWINGS, direction_tuning, selectivity
from movrecon_core.analysis.trials import evenly_spread, recorded_physiology
from movrecon_core.encoders.prediction import predicted_responses
from movrecon_core.errors import RecordingError
from movrecon_core.simulation import SimulatedNeurons
from movrecon_core.storage.cost import Cost
from movrecon_core.study.growth import in_training_trials
from movrecon_core.study.stage import Definition, Stage, Task, own_encoder
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker

TRIALS = 24
"""Trials that are looked at, evenly spread: 4 min of a recording of 10 s movies."""


def _define(study: Study, mouse: int) -> tuple[str, Definition]:
    known = study.trials.truth_known(mouse)  # then the neurons answer, and no encoder is asked
    return study.mice[mouse], {
        "mouse": mouse,
        "recording": study.trials.digest_of_recording(mouse),
        "held_out": study.held_out,
        "encoder": None if known else study.encoder_digests(1)[0],
        "behavior": None if known else study.trials.behavior_digest(mouse),
    }


def _examine(work: Worker, task: Task) -> None:
    ((mouse,),), (unit,) = task.keys, task.units
    with Cost() as cost:
        respond, probed = neurons_of(work, mouse)
        recording = work.study.recordings[mouse]
        numbers = [t for t in recording.trials if recording.has_responses(t)]
        chosen = [numbers[i] for i in evenly_spread(len(numbers), TRIALS)]
        trials = [work.study.trial(mouse, t) for t in chosen]
        parts = [_probed(respond), recorded_physiology(recording, trials), _statistics(work.study, mouse)]
        dataset = xr.merge(parts, combine_attrs="no_conflicts")
        dataset.attrs["probed"] = probed
    work.save(unit, dataset, cost)


def neurons_of(work: Worker, mouse: int) -> tuple[Respond, str]:
    """What answers to a probe, and its name: the simulated neurons themselves, or else the first encoder's."""
    study = work.study
    try:
        return SimulatedNeurons(study.recordings[mouse]).rates, "simulated neurons"
    except RecordingError:
        encoder = work.encoders(1)[0]
        behavior, pupil = study.trials.mean_behavior(mouse)

        def respond(movie: NDArray[np.float32]) -> NDArray[np.floating]:
            state, position = (np.repeat(mean[:, None], len(movie), axis=1) for mean in (behavior, pupil))
            return predicted_responses(encoder, mouse, movie, state, position)

        return respond, "encoder"


def _statistics(study: Study, mouse: int) -> xr.Dataset:
    """The numbers that are known of the real mice, over training trials; selectivity as the microscope would find it.

    A real recording need not have Gabors, and an encoder does not tell how noisy tuning is: NaN.
    """
    recording = study.recordings[mouse]
    found = recording_statistics(recording, study.trials.of_role(mouse, "training"))
    rng = np.random.default_rng([study.profile.seed, mouse])
    try:
        neurons = SimulatedNeurons(recording)
        tuned = selectivity(direction_tuning(lambda movie: neurons.showings(movie, rng, SHOWINGS), rng))
    except RecordingError:
        tuned = (np.full(recording.neurons, np.nan),) * 2
    return xr.Dataset(
        {
            "known": ("statistic", list(found.values())),
            "gabor_orientation": ("neuron", tuned[0]),
            "gabor_direction": ("neuron", tuned[1]),
        },
        attrs={"statistics": list(found)},  # names as coordinates have no type that the store keeps
    )


def _probed(respond: Respond) -> xr.Dataset:
    maps = spot_maps(respond)
    fields = xr.Dataset(
        {"field_diameter": ("neuron", field_diameter(maps)), "coverage": (("row", "column"), coverage(maps))}
    )
    return xr.merge([tuning(grating_responses(respond)), fields])


def _architectures(study: Study) -> tuple[str, ...]:
    """None where the neurons of all mice are known."""
    return () if all(map(study.trials.truth_known, study.reconstructed_mice)) else own_encoder(study)


PHYSIOLOGY = Stage(
    name="physiology",
    label="recordings: tuning, sparseness, correlations",
    item="mouse",
    part="recordings",
    keys=lambda study: [(mouse,) for mouse in study.reconstructed_mice],
    define=_define,
    perform=_examine,
    architectures=_architectures,
    growth=in_training_trials,
)
