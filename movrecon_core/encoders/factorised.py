"""A light factorised encoder: convolutions in space and time, one learned position a neuron.

It learns within minutes on two cores. Movies are seen at half the frame rate and half the resolution from the first
layer on; that layer is dense over pixels and eight frames, so direction selectivity needs no depth. A neuron's drive
is a Gaussian over positions times a weight a feature, filtered by its own causal temporal kernel, after Lurz et al.
2021 (ICLR, a learned position a neuron) and Sinz et al. 2018 (NeurIPS, a gain that depends on behaviour).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.encoders.statistics import ResponseStatistics
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH

RATE = 2
"""Frames, rows and columns of the movie that fall into one of the encoder's."""

HEIGHT, WIDTH = FRAME_HEIGHT // RATE, FRAME_WIDTH // RATE
GREY, CONTRAST = 127.5, 60.0
"""Grey levels that become 0, and about one standard deviation of natural footage."""

BEHAVIOR_CHANNELS = 4


@dataclass(frozen=True)
class FactorisedConfig:
    """Size of a light encoder; none of it is in the article.

    Attributes
    ----------
    readout_outputs
        Number of neurons of each mouse.
    first_frames
        Movie frames that the first layer spans.
    first_kernel
        Rows and columns of the first layer, at half resolution.
    second_kernel
        Rows and columns of the second layer.
    temporal_kernel
        Time points of a neuron's temporal kernel, at half the frame rate.
    features
        Channels of the first and of the second layer.
    behavior_features
        Combinations of pupil and running that scale and shift a neuron's drive.
    drop_rate
        Dropout of whole features while training.
    """

    readout_outputs: tuple[int, ...]
    first_frames: int = 8
    first_kernel: int = 5
    second_kernel: int = 3
    temporal_kernel: int = 8
    features: tuple[int, int] = (32, 64)
    behavior_features: int = 8
    drop_rate: float = 0.1
    stack_frames: int | None = None
    stack_step: int = 1


class Factorised(Encoder):
    """A space-time and a spatial convolution, then one position and one temporal kernel a neuron."""

    def __init__(self, config: FactorisedConfig) -> None:
        super().__init__()
        self.config = config
        self.stack_frames = config.stack_frames
        self.stack_step = config.stack_step
        self.neurons = tuple(config.readout_outputs)
        first, second = config.features
        channels = config.first_frames * RATE**2
        self.space_time = nn.Conv2d(channels, first, config.first_kernel, padding=config.first_kernel // 2)
        self.space = nn.Conv2d(first, second, config.second_kernel, padding=config.second_kernel // 2)
        self.readouts = nn.ModuleList(_Readout(config, neurons) for neurons in self.neurons)
        for layer in (self.space_time, self.space):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, inputs: Tensor, mouse: int) -> Tensor:
        """Predict responses; see `Encoder.forward`. Frames may be 36 or 64 rows high."""
        readout: _Readout = self.readouts[mouse]  # type: ignore[assignment]
        frames = inputs.shape[2]
        movie, behavior = _Split.apply(inputs)  # (B, T, 36, 64), (B, 4, T)
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=_fast_bfloat16(inputs)):
            features = self._features(movie)  # (B, T / 2, positions * C)
            drive = F.linear(features, readout.spatial_weights())
        drive = readout.filtered(drive.transpose(1, 2).to(inputs.dtype))  # (B, N, T / 2)
        drive = F.interpolate(drive, scale_factor=RATE, mode="linear", align_corners=False)[..., :frames]
        return readout(drive, behavior)

    def initialise(self, mouse: int, statistics: Callable[[], ResponseStatistics]) -> None:
        """Start receptive fields where responses and movie correlate, and responses at their mean."""
        readout: _Readout = self.readouts[mouse]  # type: ignore[assignment]
        known = statistics()
        with torch.no_grad():
            for tensor, values in (
                (readout.position, known.centres),
                (readout.mean_response, known.mean_response),
                (readout.behavior_mean, known.behavior_mean),
                (readout.behavior_scale, known.behavior_scale),
            ):
                tensor.copy_(torch.from_numpy(values))

    def _features(self, movie: Tensor) -> Tensor:
        """Features at every position, at half rate and resolution.

        Parameters
        ----------
        movie
            (B, T, 36, 64).

        Returns
        -------
        Tensor
            (B, T / 2 rounded up, positions * C).
        """
        batch, frames = movie.shape[:2]
        lags = self.config.first_frames
        # The first frame stands for what was shown before it.
        before = movie[:, :1].expand(-1, lags - RATE, -1, -1)
        after = movie[:, -1:].expand(-1, frames % RATE, -1, -1)
        movie = (torch.cat([before, movie, after], dim=1) - GREY) / CONTRAST
        if torch.is_autocast_enabled(movie.device.type):
            movie = movie.bfloat16()
        x = movie.unfold(1, lags, RATE)  # (B, T / 2, 36, 64, lags)
        x = x.reshape(-1, HEIGHT, RATE, WIDTH, RATE, lags).transpose(2, 3)  # (B * T / 2, 18, 32, 2, 2, lags)
        x = x.flatten(3).permute(0, 3, 1, 2)  # (B * T / 2, C, 18, 32), channels last in memory
        x = F.silu(self.space(F.silu(self.space_time(x))))
        return x.permute(0, 2, 3, 1).reshape(batch, -1, HEIGHT * WIDTH * x.shape[1])


class _Split(torch.autograd.Function):
    """Movie and behaviour out of the input channels; the gradient is written once, not once a slice."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor) -> tuple[Tensor, Tensor]:
        ctx.shape = inputs.shape
        return _recorded_rows(inputs[:, 0]).clone(), inputs[:, 1:].mean(dim=(-2, -1))

    @staticmethod
    def backward(ctx: Any, of_movie: Tensor, of_behavior: Tensor) -> Tensor:
        gradient = of_movie.new_zeros(ctx.shape)
        _recorded_rows(gradient[:, 0]).copy_(of_movie)
        gradient[:, 1:] = (of_behavior / math.prod(ctx.shape[-2:]))[..., None, None]
        return gradient


def _recorded_rows(movie: Tensor) -> Tensor:
    return crop_movie(movie) if movie.shape[-2] == FRAME_WIDTH else movie


class _Readout(nn.Module):
    """One mouse's neurons: where each looks, which features drive it, how behaviour scales it, its mean response."""

    position: Tensor
    mean_response: Tensor
    behavior_mean: Tensor
    behavior_scale: Tensor
    grid: Tensor

    def __init__(self, config: FactorisedConfig, neurons: int) -> None:
        super().__init__()
        hidden = 2 * config.behavior_features
        self.position = nn.Parameter(torch.zeros(neurons, 2))  # row, column, -1..1 over the frame
        self.log_width = nn.Parameter(torch.zeros(neurons))  # of the Gaussian, in positions
        self.weight = nn.Parameter(torch.randn(neurons, config.features[-1]) * 0.02)
        delays = torch.arange(config.temporal_kernel - 1, -1, -1.0)
        self.kernel = nn.Parameter(torch.softmax(-delays, 0).expand(neurons, 1, -1).clone())  # fades over 67 ms
        self.drop_rate = config.drop_rate
        self._kept_state: tuple[Any, ...] = ()
        self._kept_weights = torch.empty(0)
        self.bias = nn.Parameter(torch.full((neurons,), math.log(math.e - 1)))  # softplus(bias) = 1
        self.behavior = nn.Sequential(
            nn.Linear(BEHAVIOR_CHANNELS, hidden), nn.Tanh(), nn.Linear(hidden, config.behavior_features)
        )
        self.gain = nn.Parameter(torch.zeros(neurons, config.behavior_features))
        self.offset = nn.Parameter(torch.zeros(neurons, config.behavior_features))
        self.register_buffer("mean_response", torch.ones(neurons))
        self.register_buffer("behavior_mean", torch.zeros(BEHAVIOR_CHANNELS))
        self.register_buffer("behavior_scale", torch.ones(BEHAVIOR_CHANNELS))
        axes = [torch.linspace(-1, 1, n) for n in (HEIGHT, WIDTH)]
        self.register_buffer("grid", torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, 1))

    def spatial_weights(self) -> Tensor:
        """Weights of every neuron over positions and features, (N, positions * C); kept while they are constant."""
        sources = (self.position, self.log_width, self.weight)
        if self.training or (torch.is_grad_enabled() and any(source.requires_grad for source in sources)):
            return self._spatial_weights()
        state = (
            *((s.data_ptr(), s._version, s.dtype) for s in sources),
            torch.is_autocast_enabled(self.grid.device.type),
        )
        if state != self._kept_state:
            # Usable in a later backward pass, also when it is first asked for in inference mode.
            with torch.inference_mode(False), torch.no_grad():
                self._kept_weights = self._spatial_weights()
            self._kept_state = state
        return self._kept_weights

    def _spatial_weights(self) -> Tensor:
        size = self.grid.new_tensor([(HEIGHT - 1) / 2, (WIDTH - 1) / 2])
        distance = ((self.grid - self.position[:, None]) * size).square().sum(-1)  # (N, positions)
        place = torch.softmax(-0.5 * distance * torch.exp(-2 * self.log_width)[:, None], dim=1)
        weight = self.weight * F.dropout(torch.ones_like(self.weight[0]), self.drop_rate, self.training)
        return torch.bmm(place[:, :, None], weight[:, None]).flatten(1)  # a product of matrices: its backward is fast

    def filtered(self, drive: Tensor) -> Tensor:
        """Each neuron's drive (B, N, T) through its own causal kernel."""
        drive = F.pad(drive, (self.kernel.shape[-1] - 1, 0), mode="replicate")
        return F.conv1d(drive, self.kernel, groups=len(self.kernel))

    def forward(self, drive: Tensor, behavior: Tensor) -> Tensor:
        """Responses (B, N, T) from the drive by the movie (B, N, T) and behaviour (B, 4, T)."""
        state = (behavior - self.behavior_mean[:, None]) / self.behavior_scale[:, None]
        state = self.behavior(state.transpose(1, 2)).transpose(1, 2)  # (B, behavior_features, T)
        drive = drive * torch.exp(self.gain @ state) + self.offset @ state + self.bias[:, None]
        return F.softplus(drive) * self.mean_response[:, None]


def _fast_bfloat16(inputs: Tensor) -> bool:
    """Whether this device multiplies bfloat16 matrices faster than float32 ones; float64 stays as it is."""
    if inputs.dtype != torch.float32:
        return False
    return inputs.device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
