"""Responses to a movie of any length, from an encoder that sees short stacks."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.inputs import encoder_inputs
from movrecon_core.errors import ReconstructionError

WINDOW_SIZE, WINDOW_STEP = 16, 2
"""Frames of DwiseNeuro's stack, and movie frames between them: a window of 31."""


def predict(encoder: Encoder, inputs: Tensor, mouse: int, *, batch: int = 8) -> Tensor:
    """Predict the responses to a whole movie; see `predict_movies`.

    Parameters
    ----------
    inputs
        (5, T, H, W), on any device.

    Returns
    -------
    Tensor
        (N, T), on the encoder's device.
    """
    return predict_movies(encoder, inputs[None], mouse, batch=batch)[0]


@torch.inference_mode()
def predict_movies(encoder: Encoder, inputs: Tensor, mouse: int, *, batch: int = 8) -> Tensor:
    """Predict the responses to movies of one length.

    A stack starts at every frame; the predictions of all stacks that contain a frame are averaged with equal
    weight (method page, encoder inputs). An encoder without a stack length gets whole movies.

    Parameters
    ----------
    encoder
        In evaluation mode for deterministic predictions; this function does not change its mode.
    inputs
        (M, 5, T, H, W), on any device.
    mouse
        Index of the readout.
    batch
        Stacks, or whole movies, in one pass.

    Returns
    -------
    Tensor
        (M, N, T), on the encoder's device.

    Raises
    ------
    ReconstructionError
        If the movies are too short for every frame to be inside a stack.
    """
    weight = next(encoder.parameters())
    movies, _, frames = inputs.shape[:3]
    step = encoder.stack_step
    total = torch.zeros(movies, encoder.neurons[mouse], frames, device=weight.device, dtype=weight.dtype)
    if encoder.stack_frames is None:
        span, starts = frames, range(step)  # one stack for each phase of the step
    else:
        span = (encoder.stack_frames - 1) * step + 1
        starts = range(frames - span + 1)
        if len(starts) < step:
            raise ReconstructionError(
                f"a movie of {frames} frames is too short for this encoder: "
                f"stacks of {encoder.stack_frames} frames, step {step}, need at least {span + step - 1}"
            )
    covered = torch.zeros(frames, device=weight.device, dtype=weight.dtype)
    for start in starts:
        covered[start : start + span : step] += 1
    stacks = [(movie, start) for start in starts for movie in range(movies)]
    # The phases of a whole movie can differ by a frame, so they are not mixed.
    size = batch if encoder.stack_frames is not None or step == 1 else 1
    for first in range(0, len(stacks), size):
        chosen = stacks[first : first + size]
        if span == frames and step == 1:
            stack = inputs[first : first + size]
        else:
            stack = torch.stack([inputs[m, :, start : start + span : step] for m, start in chosen])
        responses = encoder(stack.to(weight.device, weight.dtype), mouse)  # (B, N, stack frames)
        for (movie, start), response in zip(chosen, responses, strict=True):
            total[movie, :, start : start + span : step] += response
    return total / covered


@torch.inference_mode()
def predict_windows(encoder: Encoder, inputs: Tensor, mouse: int) -> tuple[NDArray[np.int64], Tensor]:
    """Predict the responses to windows that lie end to end, each seen by itself (scripts, single-trial correlation).

    A window is one stack; encoders that take any length see 31 frames, of which every second counts, as DwiseNeuro's.

    Parameters
    ----------
    inputs
        (5, T, H, W).

    Returns
    -------
    frames, responses
        (F,), which frames are predicted; (N, F).
    """
    weight = next(encoder.parameters())
    size, step = (encoder.stack_frames, encoder.stack_step) if encoder.stack_frames else (WINDOW_SIZE, WINDOW_STEP)
    window = np.arange(size) * step
    starts = range(0, inputs.shape[1] - int(window[-1]), int(window[-1]) + 1)
    found = []
    for start in starts:
        shown = inputs[None, :, start : start + int(window[-1]) + 1]
        if encoder.stack_frames:
            found.append(encoder(shown[:, :, ::step].to(weight.device, weight.dtype), mouse)[0])
        else:
            found.append(predict_movies(encoder, shown, mouse)[0, :, ::step])
    return np.concatenate([start + window for start in starts]), torch.cat(found, dim=1)


def predicted_responses(
    encoder: Encoder,
    mouse: int,
    movie: NDArray[np.floating],
    behavior: NDArray[np.floating],
    pupil_center: NDArray[np.floating],
) -> NDArray[np.float32]:
    """Responses (N, T) that an encoder predicts for a movie (T, 36, 64) and behaviour (2, T)."""
    return predict(encoder, encoder_inputs(movie, behavior, pupil_center), mouse).float().cpu().numpy()
