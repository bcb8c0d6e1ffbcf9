"""The transparency masks: which pixels a mouse's neurons see (method page, Transparency mask)."""

import numpy as np
import xarray as xr

from movrecon_core.errors import RecordingError
from movrecon_core.reconstruction import Segment, train_mask
from movrecon_core.recordings import FRAME_WIDTH, Trial
from movrecon_core.storage.cost import Cost
from movrecon_core.study.scale import FLOAT_BYTES, Estimate, Scale
from movrecon_core.study.stage import Definition, Stage, Task, as_json
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker

FIRST_FRAME, SEGMENT_FRAMES = 50, 32
"""Where the first segment of a held-out movie begins, and how long one is (method page, mask data: 50–81)."""


def _define(study: Study, mouse: int) -> tuple[str, Definition]:
    return study.mice[mouse], {
        "mouse": mouse,
        "encoder": study.encoder_digests(1)[0],
        "trials": study.trials_digest(mouse, "held-out"),
        "mask": as_json(study.profile.mask),
        "segments": study.profile.mask_segments,
        "seed": study.profile.seed,
    }


def _train(work: Worker, task: Task) -> None:
    """Train the mask of a mouse with instance 0 on its held-out movies."""
    ((mouse,),), (unit,), study = task.keys, task.units, work.study
    with Cost() as cost:
        trials = [study.trial(mouse, t) for t in study.trials_with(mouse, "held-out")]
        segments = [s for trial in trials for s in mask_segments(trial, study.profile.mask_segments)]
        alpha = train_mask(work.encoders(1)[0], mouse, segments, study.profile.mask, study.profile.seed)
    work.save(unit, xr.Dataset({"alpha": (("y", "x"), np.asarray(alpha))}), cost)


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


def _estimate(scale: Scale) -> Estimate:
    masks = len(scale.study.reconstructed_mice)
    frames = masks * scale.profile.mask.iterations * SEGMENT_FRAMES
    return Estimate(frames * scale.seconds_of_a_frame, masks * FRAME_WIDTH**2 * FLOAT_BYTES)


MASKS = Stage(
    name="masks",
    label="masks",
    item="mask",
    part="masks",
    keys=lambda study: [(mouse,) for mouse in study.reconstructed_mice],
    define=_define,
    perform=_train,
    estimate=_estimate,
)
