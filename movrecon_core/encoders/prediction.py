"""Responses to a movie of any length, from an encoder that sees short stacks."""

import torch
from torch import Tensor

from movrecon_core.encoders.base import Encoder
from movrecon_core.errors import ReconstructionError


def stack_span(encoder: Encoder) -> int:
    """Movie frames from the first to the last frame of a stack, both counted (16 frames, every second one: 31).

    Raises
    ------
    ReconstructionError
        If the encoder takes movies of any length.
    """
    if encoder.stack_frames is None:
        raise ReconstructionError("this encoder takes whole movies, it has no stack")
    return (encoder.stack_frames - 1) * encoder.stack_step + 1


@torch.inference_mode()
def predict(encoder: Encoder, inputs: Tensor, mouse: int, *, batch: int = 16) -> Tensor:
    """Predict the responses to a whole movie.

    A stack starts at every frame; the predictions of all stacks that contain a frame are averaged with equal
    weight (method page, encoder inputs). An encoder without a stack length gets the movie in one pass.

    Parameters
    ----------
    encoder
        In evaluation mode for deterministic predictions; this function does not change its mode.
    inputs
        (5, T, H, W), on any device.
    mouse
        Index of the readout.
    batch
        Stacks in one pass.

    Returns
    -------
    Tensor
        (N, T), on the encoder's device.

    Raises
    ------
    ReconstructionError
        If the movie is too short for every frame to be inside a stack.
    """
    weight = next(encoder.parameters())
    inputs = inputs.to(weight.device, weight.dtype)
    frames = inputs.shape[1]
    step = encoder.stack_step
    if encoder.stack_frames is None:
        responses = inputs.new_empty(encoder.neurons[mouse], frames)
        for phase in range(step):
            responses[:, phase::step] = encoder(inputs[None, :, phase::step], mouse)[0]
        return responses

    span = stack_span(encoder)
    if frames < span + step - 1:
        raise ReconstructionError(
            f"a movie of {frames} frames is too short for this encoder: "
            f"stacks of {encoder.stack_frames} frames, step {step}, need at least {span + step - 1}"
        )
    total = inputs.new_zeros(encoder.neurons[mouse], frames)
    covered = inputs.new_zeros(frames)
    stacks = inputs.unfold(1, span, 1)[..., ::step]  # (5, starts, H, W, stack_frames)
    for first in range(0, frames - span + 1, batch):
        stack = stacks[:, first : first + batch].permute(1, 0, 4, 2, 3)  # (B, 5, stack_frames, H, W)
        for start, responses in enumerate(encoder(stack, mouse), start=first):
            total[:, start : start + span : step] += responses
            covered[start : start + span : step] += 1
    return total / covered
