"""The tensor that an encoder sees: the movie in a square frame, and four behavioural channels."""

from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from movrecon_core.errors import ReconstructionError
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH

PADDING = (FRAME_WIDTH - FRAME_HEIGHT) // 2
"""Rows of zeros above and below the movie (method page, encoder inputs: 14)."""

Frames = TypeVar("Frames", NDArray[Any], Tensor)

CHANNELS = 5
"""Movie, pupil dilation, running speed, pupil x, pupil y."""


def crop_movie(movie: Frames) -> Frames:
    """Cut the recorded 36 rows out of the square frame.

    Parameters
    ----------
    movie
        (..., 64, 64), movies or masks.

    Returns
    -------
    NDArray or Tensor
        (..., 36, 64), a view.
    """
    return movie[..., PADDING : PADDING + FRAME_HEIGHT, :]


def encoder_inputs(
    movie: NDArray[np.floating], behavior: NDArray[np.floating], pupil_center: NDArray[np.floating]
) -> Tensor:
    """Join movie and behaviour into the encoder's input; nothing is normalised.

    Parameters
    ----------
    movie
        (T, 36, 64), grey levels 0..255.
    behavior
        (2, T), pupil dilation and running speed.
    pupil_center
        (2, T), pupil position.

    Returns
    -------
    Tensor
        (5, T, 64, 64), float32. The behavioural channels are constant over the whole frame, padding included.

    Raises
    ------
    ReconstructionError
        If the arrays disagree in length or the movie is not (T, 36, 64).
    """
    frames = len(movie)
    if movie.shape != (frames, FRAME_HEIGHT, FRAME_WIDTH):
        raise ReconstructionError(f"movie: expected (frames, {FRAME_HEIGHT}, {FRAME_WIDTH}), found {movie.shape}")
    if behavior.shape != (2, frames) or pupil_center.shape != (2, frames):
        raise ReconstructionError(
            f"behavior {behavior.shape} and pupil_center {pupil_center.shape}: expected (2, {frames}) as the movie"
        )
    inputs = np.zeros((CHANNELS, frames, FRAME_WIDTH, FRAME_WIDTH), dtype=np.float32)
    inputs[0, :, PADDING : PADDING + FRAME_HEIGHT] = movie
    inputs[1:3] = behavior[:, :, None, None]
    inputs[3:5] = pupil_center[:, :, None, None]
    return torch.from_numpy(inputs)
