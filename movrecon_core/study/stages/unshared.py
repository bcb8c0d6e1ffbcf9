"""Responses of a simulation recorded once more with noise that its neurons do not share."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from movrecon_core.encoders.true_neurons import shown_rates
from movrecon_core.simulation import SimulatedNeurons
from movrecon_core.storage.cost import Cost
from movrecon_core.study.conditions import movie_name
from movrecon_core.study.stage import Definition, Stage, Task, no_encoder
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker


def _keys(study: Study) -> Iterator[tuple[int, int]]:
    for mouse in study.reconstructed_mice:
        for trial in study.asked.redundancy_trials(mouse):
            if study.trials.truth_known(mouse):
                yield mouse, trial


def _define(study: Study, mouse: int, trial: int) -> tuple[str, Definition]:
    return f"{study.mice[mouse]}-{movie_name(trial)}", {
        "mouse": mouse,
        "movie": {"trial": trial, "content": study.trials.digest_of_trial(mouse, trial)},
        "truth": study.trials.truth_digest(mouse, trial),
        "seed": study.profile.seed,
    }


def _record(work: Worker, task: Task) -> None:
    """``responses`` (neuron, time) to the movie of a trial, under its behaviour."""
    ((mouse, number),), (unit,), study = task.keys, task.units, work.study
    with Cost() as cost:
        trial, recording = study.trial(mouse, number), study.recordings[mouse]
        rates = shown_rates(recording, trial.movie, trial.behavior, trial.pupil_center)
        noise = np.random.default_rng([study.profile.seed, mouse, number])
        responses = SimulatedNeurons(recording).recorded(rates, noise, shared=False)
    work.save(unit, xr.Dataset({"responses": (("neuron", "time"), responses)}), cost)


UNSHARED = Stage(
    name="unshared",
    label="responses without shared noise",
    item="movie",
    part="responses",
    keys=_keys,
    define=_define,
    perform=_record,
    architectures=no_encoder,
)
