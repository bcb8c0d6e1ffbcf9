"""Which numbers a training can work with."""

import math
import sys

from movrecon_core.encoders.training import TrainingConfig
from movrecon_core.errors import ProfileError

_LIMITS = {
    **dict.fromkeys(("batch", "mice_per_batch", "segment_frames", "segments_per_epoch"), (1.0, math.inf)),
    **dict.fromkeys(("skipped_frames", "warm_up_epochs", "cosine_epochs", "weight_decay"), (0.0, math.inf)),
    **dict.fromkeys(("learning_rate", "cutmix_alpha", "clip_norm"), (sys.float_info.min, math.inf)),  # above 0
    **dict.fromkeys(("final_rate", "cutmix_probability", "ema_decay"), (0.0, 1.0)),
}
"""Least and largest value of a training's numbers."""


def require_training(training: TrainingConfig, stack_frames: int | None, key: str) -> None:
    """Stop at a number that would fail, or teach nothing, only hours later.

    Parameters
    ----------
    training
        A profile's.
    stack_frames
        Frames that the encoder takes at a time, which are then a segment; None: any number.
    key
        How the message begins: the profile and the section, with an open quotation mark.

    Raises
    ------
    ProfileError
        Names the key, what was expected and found.
    """
    for name, (least, largest) in _LIMITS.items():
        value = getattr(training, name)
        if value is not None and not least <= value <= largest:
            limits = "above 0" if 0 < least < 1 else f"{least:g} or more" if largest == math.inf else "0 to 1"
            raise ProfileError(f"{key}.{name}': expected {limits}, found {value!r}")
    if training.warm_up_epochs + training.cosine_epochs == 0:
        raise ProfileError(
            f"{key}.cosine_epochs': expected above 0 where 'warm_up_epochs' is 0, found {training.cosine_epochs!r}; "
            "nothing would be learned"
        )
    frames = stack_frames or training.segment_frames
    if frames is not None and training.skipped_frames >= frames:
        raise ProfileError(
            f"{key}.skipped_frames': expected fewer than the {frames} frames of a segment, found "
            f"{training.skipped_frames}; nothing would be left to learn from"
        )
