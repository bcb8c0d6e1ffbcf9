"""Selectivity for orientation and direction as it was measured in three of the ten real mice: with drifting Gabors.

Stimuli and indices follow what Li et al. did with the released recordings (repository bryanlimy/ViV1T-closed-loop,
``tuning_direction``): eight directions, three wavelengths and three frequencies, 25 frames each, in six trials of 10 s
that are shown ten times; the response to a direction is the mean over all frames in which it was shown.
"""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH

DIRECTIONS = tuple(range(0, 360, 45))
"""Degrees."""
WAVELENGTHS = (0.18, 0.38, 0.65)
"""Half heights of the screen, 18 pixels."""
CYCLES = (0.5, 1.4, 3.5)
"""Of the grating in one block: 0.6, 1.7 and 4.2 Hz."""
ENVELOPE = 0.3
"""s.d. of the Gaussian in the middle of the screen, half heights."""
BLOCK, BLOCKS = 25, 12
"""Frames of a grating; gratings of a trial."""
SHOWINGS = 10


def gabor_trials(rng: np.random.Generator) -> tuple[list[NDArray[np.float32]], NDArray[np.int64]]:
    """Six movies (300, 36, 64) of drifting Gabors in random order, and the direction's index of each block (6, 12)."""
    kinds = list(product(range(len(DIRECTIONS)), WAVELENGTHS, CYCLES))
    order = rng.permutation(len(kinds)).reshape(-1, BLOCKS)
    movies = [np.concatenate([_gabor(DIRECTIONS[kinds[k][0]], *kinds[k][1:]) for k in trial]) for trial in order]
    return movies, np.array([[kinds[k][0] for k in trial] for trial in order])


def _gabor(direction: float, wavelength: float, cycles: float) -> NDArray[np.float32]:
    half = FRAME_HEIGHT / 2
    rows, columns = np.indices((FRAME_HEIGHT, FRAME_WIDTH))
    x, y = (columns - (FRAME_WIDTH - 1) / 2) / half, (rows - (FRAME_HEIGHT - 1) / 2) / half
    angle = np.deg2rad(direction)
    along = (x * np.cos(angle) - y * np.sin(angle)) / wavelength
    phase = cycles * np.linspace(0, 1, BLOCK)[:, None, None]
    wave = np.exp(-0.5 * (x**2 + y**2) / ENVELOPE**2) * np.cos(2 * np.pi * (along + phase))
    return (127.5 * (1 + wave)).astype(np.float32)


def direction_tuning(
    respond: Callable[[NDArray[np.float32]], Sequence[NDArray[np.floating]]], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Mean response of each neuron to each direction (N, 8).

    Parameters
    ----------
    respond
        Responses (N, T) to every showing of a movie (T, 36, 64).
    rng
        Order of the gratings.
    """
    movies, shown = gabor_trials(rng)
    total, count = 0.0, np.zeros(len(DIRECTIONS))
    for movie, directions in zip(movies, shown, strict=True):
        for responses in respond(movie):
            blocks = responses.reshape(-1, BLOCKS, BLOCK).mean(axis=2)  # (N, 12)
            which = np.eye(len(DIRECTIONS))[directions]  # (12, 8)
            total, count = total + blocks @ which, count + which.sum(axis=0)
    return total / count


def selectivity(tuning: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Selectivity of each neuron for orientation and for direction: length of the mean vector, 0..1.

    Parameters
    ----------
    tuning
        (N, 8), from `direction_tuning`.

    Returns
    -------
    orientation, direction
        (N,) each; NaN where a neuron never responds.
    """
    angles = np.deg2rad(DIRECTIONS)
    total = tuning.sum(axis=1)
    known = np.where(total > 0, total, np.nan)
    orientation, direction = (np.abs(tuning @ np.exp(1j * n * angles)) / known for n in (2, 1))
    return orientation, direction
