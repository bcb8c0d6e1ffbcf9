"""What the neurons see: transparency masks, and receptive fields in silico."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis import receptive_fields, sparse_noise_responses
from movrecon_core.encoders.base import Encoder
from movrecon_core.errors import RecordingError
from movrecon_core.reconstruction import Segment, train_mask
from movrecon_core.recordings import Trial
from movrecon_core.study.cost import Cost
from movrecon_core.study.study import Study
from movrecon_core.study.tasks import Stage, Task, missing
from movrecon_core.study.work import Work

FIRST_FRAME, SEGMENT_FRAMES = 50, 32
"""Where the first segment of a held-out movie begins, and how long one is (method page, mask data: 50–81)."""


def mask_tasks(study: Study) -> list[Task]:
    """Mice whose mask was not trained yet."""
    units = [(mouse, study.mask_unit(mouse)) for mouse in study.reconstructed_mice]
    return [Task("masks", (unit,), (mouse,)) for mouse, unit in units if missing(study, [unit])]


def train_mouse_mask(work: Work, task: Task) -> None:
    """Train the transparency mask of a mouse with instance 0."""
    (mouse,), (unit,), study = task.arguments, task.units, work.study
    with Cost() as cost:
        trials = [study.trial(mouse, t) for t in study.trials_with(mouse, "held-out")]
        segments = [s for trial in trials for s in mask_segments(trial, study.profile.mask_segments)]
        alpha = train_mask(work.encoder(0), mouse, segments, study.profile.mask, study.profile.seed)
    work.save(unit, xr.Dataset({"alpha": (("y", "x"), np.asarray(alpha))}), cost)


def receptive_field_tasks(study: Study) -> list[Task]:
    """Mice whose receptive fields were not mapped yet."""
    units = [(mouse, study.receptive_field_unit(mouse)) for mouse in study.reconstructed_mice]
    return [Task("receptive_fields", (unit,), (mouse,)) for mouse, unit in units if missing(study, [unit])]


def map_receptive_fields(work: Work, task: Task) -> None:
    """Map On and Off receptive fields with sparse noise, in silico (article, Retinotopic mapping)."""
    (mouse,), (unit,) = task.arguments, task.units
    with Cost() as cost:
        encoders = work.encoders(work.study.profile.receptive_fields.instances)
        dataset = _receptive_fields(work.study, encoders, mouse)
    work.save(unit, dataset, cost)


MASKS = Stage("masks", "masks", "mask", mask_tasks, train_mouse_mask)
RECEPTIVE_FIELDS = Stage("receptive_fields", "receptive fields", "mouse", receptive_field_tasks, map_receptive_fields)


def mask_segments(trial: Trial, most: int) -> list[Segment]:
    """Consecutive segments of a movie, as many as it holds and the profile asks for."""
    starts = range(FIRST_FRAME, trial.frames - SEGMENT_FRAMES + 1, SEGMENT_FRAMES)[:most]
    if not starts:
        raise RecordingError(
            f"{trial.recording}, trial {trial.index}: {trial.frames} frames; the mask is trained on frames "
            f"{FIRST_FRAME} to {FIRST_FRAME + SEGMENT_FRAMES - 1} of held-out movies"
        )
    spans = [slice(start, start + SEGMENT_FRAMES) for start in starts]
    return [
        Segment(trial.movie[s], trial.behavior[:, s], trial.pupil_center[:, s], trial.responses[:, s]) for s in spans
    ]


def _receptive_fields(study: Study, encoders: Sequence[Encoder], mouse: int) -> xr.Dataset:
    behavior, pupil_center = study.mean_behavior(mouse)
    step = study.profile.receptive_fields.pixel_step
    # The mean over instances is taken as they come: a paper-sized population would not fit seven times.
    sums: list[NDArray[np.floating]] = []
    for encoder in encoders:
        maps = sparse_noise_responses(encoder, mouse, behavior, pupil_center, pixel=step)
        sums = [total + new for total, new in zip(sums, maps, strict=True)] if sums else list(maps)
    fields = receptive_fields(*(total[None] / len(encoders) for total in sums))
    names = ("on", "off", "on_minus_off")
    return xr.Dataset(
        {name: (("y", "x", "neuron"), getattr(fields, name).astype(np.float32)) for name in names}
        | {name: (("neuron", "axis"), getattr(fields, name)) for name in ("on_centres", "off_centres")}
    )
