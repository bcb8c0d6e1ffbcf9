"""The reconstructions: many movies of one mouse at once, each stored as soon as its batch is done."""

from collections.abc import Sequence
from itertools import islice

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.checkpoints import load_checkpoint
from movrecon_core.errors import ReconstructionError
from movrecon_core.progress import Progress
from movrecon_core.reconstruction import NotFiniteError, Reconstruction, Target, reconstruct
from movrecon_core.recordings import Trial
from movrecon_core.study.cost import Cost
from movrecon_core.study.stages.encoders import predicted_responses
from movrecon_core.study.stages.work import Work
from movrecon_core.study.study import Condition, Study


def reconstruct_movies(work: Work) -> None:
    """Reconstruct every movie with every instance, from recorded and from predicted responses."""
    study = work.study
    jobs = {
        (mouse, instance): _missing_movies(study, mouse, instance)
        for mouse in study.reconstructed_mice
        for instance in range(study.profile.instances)
    }
    for mouse in study.reconstructed_mice:
        study.evaluation_mask(mouse)  # nothing is reconstructed that could not be judged
    missing = sum(map(len, jobs.values()))
    if not missing:
        return
    with Progress(missing, "reconstructions", "movie") as progress:
        for (mouse, instance), todo in jobs.items():
            if not todo:
                continue
            encoder = load_checkpoint(study.checkpoint(instance), work.device)
            remaining = iter(todo)
            while batch := list(islice(remaining, study.profile.batch_trials)):
                _reconstruct_batch(work, encoder, mouse, instance, batch)
                progress.step(len(batch))


def _missing_movies(study: Study, mouse: int, instance: int) -> list[tuple[int, Condition]]:
    return [
        (trial, condition)
        for trial in study.reconstructed_trials(mouse)
        for condition in study.conditions
        if study.store.load(study.reconstruction_unit(mouse, trial, instance, condition)) is None
    ]


def _reconstruct_batch(
    work: Work, encoder: Encoder, mouse: int, instance: int, batch: Sequence[tuple[int, Condition]]
) -> None:
    study = work.study
    mask = study.training_mask(mouse)
    failed: NotFiniteError | None = None
    with Cost() as cost:
        targets = [_target(study.trial(mouse, t), condition, encoder, mouse, mask) for t, condition in batch]
        results: Sequence[Reconstruction | None]
        try:
            results = reconstruct([encoder], mouse, targets, study.profile.reconstruction, device=work.device)
        except NotFiniteError as error:
            results, failed = error.finished, error
    for (trial, condition), result in zip(batch, results, strict=True):
        if result is not None:
            unit = study.reconstruction_unit(mouse, trial, instance, condition)
            work.save(unit, _reconstruction_dataset(result), cost, len(batch))
    if failed is not None:
        names = [f"trial {t} ({c})" for (t, c), r in zip(batch, results, strict=True) if r is None]
        raise ReconstructionError(f"{study.mice[mouse]}, instance {instance}, {', '.join(names)}: not finite; {failed}")


def _target(trial: Trial, condition: Condition, encoder: Encoder, mouse: int, mask: NDArray[np.bool_]) -> Target:
    responses = trial.responses if condition == "recorded" else predicted_responses(encoder, trial, mouse)
    return Target(responses, trial.behavior, trial.pupil_center, mask)


def _reconstruction_dataset(result: Reconstruction) -> xr.Dataset:
    return xr.Dataset(
        {
            "movie": (("time", "y", "x"), result.movie.astype(np.float32)),
            "loss": ("iteration", result.loss.astype(np.float32)),
        }
    )
