"""The plainest encoder: a linear filter in space and time, a rectification, and a gain that depends on behaviour.

Each neuron multiplies the movie by a picture of its own around its place, follows the product over time with a kernel
of its own, and rectifies it (Chichilnisky 2001, Network: Computation in Neural Systems). Nothing is shared: what one
neuron's responses tell of the visual system, no other neuron learns. A second picture predicts no better.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.encoders.mouse_readout import BEHAVIOR_CHANNELS, MouseReadout
from movrecon_core.encoders.sizes import Size
from movrecon_core.encoders.statistics import ResponseStatistics
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH

RATE = 2
"""Frames, rows and columns of the movie that are averaged."""

ROWS, COLUMNS = FRAME_HEIGHT // RATE, FRAME_WIDTH // RATE
"""Of a picture: 18 x 32."""

WIDTH = 4.0
"""Standard deviation, in rows and columns of a picture, of the Gaussian that limits it (8 pixels, 29°)."""

GREY, CONTRAST = 127.5, 60.0
"""Grey levels that become 0, and about one standard deviation of natural footage."""


@dataclass(frozen=True)
class LinearNonlinearConfig:
    """Size of a linear-nonlinear encoder; none of it is in the article.

    Attributes
    ----------
    readout_outputs
        Number of neurons of each mouse.
    temporal_kernel
        Time points of a neuron's kernel, at half the frame rate.
    """

    readout_outputs: tuple[int, ...]
    temporal_kernel: Size = 8
    stack_frames: Size | None = None
    stack_step: Size = 1


class LinearNonlinear(Encoder):
    """A picture and a kernel a neuron, softplus, and behaviour that scales and shifts what is rectified."""

    behavior_apart = True

    def __init__(self, config: LinearNonlinearConfig) -> None:
        super().__init__()
        self.config = config
        self.stack_frames, self.stack_step = config.stack_frames, config.stack_step
        self.neurons = tuple(config.readout_outputs)
        self.readouts = nn.ModuleList(_Neurons(config, neurons) for neurons in self.neurons)

    def forward(self, inputs: Tensor, mouse: int) -> Tensor:
        """Predict responses; see `Encoder.forward`. Frames may be 36 or 64 rows high."""
        return self.forward_apart(inputs[:, 0], inputs[:, 1:].mean(dim=(-2, -1)), mouse)

    def forward_apart(self, movie: Tensor, behavior: Tensor, mouse: int) -> Tensor:
        """Predict responses; see `Encoder.forward_apart`. Frames may be 36 or 64 rows high."""
        frames = movie.shape[1]
        shown = crop_movie(movie) if movie.shape[-2] == FRAME_WIDTH else movie
        shown = torch.cat([shown, shown[:, -1:].expand(-1, frames % RATE, -1, -1)], dim=1)
        contrast = (F.avg_pool3d(shown[:, None], RATE)[:, 0] - GREY) / CONTRAST  # (B, T / 2, 18, 32)
        response: Tensor = self.readouts[mouse](contrast.flatten(2), behavior)
        return response

    def initialise(self, mouse: int, statistics: Callable[[], ResponseStatistics]) -> None:
        """Look where responses and movie correlate, and respond at the mean."""
        readout: _Neurons = self.readouts[mouse]  # type: ignore[assignment]
        readout.take_over(statistics(), readout.centre)


class _Neurons(MouseReadout):
    """Those of one mouse."""

    centre: Tensor

    def __init__(self, config: LinearNonlinearConfig, neurons: int) -> None:
        super().__init__(neurons)
        self.picture = nn.Parameter(torch.zeros(neurons, ROWS * COLUMNS))
        delays = torch.arange(config.temporal_kernel - 1, -1, -1.0)
        self.kernel = nn.Parameter(torch.softmax(-delays, 0).expand(neurons, 1, -1).clone())  # fades over 67 ms
        self.bias = nn.Parameter(torch.full((neurons,), math.log(math.e - 1)))  # softplus(bias) = 1
        self.gain = nn.Parameter(torch.zeros(neurons, BEHAVIOR_CHANNELS))
        self.offset = nn.Parameter(torch.zeros(neurons, BEHAVIOR_CHANNELS))
        self.register_buffer("centre", torch.zeros(neurons, 2))  # row, column, -1..1 over the frame

    def forward(self, contrast: Tensor, behavior: Tensor) -> Tensor:
        """Responses (B, N, T) to contrast (B, T / 2, 18 * 32) under behaviour (B, 4, T)."""
        products = (contrast @ (self.picture * self._around()).t()).transpose(1, 2)  # (B, N, T / 2)
        # The first frame stands for what was shown before it.
        products = F.pad(products, (self.kernel.shape[-1] - 1, 0), mode="replicate")
        drive = F.conv1d(products, self.kernel, groups=len(self.kernel))
        drive = F.interpolate(drive, scale_factor=RATE, mode="linear", align_corners=False)
        state = self.behavioral_state(behavior)
        driven = drive[..., : behavior.shape[-1]] * torch.exp(self.gain @ state)
        return F.softplus(driven + self.offset @ state + self.bias[:, None]) * self.mean_response[:, None]

    def _around(self) -> Tensor:
        """Gaussian (N, 18 * 32) about each neuron's place, 1 there."""
        size = self.centre.new_tensor([ROWS - 1, COLUMNS - 1]) / 2
        row, column = ((self.centre + 1) * size).unbind(dim=1)
        rows, columns = torch.arange(ROWS, device=row.device), torch.arange(COLUMNS, device=row.device)
        distance = (rows - row[:, None]).square()[:, :, None] + (columns - column[:, None]).square()[:, None]
        return torch.exp(-distance / (2 * WIDTH**2)).flatten(1)
