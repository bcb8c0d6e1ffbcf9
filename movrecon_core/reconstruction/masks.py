"""Transparency masks: which part of the frame an encoder's neurons respond to (method page, transparency mask)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from tqdm.auto import trange

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.inputs import encoder_inputs
from movrecon_core.errors import ReconstructionError
from movrecon_core.reconstruction.config import MaskConfig
from movrecon_core.reconstruction.objective import frozen, offset_norm, window_responses
from movrecon_core.reconstruction.windows import check_window
from movrecon_core.recordings import FRAME_WIDTH


@dataclass(frozen=True)
class Segment:
    """A stretch of a recording on which a mask is trained.

    Attributes
    ----------
    movie
        (T, 36, 64), grey levels 0..255.
    behavior, pupil_center
        (2, T).
    responses
        (N, T), >= 0, recorded.
    """

    movie: NDArray[np.floating]
    behavior: NDArray[np.floating]
    pupil_center: NDArray[np.floating]
    responses: NDArray[np.floating]


@dataclass(frozen=True)
class MaskStep:
    """One update of a mask.

    Attributes
    ----------
    alpha
        (T, H, W), after the update.
    loss, norm
        Scalars: mean squared error of the responses; norm of the gradient over all six channels.
    mean_gradient
        (H, W), clipped gradient averaged over frames, before it is blurred.
    """

    alpha: Tensor
    loss: Tensor
    norm: Tensor
    mean_gradient: Tensor


def train_mask(
    encoder: Encoder,
    mouse: int,
    segments: Sequence[Segment],
    config: MaskConfig | None = None,
    seed: int = 0,
    *,
    progress: bool = False,
) -> NDArray[np.floating]:
    """Train one mouse's transparency mask.

    Each step shows a random segment blended with another one as background, and moves α so that the responses stay
    what was recorded.

    Parameters
    ----------
    encoder
        One instance; its weights are not changed.
    mouse
        Index of the readout.
    segments
        At least two, of one length.
    config
        None: the published settings.
    seed
        Decides α's start and which segments are drawn.
    progress
        Show a progress bar.

    Returns
    -------
    NDArray
        (64, 64), α of the first frame's map (each frame starts with its own noise; scripts keep the first). It is not
        clipped and may exceed 1.

    Raises
    ------
    ReconstructionError
        If the segments do not fit the encoder, or the mask becomes NaN.
    """
    config = config or MaskConfig()
    _check_segments(encoder, mouse, segments)
    weight = next(encoder.parameters())

    def on_device(array: Tensor) -> Tensor:
        return array.to(weight.device, weight.dtype)

    size = (len(segments[0].movie), FRAME_WIDTH, FRAME_WIDTH)
    random = torch.Generator().manual_seed(seed)  # on the CPU: the same draws on every device
    alpha = on_device(torch.rand(size, generator=random)) * config.initial_maximum
    with frozen([encoder]):
        for _ in trange(config.iterations, desc="mask", disable=not progress):
            shown, background = torch.randperm(len(segments), generator=random)[:2].tolist()
            # Of these two alone: of all, the inputs would be the largest arrays of a study.
            inputs, behind = (
                on_device(encoder_inputs(s.movie, s.behavior, s.pupil_center))
                for s in (segments[shown], segments[background])
            )  # each (5, T, H, W)
            responses = on_device(torch.from_numpy(segments[shown].responses))
            alpha = mask_step(encoder, mouse, alpha, inputs, behind[0], responses, config).alpha
    if not alpha.isfinite().all():
        raise ReconstructionError(f"mouse {mouse}: the mask is not finite; check the segments and the weights")
    return alpha[0].cpu().numpy()


def mask_step(
    encoder: Encoder,
    mouse: int,
    alpha: Tensor,
    inputs: Tensor,
    background: Tensor,
    responses: Tensor,
    config: MaskConfig,
) -> MaskStep:
    """One gradient step on a mask.

    Parameters
    ----------
    alpha
        (T, H, W), one map a frame.
    inputs
        (5, T, H, W), the segment shown.
    background
        (T, H, W), the movie that shines through.
    responses
        (N, T), recorded while the segment was shown.
    """
    inputs, alpha = inputs.detach().requires_grad_(), alpha.detach().requires_grad_()
    predicted = window_responses(encoder, blend(inputs, background, alpha)[None], mouse)[0]
    loss = (predicted - responses).square().mean()
    of_inputs, of_alpha = torch.autograd.grad(loss, (inputs, alpha))
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in (of_inputs, of_alpha)]))
    mean = (of_alpha / offset_norm(norm, config.norm_offset)).clamp(-1, 1).mean(dim=0)  # (H, W)
    update = config.learning_rate * gaussian_blur(mean, config.blur_size, config.blur_sigma)
    return MaskStep(alpha.detach() - update, loss.detach(), norm, mean)


def blend(inputs: Tensor, background: Tensor, alpha: Tensor) -> Tensor:
    """Show a movie where α is 1 and the background where it is 0 (article, Eq. 1; α is clipped to 0..1 here).

    Parameters
    ----------
    inputs
        (5, T, H, W); only the movie is blended.
    background, alpha
        (T, H, W).

    Returns
    -------
    Tensor
        (5, T, H, W).
    """
    opacity = alpha.clamp(0, 1)
    movie = inputs[0] * opacity + background * (1 - opacity)
    return torch.cat([movie[None], inputs[1:]])


def gaussian_blur(image: Tensor, size: int, sigma: float) -> Tensor:
    """Blur with a square Gaussian kernel; the image is mirrored at its border, the edge pixel not repeated.

    Parameters
    ----------
    image
        (H, W).
    size
        Rows and columns of the kernel, odd.
    sigma
        Pixels.
    """
    distance = torch.arange(size, device=image.device, dtype=image.dtype) - size // 2
    kernel = torch.exp(-0.5 * (distance / sigma) ** 2)
    kernel = kernel / kernel.sum()
    mirrored = F.pad(image[None, None], [size // 2] * 4, mode="reflect")
    return F.conv2d(F.conv2d(mirrored, kernel[None, None, :, None]), kernel[None, None, None, :])[0, 0]


def training_mask(alpha: NDArray[np.floating], threshold: float = 0.5) -> NDArray[np.bool_]:
    """Pixels that a reconstruction may change: α ≥ 0.5 (scripts; article, Eq. 4: >). Shape as `alpha`."""
    return alpha >= threshold


def evaluation_mask(alpha: NDArray[np.floating], threshold: float = 1.0) -> NDArray[np.bool_]:
    """Pixels in which a reconstruction is judged: α ≥ 1 (article, Eq. 5). Shape as `alpha`."""
    return alpha >= threshold


def population_mask(neurons: int, kept: float, seed: int) -> NDArray[np.bool_]:
    """Neurons that stay in a population ablation, the same for all instances of a movie.

    Parameters
    ----------
    neurons
        Size of the population.
    kept
        Probability that a neuron stays, 0..1 (article, Fig. 5: 0.125, 0.25, 0.5).
    seed
        Scripts: (trial + 1) * (mouse + 1), both counted from 0.

    Returns
    -------
    NDArray
        (N,), True for neurons that stay.
    """
    return (torch.rand(neurons, generator=torch.Generator().manual_seed(seed)) >= 1 - kept).numpy()


def _check_segments(encoder: Encoder, mouse: int, segments: Sequence[Segment]) -> None:
    if len(segments) < 2:
        raise ReconstructionError(f"mask: {len(segments)} segments; at least two are needed, one is the background")
    frames = len(segments[0].movie)
    check_window(encoder, frames)
    if not 0 <= mouse < len(encoder.neurons):
        raise ReconstructionError(f"mouse {mouse}: the encoder knows mice 0 to {len(encoder.neurons) - 1}")
    for index, segment in enumerate(segments):
        if len(segment.movie) != frames or segment.responses.shape != (encoder.neurons[mouse], frames):
            raise ReconstructionError(
                f"mask: segment {index}: expected {frames} frames and {encoder.neurons[mouse]} neurons, "
                f"found {len(segment.movie)} frames and responses of shape {segment.responses.shape}"
            )
