"""Some movies once more, found with the other encoder from recorded responses."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import xarray as xr

from movrecon_core.reconstruction import reconstruct
from movrecon_core.storage.cost import Cost
from movrecon_core.study.conditions import RECORDED
from movrecon_core.study.growth import Growth, frames_of, reconstructed
from movrecon_core.study.stage import Definition, Stage, Task, as_json
from movrecon_core.study.stages.other_encoder import other_architectures, other_settings
from movrecon_core.study.study import Key, Study
from movrecon_core.study.targets import build_target
from movrecon_core.study.worker import Worker


def other_movies(study: Study) -> Iterator[tuple[int, int]]:
    """Mouse and trial of every movie that is also reconstructed with the other encoder."""
    if study.profile.comparison is not None:
        for mouse in study.reconstructed_mice:
            for trial in study.reconstructed_trials(mouse)[: study.profile.comparison.trials_per_mouse]:
                yield mouse, trial


def _define(study: Study, mouse: int, trial: int) -> tuple[str, Definition]:
    return f"{study.mice[mouse]}-trial-{trial}", {
        "mouse": mouse,
        "movie": {"trial": trial, "content": study.trial_digest(mouse, trial)},
        "encoder": study.encoder_digest(study.unit("other-encoder")),
        "mask": study.unit("masks", mouse).name,
        "reconstruction": as_json(other_settings(study).reconstruction),
    }


def _of_one_mouse(study: Study, keys: Sequence[Key]) -> Iterable[Sequence[Key]]:
    groups = [[key for key in keys if key[0] == mouse] for mouse in study.reconstructed_mice]
    return [group for group in groups if group]


def _reconstruct(work: Worker, task: Task) -> None:
    study, mouse = work.study, task.keys[0][0]
    with Cost() as cost:
        encoder = work.load(study.unit("other-encoder"))
        targets = [build_target(study, mouse, trial, RECORDED, [encoder], []) for _, trial in task.keys]
        found = reconstruct([encoder], mouse, targets, other_settings(study).reconstruction, device=work.device)
    for unit, result in zip(task.units, found, strict=True):
        movie = xr.Dataset({"movie": (("time", "y", "x"), result.movie.astype(np.float32))})
        work.save(unit, movie, cost, len(task.units))


def _growth(study: Study, mouse: int, trial: int) -> Growth:
    return reconstructed(other_settings(study).reconstruction, frames_of(study, mouse, trial))


OTHER_RECONSTRUCTIONS = Stage(
    name="other-reconstructions",
    label="reconstructions with another encoder",
    item="movie",
    part="comparison",
    keys=other_movies,
    define=_define,
    perform=_reconstruct,
    architectures=other_architectures,
    batches=_of_one_mouse,
    growth=_growth,
)
