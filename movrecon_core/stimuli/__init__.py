"""Synthetic stimuli (method page, synthetic stimuli): sparse noise, Gaussian-process noise, drifting gratings."""

import numpy as np
from numpy.typing import NDArray

from movrecon_core.stimuli.gaussian_noise import NoiseStimulus, noise_movie, unit_noise
from movrecon_core.stimuli.gratings import GratingStimulus, grating_movie
from movrecon_core.stimuli.sparse_noise import GREY, PHASES, sparse_noise

SyntheticStimulus = NoiseStimulus | GratingStimulus

__all__ = [
    "GREY",
    "PHASES",
    "GratingStimulus",
    "NoiseStimulus",
    "SyntheticStimulus",
    "grating_movie",
    "noise_movie",
    "sparse_noise",
    "synthetic_movie",
    "unit_noise",
]


def synthetic_movie(stimulus: SyntheticStimulus, seed: int) -> NDArray[np.float32]:
    """The movie (60, 36, 64) of a synthetic stimulus; the seed decides noise alone."""
    return noise_movie(stimulus, seed) if isinstance(stimulus, NoiseStimulus) else grating_movie(stimulus)
