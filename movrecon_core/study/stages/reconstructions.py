"""The reconstructions: many movies of one mouse at once, each stored as soon as its batch is done."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr

from movrecon_core.errors import ReconstructionError
from movrecon_core.reconstruction import Reconstruction, UnfinishedError, reconstruct
from movrecon_core.study.conditions import Condition, Movie, movie_name
from movrecon_core.study.cost import Cost
from movrecon_core.study.stages.targets import build_target
from movrecon_core.study.store import Unit
from movrecon_core.study.study import Study
from movrecon_core.study.tasks import Stage, Task, missing
from movrecon_core.study.work import Work

Wanted = tuple[Movie, Condition, Unit]

SHORT = 5
"""A natural movie is as long as so many synthetic ones (article: 10 s and 2 s); a batch holds so many more of them."""


def reconstruction_tasks(study: Study) -> list[Task]:
    """Movies that were not reconstructed yet: batches of one mouse and instance, whatever their conditions."""
    for mouse in study.reconstructed_mice:
        study.evaluation_mask(mouse)  # nothing is reconstructed that could not be judged
    groups: dict[tuple[int, int | None, bool], list[Wanted]] = defaultdict(list)
    for mouse, movie, condition in study.wanted():
        units = study.reconstruction_units(mouse, movie, condition)
        lacking = missing(study, units)
        for instance, unit in enumerate(units):
            if unit in lacking:
                used = None if condition.gradients == "ensemble" else instance
                groups[mouse, used, isinstance(movie, int)].append((movie, condition, unit))
    return [
        task for (mouse, instance, _), wanted in groups.items() for task in _batches(study, mouse, instance, wanted)
    ]


def _batches(study: Study, mouse: int, instance: int | None, wanted: Sequence[Wanted]) -> Iterator[Task]:
    size = study.profile.batch_trials * (1 if isinstance(wanted[0][0], int) else SHORT)
    for first in range(0, len(wanted), size):
        batch = wanted[first : first + size]
        movies = tuple((movie, condition) for movie, condition, _ in batch)
        yield Task("reconstructions", tuple(unit for _, _, unit in batch), (mouse, instance, movies))


def reconstruct_batch(work: Work, task: Task) -> None:
    """Find the movies of a batch.

    Raises
    ------
    ReconstructionError
        If some of them could not be found, after the others were stored.
    """
    study = work.study
    mouse, instance, movies = task.arguments
    failed: UnfinishedError | None = None
    with Cost() as cost:
        encoders = work.encoders() if instance is None else [work.encoder(instance)]
        everyone = work.encoders() if any(condition.target == "ensemble" for _, condition in movies) else []
        targets = [build_target(study, mouse, movie, condition, encoders, everyone) for movie, condition in movies]
        config = study.reconstruction_config(movies[0][0])  # a batch has natural movies alone, or none
        results: Sequence[Reconstruction | None]
        try:
            results = reconstruct(encoders, mouse, targets, config, device=work.device)
        except UnfinishedError as error:
            results, failed = error.finished, error
    for unit, result in zip(task.units, results, strict=True):
        if result is not None:
            work.save(unit, _dataset(result), cost, len(movies))
    if failed is not None:
        names = [f"{movie_name(m)} ({c.name})" for (m, c), r in zip(movies, results, strict=True) if r is None]
        using = "all instances" if instance is None else f"instance {instance}"
        raise ReconstructionError(f"{study.mice[mouse]}, {using}, {', '.join(names)}: {failed}")


def _dataset(result: Reconstruction) -> xr.Dataset:
    return xr.Dataset(
        {
            "movie": (("time", "y", "x"), result.movie.astype(np.float32)),
            "loss": ("iteration", result.loss.astype(np.float32)),
            "video_correlation": ("iteration", result.video_correlation.astype(np.float32)),
        }
    )


RECONSTRUCTIONS = Stage("reconstructions", "reconstructions", "movie", reconstruction_tasks, reconstruct_batch)
