"""A light factorised encoder: filters in time, convolutions in space, one learned position a neuron.

It learns within minutes on two ordinary cores. The movie is first moved to where the mouse looks; a few temporal
filters reduce it to half the frame rate, and a convolution over all of them, at half the resolution, makes direction
selectivity without depth. A second, coarser convolution gives features at 9 x 16 positions. A neuron's drive is a
Gaussian over the positions around its own times a weight a feature, filtered by its own causal temporal kernel, after
Lurz et al. 2021 (ICLR, a learned position a neuron), Walker et al. 2019 (Nature Neuroscience, a shifter for eye
movements) and Sinz et al. 2018 (NeurIPS, a gain that depends on behaviour).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.displacement import displaced
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.encoders.mouse_readout import BEHAVIOR_CHANNELS, MouseReadout
from movrecon_core.encoders.precision import mixed_precision
from movrecon_core.encoders.sizes import Odd, Share, Size
from movrecon_core.encoders.statistics import ResponseStatistics
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH

RATE = 2
"""Frames, rows and columns of the movie that fall into one of the first layer's."""

STRIDE = 2
"""Rows and columns of the first layer that fall into one of the second layer's."""

HEIGHT, WIDTH = FRAME_HEIGHT // RATE, FRAME_WIDTH // RATE
ROWS, COLUMNS = HEIGHT // STRIDE, WIDTH // STRIDE
"""Positions of the second layer's features: 9 x 16, four pixels apart."""

STRIP = 3
"""Columns of positions that one neuron reads; its Gaussian is cut there."""

GROUP = 16
"""Neurons that share a strip are filled up to a multiple of it: libraries prepare each product of a new size anew."""

NEGLIGIBLE = 1e-12
"""Weight of a position that is taken for 0: products with denormal numbers take a hundred times as long."""

GREY, CONTRAST = 127.5, 60.0
"""Grey levels that become 0, and about one standard deviation of natural footage."""

LARGEST_SHIFT = 4.0
"""Pixels (14 degrees) by which an eye movement can displace the movie, at most."""


@dataclass(frozen=True)
class FactorisedConfig:
    """Size of a light encoder; none of it is in the article.

    Attributes
    ----------
    readout_outputs
        Number of neurons of each mouse.
    temporal_filters
        Filters over time that every pixel passes; three tell directions of motion, and what stands still, apart.
    first_frames
        Movie frames that they span.
    first_kernel
        Rows and columns of the first convolution, at half resolution.
    second_kernel
        Rows and columns of the second one.
    temporal_kernel
        Time points of a neuron's temporal kernel, at half the frame rate.
    features
        Channels of the first and of the second convolution.
    behavior_features
        Combinations of pupil and running that scale and shift a neuron's drive.
    drop_rate
        Dropout of whole features while training.
    """

    readout_outputs: tuple[int, ...]
    temporal_filters: Size = 3
    first_frames: Size = 10
    first_kernel: Odd = 3
    second_kernel: Odd = 3
    temporal_kernel: Size = 8
    features: tuple[Size, Size] = (16, 64)
    behavior_features: Size = 8
    drop_rate: Share = 0.0
    stack_frames: Size | None = None
    stack_step: Size = 1


class Factorised(Encoder):
    """Eye movements, temporal filters, two convolutions; then one position and one temporal kernel a neuron."""

    behavior_apart = True

    def __init__(self, config: FactorisedConfig) -> None:
        super().__init__()
        self.config = config
        self.stack_frames = config.stack_frames
        self.stack_step = config.stack_step
        self.neurons = tuple(config.readout_outputs)
        first, second = config.features
        channels = config.temporal_filters * RATE**2
        self.time = nn.Parameter(_temporal_filters(config.temporal_filters, config.first_frames))
        self.space_time = nn.Conv2d(channels, first, config.first_kernel, padding=config.first_kernel // 2)
        self.space = nn.Conv2d(first, second, config.second_kernel, stride=STRIDE, padding=config.second_kernel // 2)
        self.readouts = nn.ModuleList(_Readout(config, neurons) for neurons in self.neurons)
        for layer in (self.space_time, self.space):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, inputs: Tensor, mouse: int) -> Tensor:
        """Predict responses; see `Encoder.forward`. Frames may be 36 or 64 rows high."""
        movie, behavior = _Split.apply(inputs)  # (B, T, 36, 64), (B, 4, T)
        return self.forward_apart(movie, behavior, mouse)

    def forward_apart(self, movie: Tensor, behavior: Tensor, mouse: int) -> Tensor:
        """Predict responses; see `Encoder.forward_apart`. Frames may be 36 or 64 rows high."""
        readout: _Readout = self.readouts[mouse]  # type: ignore[assignment]
        batch, frames = movie.shape[:2]
        state = readout.behavioral_state(behavior).transpose(1, 2)  # (B, T, 4)
        seen = readout.on_retina(_recorded_rows(movie), state)  # (B, T, 32 * 18 * 4)
        with mixed_precision(movie.dtype == torch.float32, movie.device):
            drive = readout.driven(self._features(seen))  # (N, B * T / 2)
        drive = drive.to(movie.dtype).unflatten(1, (batch, -1)).transpose(0, 1)  # (B, N, T / 2)
        drive = F.interpolate(readout.filtered(drive), scale_factor=RATE, mode="linear", align_corners=False)
        return readout(drive[..., :frames], state)

    def initialise(self, mouse: int, statistics: Callable[[], ResponseStatistics]) -> None:
        """Start receptive fields where responses and movie correlate, and responses at their mean."""
        readout: _Readout = self.readouts[mouse]  # type: ignore[assignment]
        readout.take_over(statistics(), readout.position)

    def _features(self, movie: Tensor) -> Tensor:
        """Features at every position, at half the frame rate.

        Parameters
        ----------
        movie
            (B, T, 18 * 32 * 4), as `_Readout.on_retina` gives it.

        Returns
        -------
        Tensor
            (F, C, 16, 9), F = B * (T / 2 rounded up) frames, columns before rows, channels last in memory: what a
            strip of columns holds lies together.
        """
        frames, filters = movie.shape[1], self.config.temporal_filters
        # The first frame stands for what was shown before it.
        before = movie[:, :1].expand(-1, self.config.first_frames - RATE, -1)
        after = movie[:, -1:].expand(-1, frames % RATE, -1)
        contrast = (torch.cat([before, movie, after], dim=1) - GREY) / CONTRAST
        # A convolution over time at every pixel.
        x = F.conv2d(contrast[:, None], self.time[:, None, :, None], stride=(RATE, 1))  # (B, K, T / 2, 32 * 18 * 4)
        x = x.transpose(1, 2).reshape(-1, filters, WIDTH, HEIGHT, RATE**2)  # (F, K, 32, 18, 4)
        x = x.permute(0, 2, 3, 1, 4).flatten(3).permute(0, 3, 1, 2)  # (F, 4 K, 32, 18), channels last in memory
        return F.silu(self.space(F.silu(self.space_time(x))))


def _temporal_filters(count: int, frames: int) -> Tensor:
    """First filters (count, frames), the last frame being the present one: fading cosines of unit norm."""
    age = torch.arange(frames - 1, -1, -1.0)
    waves = torch.cos(math.pi * torch.arange(count)[:, None] * (age + 0.5) / frames) * torch.exp(-age / 4)
    return waves / torch.linalg.vector_norm(waves, dim=1, keepdim=True)


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


class _Readout(MouseReadout):
    """One mouse's neurons: where each looks, which features drive it, how behaviour scales it, its mean response."""

    def __init__(self, config: FactorisedConfig, neurons: int) -> None:
        super().__init__(neurons)
        hidden = 2 * config.behavior_features
        self.position = nn.Parameter(torch.zeros(neurons, 2))  # row, column, -1..1 over the frame
        self.log_width = nn.Parameter(torch.full((neurons,), -0.7))  # of the Gaussian, in positions
        self.weight = nn.Parameter(torch.randn(neurons, config.features[-1]) * 0.02)
        delays = torch.arange(config.temporal_kernel - 1, -1, -1.0)
        self.kernel = nn.Parameter(torch.softmax(-delays, 0).expand(neurons, 1, -1).clone())  # fades over 67 ms
        self.drop_rate = config.drop_rate
        self.bias = nn.Parameter(torch.full((neurons,), math.log(math.e - 1)))  # softplus(bias) = 1
        self.behavior = nn.Sequential(
            nn.Linear(BEHAVIOR_CHANNELS, hidden), nn.Tanh(), nn.Linear(hidden, config.behavior_features)
        )
        self.gain = nn.Parameter(torch.zeros(neurons, config.behavior_features))
        self.offset = nn.Parameter(torch.zeros(neurons, config.behavior_features))
        self.shifter = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2), nn.Tanh())  # of the gaze alone
        nn.init.zeros_(self.shifter[2].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.shifter[2].bias)  # type: ignore[arg-type]

    def on_retina(self, movie: Tensor, state: Tensor) -> Tensor:
        """The movie (B, T, 36, 64) as it lies on the retina: an eye movement displaces all fields alike.

        Returns
        -------
        Tensor
            (B, T, 32 * 18 * 4): the four pixels of each of the first layer's positions together, columns before rows.
        """
        shift = LARGEST_SHIFT * self.shifter(state[..., 2:])  # (B, T, 2): x, y in pixels
        # Of weights that diverged; sampling would read places that are not there.
        shift = shift.nan_to_num()
        return displaced(movie.flatten(0, 1), shift.flatten(0, 1), RATE).unflatten(0, movie.shape[:2])

    def driven(self, features: Tensor) -> Tensor:
        """Drive (N, F) by the features (F, C, 16, 9) around each neuron's position."""
        size = self.position.new_tensor([HEIGHT - 1, WIDTH - 1]) / (2 * STRIDE)
        place = (self.position + 1) * size  # (N, 2): row, column, in positions
        first = (place[:, 1].detach() - (STRIP - 1) / 2).round().long().clamp(0, COLUMNS - STRIP)
        order = torch.argsort(first, stable=True)
        first, (row, column) = first[order], place[order].unbind(dim=1)  # each (N,)
        precision = torch.exp(-2 * self.log_width[order])[:, None]
        rows = torch.arange(ROWS, device=row.device) - row[:, None]
        columns = first[:, None] + torch.arange(STRIP, device=row.device) - column[:, None]
        rows, columns = (_gaussian(distances, precision) for distances in (rows, columns))
        weight = self.weight * F.dropout(torch.ones_like(self.weight[0]), self.drop_rate, self.training)
        places = (columns[:, :, None] * rows[:, None]).flatten(1)  # (N, strip * 9)
        weights = (places[:, :, None] * weight[order, None]).to(features.dtype)  # (N, strip * 9, C)
        by_column = features.permute(0, 2, 3, 1).flatten(2)  # (F, 16, 9 * C)
        drive = _Strips.apply(by_column, weights.view(len(order), STRIP, -1), first)
        return drive[torch.argsort(order)]

    def filtered(self, drive: Tensor) -> Tensor:
        """Each neuron's drive (B, N, T) through its own causal kernel."""
        drive = F.pad(drive, (self.kernel.shape[-1] - 1, 0), mode="replicate")
        return F.conv1d(drive, self.kernel, groups=len(self.kernel))

    def forward(self, drive: Tensor, state: Tensor) -> Tensor:
        """Responses (B, N, T) from the drive by the movie (B, N, T) and the behavioural state (B, T, 4)."""
        combined = self.behavior(state).transpose(1, 2)  # (B, behavior_features, T)
        drive = drive * torch.exp(self.gain @ combined) + self.offset @ combined + self.bias[:, None]
        return F.softplus(drive) * self.mean_response[:, None]


def _gaussian(distances: Tensor, precision: Tensor) -> Tensor:
    """Weights of positions by their distance, of sum 1; none so small that processors slow down at it."""
    return F.threshold(torch.softmax(-0.5 * distances.square() * precision, dim=1), NEGLIGIBLE, 0.0)


class _Strips(torch.autograd.Function):
    """Each neuron's weights times the strip of columns that it reads: one product of matrices for each first column.

    Sparse products and gathered features were slower; the dense product grows with neurons times all positions.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, weights: Tensor, first: Tensor) -> Tensor:
        """Multiply.

        Parameters
        ----------
        features
            (F, columns, S).
        weights
            (N, strip, S).
        first
            (N,), first column of each neuron's strip, ascending.

        Returns
        -------
        Tensor
            (N, F).
        """
        ctx.size = features.shape[2]
        ctx.parts, rows = _parts(first, features.shape[1], weights.shape[1], ctx.size)
        features, weights = features.flatten(1), _spread(weights.flatten(1), rows, ctx.parts[-1][0].stop)
        drive = features.new_empty(len(weights), len(features))
        for neurons, strip in ctx.parts:
            torch.mm(weights[neurons], features[:, strip].t(), out=drive[neurons])
        ctx.save_for_backward(features, weights, rows)
        return drive[rows]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_drive: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        features, weights, rows = ctx.saved_tensors
        of_drive = _spread(of_drive, rows, len(weights))
        of_features = torch.zeros_like(features) if ctx.needs_input_grad[0] else None
        of_weights = torch.empty_like(weights) if ctx.needs_input_grad[1] else None
        for neurons, strip in ctx.parts:
            if of_features is not None:
                of_features[:, strip].addmm_(of_drive[neurons].t(), weights[neurons])
            if of_weights is not None:
                torch.mm(of_drive[neurons], features[:, strip], out=of_weights[neurons])
        of_weights = None if of_weights is None else of_weights[rows]
        found = (None if x is None else x.unflatten(1, (-1, ctx.size)) for x in (of_features, of_weights))
        return next(found), next(found), None


def _spread(values: Tensor, rows: Tensor, count: int) -> Tensor:
    """Each neuron's values (N, ...) in its row, of so many; the others are 0."""
    spread = values.new_zeros(count, *values.shape[1:])
    spread[rows] = values
    return spread


def _filled(neurons: int) -> int:
    return -(-neurons // GROUP) * GROUP


def _parts(first: Tensor, columns: int, strip: int, size: int) -> tuple[list[tuple[slice, slice]], Tensor]:
    """Rows of the neurons that share a strip, and the strip as places in the flattened features; each neuron's row."""
    counts = torch.bincount(first, minlength=columns).tolist()
    parts, rows, start = [], [], 0
    for column, count in enumerate(counts):
        if count:
            parts.append((slice(start, start + _filled(count)), slice(column * size, (column + strip) * size)))
            rows.append(torch.arange(start, start + count))
            start += _filled(count)
    return parts, torch.cat(rows).to(first.device)
