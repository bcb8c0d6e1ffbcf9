"""The mask that all noise levels share, from the least noisy one, so that the same pixels are judged."""

import numpy as np
import xarray as xr

from movrecon_core.reconstruction import train_mask
from movrecon_core.recordings.folds import split_trials
from movrecon_core.storage.cost import Cost
from movrecon_core.study.growth import Growth
from movrecon_core.study.stage import Definition, Stage, Task, as_json
from movrecon_core.study.stages.masks import FEWEST_MOVIES, mask_segments
from movrecon_core.study.stages.planning_encoders import RULE, planning_recording
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker


def _define(study: Study) -> tuple[str, Definition]:
    encoder = study.unit("planning-encoders", max(study.profile.planning.ceilings))
    return "mask", {
        "encoder": study.encoder_digest(encoder),
        "mask": as_json(study.profile.mask),
        "segments": study.profile.mask_segments,
        "seed": study.profile.seed,
    }


def _train(work: Worker, task: Task) -> None:
    study = work.study
    with Cost() as cost:
        ceiling = max(study.profile.planning.ceilings)
        recording = planning_recording(study, ceiling)
        split = split_trials(recording, RULE)
        unseen = split.held_out[study.profile.planning.movies :]  # the others are reconstructed
        chosen = unseen + split.training[: max(FEWEST_MOVIES - len(unseen), 0)]
        trials = [recording.trial(trial) for trial in chosen]
        segments = [segment for trial in trials for segment in mask_segments(trial, study.profile.mask_segments)]
        encoder = work.load(study.unit("planning-encoders", ceiling))
        alpha = train_mask(encoder, 0, segments, study.profile.mask, study.profile.seed)
    work.save(task.units[0], xr.Dataset({"alpha": (("y", "x"), np.asarray(alpha))}), cost)


def _growth(study: Study) -> Growth:
    return Growth(amount=study.profile.mask.iterations)


PLANNING_MASK = Stage(
    name="planning-mask",
    label="planning: mask",
    item="mask",
    part="planning",
    keys=lambda study: [()] if study.profile.planning.ceilings else [],
    define=_define,
    perform=_train,
    growth=_growth,
)
