"""The decoders: what makes a movie of responses without an encoder, learned from training movies alone."""

from collections.abc import Iterator

import xarray as xr

from movrecon_core.decoders.by_name import LEARNERS, RIDGE, arrays_of
from movrecon_core.decoders.lagged import MOST_SAMPLES, STRIDE
from movrecon_core.storage.cost import Cost
from movrecon_core.study.growth import Growth, frames_of, in_training_trials
from movrecon_core.study.stage import Definition, Stage, Task, no_encoder
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker


def _keys(study: Study) -> Iterator[tuple[int, str]]:
    for mouse in study.reconstructed_mice:
        for name in study.asked.decoders:
            yield mouse, name


def _define(study: Study, mouse: int, name: str) -> tuple[str, Definition]:
    return f"{study.mice[mouse]}-{name}", {
        "mouse": mouse,
        "name": name,
        "trials": study.trials.digest_of_role(mouse, "training"),
        "seed": study.profile.seed,
    }


def _learn(work: Worker, task: Task) -> None:
    ((mouse, name),), (unit,), study = task.keys, task.units, work.study
    with Cost() as cost:
        trials = [study.trial(mouse, trial) for trial in study.trials.of_role(mouse, "training")]
        arrays = arrays_of(LEARNERS[name][1](trials, study.profile.seed))
    variables = {key: (tuple(f"{key}_{axis}" for axis in range(value.ndim)), value) for key, value in arrays.items()}
    work.save(unit, xr.Dataset(variables), cost)


def _growth(study: Study, mouse: int, name: str) -> Growth:
    """Ridge regression multiplies all pairs of samples, which are thinned where a recording is long."""
    trials = in_training_trials(study, mouse).amount
    samples = min(MOST_SAMPLES, trials * frames_of(study, mouse, 0) / STRIDE)
    return Growth(name, samples**2 if name == RIDGE else trials)


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
