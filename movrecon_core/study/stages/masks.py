"""The transparency masks: which pixels a mouse's neurons see (method page, Transparency mask)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from movrecon_core.encoders.checkpoints import checkpoint_digest
from movrecon_core.errors import RecordingError
from movrecon_core.fetch.masks import published_mask
from movrecon_core.reconstruction import Segment, train_mask
from movrecon_core.recordings import FRAME_WIDTH, Trial
from movrecon_core.storage.cost import Cost
from movrecon_core.storage.fingerprints import digest
from movrecon_core.study.growth import Growth
from movrecon_core.study.scale import FLOAT_BYTES, Estimate, Scale
from movrecon_core.study.stage import Definition, Stage, Task, as_json
from movrecon_core.study.study import Study
from movrecon_core.study.trials import ROLES
from movrecon_core.study.worker import Worker

FIRST_FRAME, SEGMENT_FRAMES = 50, 32
"""Where the first segment of a held-out movie begins, and how long one is (method page, mask data: 50–81)."""


FEWEST_MOVIES = 10
"""Training movies join until a mask has so many: with fewer it learns their layout (chosen)."""


class MaskTrials(NamedTuple):
    """Movies that a mask is trained on, none of them a reconstructed one.

    Attributes
    ----------
    unseen
        Those that the mask's encoder was not trained on.
    trained_on
        Those that it was: as few as fill up `FEWEST_MOVIES`, or all if the profile asks for them.
    """

    unseen: tuple[int, ...]
    trained_on: tuple[int, ...]


def mask_trials(study: Study, mouse: int) -> MaskTrials:
    """Choose the movies for a mouse's mask: neither reconstructed nor, where there are enough, trained on."""
    reconstructed, split = study.trials.reconstructed(mouse), study.trials.split(mouse)
    chosen = np.isin(split["trial"].values, reconstructed)
    twins = set(split["closest"].values[chosen].tolist())  # the training movie that is most like each of them
    shown = {_movie_digest(study, mouse, trial) for trial in reconstructed}

    def apart(trials: Sequence[int]) -> tuple[int, ...]:
        return tuple(t for t in trials if t not in twins and _movie_digest(study, mouse, t) not in shown)

    training = apart(study.trials.of_role(mouse, "training"))
    if study.profile.masks.movies == "training":
        return MaskTrials((), training)
    if (fold := study.profile.masks.fold) is None:
        unseen = apart(study.trials.of_role(mouse, "held-out"))
    else:
        used = split["role"].values != ROLES.index("not used")
        unseen = apart(split["trial"].values[used & (split["fold"].values == fold)].tolist())
    others = [t for t in training if t not in unseen]
    return MaskTrials(unseen, tuple(others[: max(FEWEST_MOVIES - len(unseen), 0)]))


def _movie_digest(study: Study, mouse: int, trial: int) -> str:
    return study.digests.of(study.recordings[mouse].file("videos", trial))


def _define(study: Study, mouse: int) -> tuple[str, Definition]:
    if (given := study.given_mask(mouse)) is not None:
        return study.mice[mouse], {"mouse": mouse, "file": study.digests.of(given)}
    trials = {str(t): study.trials.digest_of_trial(mouse, t) for part in mask_trials(study, mouse) for t in part}
    if (checkpoint := study.profile.masks.checkpoint) is None:
        encoders = study.encoder_digests(study.profile.masks.instances)
    else:
        encoders = [study.digests.of(checkpoint, checkpoint_digest)]
    return study.mice[mouse], {
        "mouse": mouse,
        "encoders": encoders,
        "trials": digest(trials),
        "mask": as_json(study.profile.mask),
        "segments": study.profile.mask_segments,
        "seed": study.profile.seed,
    }


def _train(work: Worker, task: Task) -> None:
    """Train the mask of a mouse, with the first instances or the encoder that the profile names; or take what it names.

    Each encoder errs in its own way, in some pixels so that its mask has holes: the mean of several has few.
    """
    ((mouse,),), (unit,), study = task.keys, task.units, work.study
    with Cost() as cost:
        if (given := study.given_mask(mouse)) is not None:
            alpha, movies = published_mask(given), MaskTrials((), ())
        else:
            movies = mask_trials(study, mouse)
            trials = [study.trial(mouse, t) for part in movies for t in part]
            segments = [s for trial in trials for s in mask_segments(trial, study.profile.mask_segments)]
            checkpoint = study.profile.masks.checkpoint
            own = work.encoders(study.profile.masks.instances) if checkpoint is None else [work.given(checkpoint)]
            masks = [train_mask(one, mouse, segments, study.profile.mask, study.profile.seed) for one in own]
            alpha = np.mean(masks, axis=0)
    mask = xr.Dataset(
        {"alpha": (("y", "x"), np.asarray(alpha))}, attrs={k: list(v) for k, v in movies._asdict().items()}
    )
    work.save(unit, mask, cost)


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
    trained = 0 if scale.profile.masks.files else masks * scale.profile.masks.instances
    frames = trained * scale.profile.mask.iterations * SEGMENT_FRAMES
    return Estimate(frames * scale.seconds_of_a_frame, masks * FRAME_WIDTH**2 * FLOAT_BYTES)


def _growth(study: Study, mouse: int) -> Growth:
    if study.profile.masks.files:
        return Growth("given")
    return Growth(amount=study.profile.masks.instances * study.profile.mask.iterations)


MASKS = Stage(
    name="masks",
    label="masks",
    item="mask",
    part="masks",
    keys=lambda study: [(mouse,) for mouse in study.reconstructed_mice],
    define=_define,
    perform=_train,
    estimate=_estimate,
    growth=_growth,
)
