"""What a study would take, before anything is computed: units, hours on this device, storage."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH, Recording
from movrecon_core.study.profile import Profile
from movrecon_core.study.scale import Scale
from movrecon_core.study.stages import STAGES

_CACHED_BYTES = {"exact": 4, "half": 2}
"""Of a response in the training's copy of a recording, where a pixel is one byte."""


@dataclass(frozen=True)
class StageForecast:
    """One stage.

    Attributes
    ----------
    units
        Files that it stores.
    hours
        With one worker on the device; None: not estimated, little beside the others.
    gigabytes
        Of its files, before they are compressed; None: as with the hours.
    """

    name: str
    units: int
    hours: float | None
    gigabytes: float | None


def forecast(profile: Profile, recordings: Sequence[Recording], device: torch.device) -> list[StageForecast]:
    """Count a study's units, and time an untrained encoder's training step and a reconstruction's iteration.

    Parameters
    ----------
    profile
        Sizes and parameters.
    recordings
        The mice; none: as many, and as large, as the profile's simulation.
    device
        On which the two are timed.
    """
    scale = Scale(profile, tuple(recordings), device)
    a_frame = FRAME_HEIGHT * FRAME_WIDTH + scale.neurons * _CACHED_BYTES[profile.training.cache]
    copied = scale.trials * float(np.mean([mouse.frames for mouse in scale.simulated])) * a_frame
    stages = [StageForecast("training's copy", scale.mice, None, copied / 1e9)]
    for stage in STAGES:
        units = len(stage.asked(scale.study))
        if units:
            seconds, size = stage.estimate(scale)
            hours, gigabytes = (seconds and seconds / 3600), (size and size / 1e9)
            stages.append(StageForecast(stage.name, units, hours, gigabytes))
    return stages


def forecast_report(stages: Sequence[StageForecast], device: torch.device) -> str:
    """A forecast in words: a table and its sum."""
    lines = [f"{'stage':<24}{'units':>10}{'hours':>12}{'GB':>10}"]
    for stage in stages:
        hours, gigabytes = ("" if value is None else f"{value:.2f}" for value in (stage.hours, stage.gigabytes))
        lines.append(f"{stage.name:<24}{stage.units:>10}{hours:>12}{gigabytes:>10}")
    total, size = sum(stage.hours or 0 for stage in stages), sum(stage.gigabytes or 0 for stage in stages)
    lines.append(f"{'all':<24}{'':>10}{total:>12.2f}{size:>10.2f}")
    lines.append(
        f"Hours of one worker on this computer's {device.type}, from one timed training step and one iteration of an "
        "untrained encoder; stages without hours, figures and book are not counted. Nothing was computed or written."
    )
    return "\n".join(lines)
