"""The decoders: what makes a movie of responses without an encoder, learned from training movies alone."""

from collections.abc import Iterator

import xarray as xr

from movrecon_core.decoders.by_name import LEARNERS, arrays_of
from movrecon_core.storage.cost import Cost
from movrecon_core.study.growth import Growth, in_training_trials
from movrecon_core.study.stage import Definition, Stage, Task, no_encoder
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker


def _keys(study: Study) -> Iterator[tuple[int, str]]:
    for mouse in study.reconstructed_mice:
        for name in study.decoders:
            yield mouse, name


def _define(study: Study, mouse: int, name: str) -> tuple[str, Definition]:
    return f"{study.mice[mouse]}-{name}", {
        "mouse": mouse,
        "name": name,
        "trials": study.trials_digest(mouse, "training"),
        "seed": study.profile.seed,
    }


def _learn(work: Worker, task: Task) -> None:
    ((mouse, name),), (unit,), study = task.keys, task.units, work.study
    with Cost() as cost:
        trials = [study.trial(mouse, trial) for trial in study.trials_with(mouse, "training")]
        arrays = arrays_of(LEARNERS[name][1](trials, study.profile.seed))
    variables = {key: (tuple(f"{key}_{axis}" for axis in range(value.ndim)), value) for key, value in arrays.items()}
    work.save(unit, xr.Dataset(variables), cost)


def _growth(study: Study, mouse: int, name: str) -> Growth:
    return in_training_trials(study, mouse)._replace(kind=name)


DECODERS = Stage(
    name="decoders",
    label="decoders",
    item="decoder",
    part="baselines",
    keys=_keys,
    define=_define,
    perform=_learn,
    architectures=no_encoder,
    growth=_growth,
)
"""Ridge regression first of all, from whose movies the best method starts."""
