"""The loss of a window, and its normalised gradient with respect to the movie."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.loss import poisson_terms
from movrecon_core.reconstruction.config import NORM_OFFSET


@contextmanager
def frozen(encoders: Sequence[Encoder]) -> Iterator[None]:
    """Evaluation mode, constant weights, and full-precision deterministic convolutions; all restored afterwards."""
    modes = [(encoder, encoder.training) for encoder in encoders]
    weights = [(weight, weight.requires_grad) for encoder in encoders for weight in encoder.parameters()]
    try:
        for encoder in encoders:
            encoder.eval().requires_grad_(False)
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        for encoder, training in modes:
            encoder.train(training)
        for weight, requires_grad in weights:
            weight.requires_grad_(requires_grad)


def window_responses(encoder: Encoder, windows: Tensor, mouse: int) -> Tensor:
    """Predict the responses to windows, each seen as `stack_step` interleaved stacks.

    Parameters
    ----------
    windows
        (B, 5, T, H, W), T a multiple of the encoder's step.

    Returns
    -------
    Tensor
        (B, N, T).
    """
    return _from_stacks(encoder(_stacks(windows, 2, encoder.stack_step), mouse), encoder.stack_step)


def _stacks(windows: Tensor, time: int, step: int) -> Tensor:
    """Windows (B, ..., T, ...) whose axis `time` is T, as interleaved stacks (B * step, ..., T / step, ...)."""
    return windows.unflatten(time, (-1, step)).movedim(time + 1, 1).flatten(0, 1)


def _from_stacks(responses: Tensor, step: int) -> Tensor:
    """Responses (B * step, N, T / step) to stacks as those to windows, (B, N, T)."""
    return responses.unflatten(0, (-1, step)).movedim(1, 3).flatten(2)  # (B, step, N, T / step) in between


def poisson_loss(predicted: Tensor, target: Tensor, neurons: Tensor | None = None) -> Tensor:
    """Poisson loss (article, Eq. 6), averaged over neurons and frames as in the published scripts.

    Parameters
    ----------
    predicted, target
        (B, N, T), >= 0.
    neurons
        (B, N) bool, neurons that count; None: all.

    Returns
    -------
    Tensor
        (B,).
    """
    loss = poisson_terms(predicted, target)
    if neurons is None:
        return loss.mean(dim=(1, 2))
    return torch.where(neurons, loss.mean(dim=2), 0).sum(dim=1) / neurons.sum(dim=1)


Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""Of predicted and target responses and the neurons that count, as `poisson_loss`."""


class WindowGradients(NamedTuple):
    """What one pass through an encoder tells of some windows.

    Attributes
    ----------
    gradient
        (B, T, H, W), of each window's loss with respect to its movie, divided by the norm where that is asked for.
    loss
        (B,), of the neurons that are fitted.
    norm
        (B,), of the gradient over all five channels; where it divides nothing, over those that were asked for.
    left_out_loss
        (B,), of the neurons that only judge; None where there are none.
    """

    gradient: Tensor
    loss: Tensor
    norm: Tensor
    left_out_loss: Tensor | None


def window_gradients(
    encoder: Encoder,
    mouse: int,
    movie: Tensor,
    behavior: Tensor,
    target: Tensor,
    neurons: Tensor | None = None,
    left_out: Tensor | None = None,
    norm_offset: float | None = NORM_OFFSET,
    loss_of: Loss = poisson_loss,
) -> WindowGradients:
    """Gradient of each window's loss with respect to its movie, divided by the norm over all five channels.

    Parameters
    ----------
    movie
        (B, T, H, W), grey levels 0..255.
    behavior
        (B, 4, T), the same at every pixel.
    target
        (B, N, T).
    neurons
        (B, N) bool or None, those that are fitted, as in `poisson_loss`.
    left_out
        (B, N) bool or None, those that judge.
    norm_offset
        As in `ReconstructionConfig`; None: the gradient is not divided.
    loss_of
        What is differentiated, one number a window.
    """
    step, pixels = encoder.stack_step, movie[0, 0].numel()
    if encoder.behavior_apart:
        parts = [movie.detach().requires_grad_(), behavior.detach().requires_grad_(norm_offset is not None)]
        predicted = _from_stacks(
            encoder.forward_apart(_stacks(parts[0], 1, step), _stacks(parts[1], 2, step), mouse), step
        )
    else:
        channels = behavior[..., None, None].expand(*behavior.shape, *movie.shape[-2:])
        parts = [torch.cat([movie[:, None], channels], dim=1).requires_grad_()]  # (B, 5, T, H, W)
        predicted = window_responses(encoder, parts[0], mouse)
    loss = loss_of(predicted, target, neurons)
    # Windows do not see each other, so the gradient of the sum holds each window's own.
    gradients = torch.autograd.grad(loss.sum(), [part for part in parts if part.requires_grad])
    norms = [torch.linalg.vector_norm(gradient.flatten(1), dim=1) for gradient in gradients]
    if len(norms) > 1:
        # Each pixel of a channel has an equal share of the gradient.
        norm, gradient = torch.hypot(norms[0], norms[1] / pixels**0.5), gradients[0]
    else:
        norm, gradient = norms[0], gradients[0] if encoder.behavior_apart else gradients[0][:, 0]
    judged = None if left_out is None else poisson_loss(predicted.detach(), target, left_out)
    if norm_offset is not None:
        gradient = gradient / offset_norm(norm, norm_offset)[:, None, None, None]
    return WindowGradients(gradient, loss.detach(), norm, judged)


def offset_norm(norm: Tensor, offset: float) -> Tensor:
    """What a gradient is divided by; above 0, so that a gradient of 0 stays one."""
    return (norm + offset).clamp_min(torch.finfo(norm.dtype).tiny)
