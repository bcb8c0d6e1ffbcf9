"""Sparse noise: one pixel at a time (article, Additional visual stimuli)."""

import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import ReconstructionError
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH

GREY = 127.5  # scripts; article, Additional visual stimuli: 127
PHASES = (15, 15, 15)
"""Frames of sparse noise before, during and after the pixel (article, Additional visual stimuli: 0.5 s each)."""


def sparse_noise(row: int, column: int, grey: float, pixel: int = 1) -> NDArray[np.float32]:
    """One pixel that is bright or dark for half a second on a grey screen.

    Parameters
    ----------
    row, column
        Upper left corner of the stimulus.
    grey
        Grey level of the stimulus, 255 (On) or 0 (Off).
    pixel
        Side of the stimulus in pixels.

    Returns
    -------
    NDArray
        (45, 36, 64).

    Raises
    ------
    ReconstructionError
        If the stimulus leaves the screen.
    """
    if not (0 <= row <= FRAME_HEIGHT - pixel and 0 <= column <= FRAME_WIDTH - pixel):
        raise ReconstructionError(f"sparse noise: row {row}, column {column}, side {pixel} is not on the screen")
    movie = np.full((sum(PHASES), FRAME_HEIGHT, FRAME_WIDTH), GREY, dtype=np.float32)
    movie[PHASES[0] : PHASES[0] + PHASES[1], row : row + pixel, column : column + pixel] = grey
    return movie
