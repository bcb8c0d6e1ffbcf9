"""Drifting square-wave gratings (article, Figure 4–figure supplement 1)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movrecon_core.recordings import FRAME_HEIGHT, FRAME_RATE, FRAME_WIDTH

FRAMES = 60  # article, Additional visual stimuli: 2 s


@dataclass(frozen=True)
class GratingStimulus:
    """One drifting grating.

    Attributes
    ----------
    direction
        Degrees: 0 moves right, 90 up, 180 left, 270 down.
    spatial_frequency
        Cycles per pixel (the article's axis says cycles per degree).
    temporal_frequency
        Hz; 15 Hz turns every pixel over from frame to frame, 0 stands still.
    """

    direction: float
    spatial_frequency: float
    temporal_frequency: float

    @property
    def name(self) -> str:
        return f"grating-{self.direction:g}-{self.spatial_frequency:g}-{self.temporal_frequency:g}"


def grating_movie(stimulus: GratingStimulus) -> NDArray[np.float32]:
    """A full-field square wave of full contrast.

    Returns
    -------
    NDArray
        (60, 36, 64), 0 or 255. A pixel has the value of its middle, a frame that of its beginning.
    """
    angle = math.radians(stimulus.direction)
    right, up = round(math.cos(angle), 12), round(math.sin(angle), 12)  # exactly 0 and ±1 for cardinal directions
    columns, rows = np.arange(FRAME_WIDTH) + 0.5, np.arange(FRAME_HEIGHT) + 0.5
    distance = right * columns - up * rows[:, None]  # (H, W), pixels along the direction; rows count downwards
    cycles = stimulus.temporal_frequency / FRAME_RATE * np.arange(FRAMES)
    phase = (stimulus.spatial_frequency * distance - cycles[:, None, None]) % 1.0
    return np.where(phase < 0.5, 255.0, 0.0).astype(np.float32)
