"""Some movies once more, found with the other encoder."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import xarray as xr

from movrecon_core.reconstruction import reconstruct
from movrecon_core.storage.cost import Cost
from movrecon_core.study.conditions import RECORDED, Condition, movie_name
from movrecon_core.study.growth import Growth, frames_of, reconstructed
from movrecon_core.study.stage import Definition, Stage, Task, as_json, together
from movrecon_core.study.stages.other_encoder import other_architectures, other_settings
from movrecon_core.study.study import Key, Study
from movrecon_core.study.targets import behavior_definition, build_target
from movrecon_core.study.worker import Worker


def _keys(study: Study) -> Iterator[Key]:
    """Recorded responses with every instance; other conditions with the first."""
    for mouse in study.reconstructed_mice:
        for trial in study.asked.compared_trials(mouse):
            for condition in study.asked.compared_conditions:
                for instance in range(other_settings(study).instances if condition == RECORDED else 1):
                    yield mouse, trial, instance, condition


def _define(study: Study, mouse: int, trial: int, instance: int, condition: Condition) -> tuple[str, Definition]:
    return f"{study.mice[mouse]}-{movie_name(trial)}-instance-{instance}-{condition.name}", {
        "mouse": mouse,
        "condition": as_json(condition),
        "movie": {"trial": trial, "content": study.trials.digest_of_trial(mouse, trial)},
        "behavior": behavior_definition(study, mouse, trial, condition),
        "encoder": study.encoder_digest(study.unit("other-encoder", instance)),
        "mask": study.unit("masks", mouse).name,
        "reconstruction": as_json(other_settings(study).reconstruction),
        "seed": study.profile.seed if condition.neurons < 1 else None,
    }


def _batches(study: Study, keys: Sequence[Key]) -> Iterable[Sequence[Key]]:
    """Movies of one mouse and instance."""
    return together(keys, lambda key: (key[0], key[2]), study.profile.batch_trials)


def _reconstruct(work: Worker, task: Task) -> None:
    study, (mouse, _, instance, _) = work.study, task.keys[0]
    with Cost() as cost:
        encoder = work.load(study.unit("other-encoder", instance))
        targets = [build_target(study, mouse, trial, condition, [encoder], []) for _, trial, _, condition in task.keys]
        found = reconstruct([encoder], mouse, targets, other_settings(study).reconstruction, device=work.device)
    movies = [xr.Dataset({"movie": (("time", "y", "x"), result.movie.astype(np.float32))}) for result in found]
    work.save_together(list(zip(task.units, movies, strict=True)), cost)


def _growth(study: Study, mouse: int, trial: int, instance: int, condition: Condition) -> Growth:
    return reconstructed(other_settings(study).reconstruction, frames_of(study, mouse, trial))


OTHER_RECONSTRUCTIONS = Stage(
    name="other-reconstructions",
    label="reconstructions with another encoder",
    item="movie",
    part="comparison",
    keys=_keys,
    define=_define,
    perform=_reconstruct,
    architectures=other_architectures,
    batches=_batches,
    growth=_growth,
)
