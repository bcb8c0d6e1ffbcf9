"""DwiseNeuro, the depth-wise separable 3-D convolutional network that won Sensorium 2023 (method page, DwiseNeuro).

Names of modules, and with them the keys of the state dictionary, are those of the published checkpoints,
spelling included.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.dwiseneuro_folded import FoldedDwiseNeuro
from movrecon_core.encoders.precision import Precision
from movrecon_core.encoders.sizes import Odd, Share, Size, Sizes


@dataclass(frozen=True)
class DwiseNeuroConfig:
    """Size of a DwiseNeuro; the names are those of the published checkpoints, the defaults the paper's.

    Attributes
    ----------
    readout_outputs
        Number of neurons of each mouse.
    spatial_strides
        One for each block of `core_features`.
    se_reduce_ratio
        Expanded channels over channels inside squeeze-and-excitation.
    groups
        Groups of the cortex's and the readout's pointwise layers.
    softplus_beta
        Sharpness of the output nonlinearity.
    drop_rate
        Dropout of the readout's input channels.
    drop_path_rate
        Stochastic depth: of block i of n (from 0) i/n of it, of every layer of the cortex all of it.
    stack_frames, stack_step
        Frames of one stack, and movie frames between two of them.
    """

    readout_outputs: tuple[int, ...]
    in_channels: Size = 5
    core_features: Sizes = (64, 64, 64, 64, 128, 128, 128, 256, 256)
    spatial_strides: Sizes = (2, 1, 1, 1, 2, 1, 1, 2, 1)
    spatial_kernel: Odd = 3
    temporal_kernel: Odd = 5
    expansion_ratio: Size = 7
    se_reduce_ratio: Size = 32
    cortex_features: Sizes = (1024, 2048, 4096)
    groups: Size = 2
    softplus_beta: Annotated[float, Field(gt=0)] = 0.07
    drop_rate: Share = 0.4
    drop_path_rate: Share = 0.1
    stack_frames: Size = 16
    stack_step: Size = 2

    def __post_init__(self) -> None:
        blocks, strides = len(self.core_features), len(self.spatial_strides)
        if blocks != strides:
            raise ValueError(f"spatial_strides: expected one for each of the {blocks} core_features, found {strides}")
        if any(features % self.groups for features in (self.core_features[-1], *self.cortex_features)):
            raise ValueError(
                f"groups: expected a divisor of the last core_features and of all cortex_features, found {self.groups}"
            )
        inner = min(self.core_features) * self.expansion_ratio
        if inner < self.se_reduce_ratio:
            raise ValueError(
                f"se_reduce_ratio: expected {inner} or less, smallest core_features times expansion_ratio, found "
                f"{self.se_reduce_ratio}"
            )


class DwiseNeuro(Encoder):
    """Core of inverted residual blocks, mean over space, grouped pointwise cortex, one readout a mouse."""

    def __init__(self, config: DwiseNeuroConfig) -> None:
        super().__init__()
        self.config = config
        self.stack_frames = config.stack_frames
        self.stack_step = config.stack_step
        self.neurons = tuple(config.readout_outputs)
        self.core = _Core(config)
        self.cortex = _Cortex(config)
        self.readouts = nn.ModuleList(_Readout(config, neurons) for neurons in self.neurons)
        self.apply(_initialise)

    def forward(self, inputs: Tensor, mouse: int) -> Tensor:
        """Predict responses; see `Encoder.forward`."""
        return self.readouts[mouse](self._features(inputs))

    def respond(self, inputs: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Predict responses of several mice; their stacks share the batch statistics (see `Encoder.respond`)."""
        features = self._features(torch.cat(list(inputs.values()))).split([len(stacks) for stacks in inputs.values()])
        return {mouse: self.readouts[mouse](x) for mouse, x in zip(inputs, features, strict=True)}

    def frozen_form(self, precision: Precision) -> Encoder:
        """Fold the batch norms and compute without gradients of weights; see `FoldedDwiseNeuro`."""
        return FoldedDwiseNeuro(self, getattr(torch, precision))

    def _features(self, inputs: Tensor) -> Tensor:
        return self.cortex(self.core(inputs).mean(dim=(-2, -1)))  # (B, C, T)


class _Core(nn.Module):
    def __init__(self, config: DwiseNeuroConfig) -> None:
        super().__init__()
        features = config.core_features[0]
        self.stem = nn.Sequential(
            nn.Conv3d(config.in_channels, features, 1, bias=False), _NormAct(nn.BatchNorm3d(features))
        )
        blocks: list[nn.Module] = []
        depth = len(config.core_features)
        # A block widens to the features of the next one; the last keeps its own.
        outputs = (*config.core_features[1:], config.core_features[-1])
        for i, (out, stride) in enumerate(zip(outputs, config.spatial_strides, strict=True)):
            drop_path = config.drop_path_rate * i / depth
            blocks += [_PositionEncoding(features), _InvertedResidual(config, features, out, stride, drop_path)]
            features = out
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(self.stem(x))


class _Cortex(nn.Module):
    def __init__(self, config: DwiseNeuroConfig) -> None:
        super().__init__()
        layers = []
        features = config.core_features[-1]
        for out in config.cortex_features:
            layers.append(_ShuffleLayer(features, out, config.groups, config.drop_path_rate))
            features = out
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class _Readout(nn.Module):
    def __init__(self, config: DwiseNeuroConfig, neurons: int) -> None:
        super().__init__()
        self.neurons = neurons
        padded = math.ceil(neurons / config.groups) * config.groups
        self.layer = nn.Sequential(
            nn.Dropout1d(config.drop_rate), nn.Conv1d(config.cortex_features[-1], padded, 1, groups=config.groups)
        )
        self.gate = nn.Softplus(beta=config.softplus_beta)

    def forward(self, x: Tensor) -> Tensor:
        return self.gate(self.layer(x)[:, : self.neurons])


class _InvertedResidual(nn.Module):
    def __init__(
        self, config: DwiseNeuroConfig, features: int, out_features: int, stride: int, drop_path: float
    ) -> None:
        super().__init__()
        inner = features * config.expansion_ratio
        space, time = config.spatial_kernel, config.temporal_kernel
        self.out_features = out_features
        self.drop_path_rate = drop_path
        self.conv_pw = nn.Sequential(
            nn.Conv3d(features, inner, 1, bias=False), _NormAct(nn.BatchNorm3d(inner), nn.SiLU())
        )
        self.spat_covn_dw = nn.Sequential(
            _SpatialConvolution(inner, space, stride), _NormAct(nn.BatchNorm3d(inner), nn.SiLU())
        )
        self.temp_covn_dw = nn.Sequential(_TemporalConvolution(inner, time), _NormAct(nn.BatchNorm3d(inner), nn.SiLU()))
        self.se = _SqueezeExcitation(inner, inner // config.se_reduce_ratio)
        self.conv_pwl = nn.Sequential(
            nn.Conv3d(inner, out_features, 1, bias=False), _NormAct(nn.BatchNorm3d(out_features))
        )
        self.bn_sc = _NormAct(nn.BatchNorm3d(out_features))

    def forward(self, x: Tensor) -> Tensor:
        residual = self.temp_covn_dw(self.spat_covn_dw(self.conv_pw(x)))
        residual = self.conv_pwl(self.se(residual))
        if residual.shape[2:] != x.shape[2:]:
            x = F.interpolate(x, size=residual.shape[2:], mode="nearest")
        shortcut = self.bn_sc(_tile_channels(x, self.out_features))
        return _drop_path(residual, self.drop_path_rate, self.training) + shortcut


class _SpatialConvolution(nn.Conv3d):
    """Depth-wise over rows and columns, computed in two dimensions: several times faster on a CPU."""

    def __init__(self, features: int, kernel: int, stride: int) -> None:
        super().__init__(features, features, (1, kernel, kernel), (1, stride, stride), groups=features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        channels, frames = x.shape[1:3]
        weight = self.weight[:, :, 0].repeat_interleave(frames, dim=0)  # (C * T, 1, kernel, kernel)
        planes = F.conv2d(
            x.flatten(1, 2),  # (B, C * T, H, W)
            weight,
            stride=self.stride[1:],
            padding=self.kernel_size[1] // 2,
            groups=channels * frames,
        )
        return planes.unflatten(1, (channels, frames))


class _TemporalConvolution(nn.Conv3d):
    """Depth-wise over frames, computed in two dimensions: several times faster on a CPU."""

    def __init__(self, features: int, kernel: int) -> None:
        super().__init__(features, features, (kernel, 1, 1), groups=features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.flatten(3)  # (B, C, T, H * W)
        padding = (self.kernel_size[0] // 2, 0)
        return F.conv2d(pixels, self.weight[..., 0], padding=padding, groups=self.groups).unflatten(3, x.shape[3:])


class _SqueezeExcitation(nn.Module):
    def __init__(self, features: int, reduced: int) -> None:
        super().__init__()
        self.conv_reduce = nn.Conv3d(features, reduced, 1)
        self.conv_expand = nn.Conv3d(reduced, features, 1)

    def forward(self, x: Tensor) -> Tensor:
        squeezed = x.mean(dim=(2, 3, 4), keepdim=True)
        return x * torch.sigmoid(self.conv_expand(F.silu(self.conv_reduce(squeezed))))


class _ShuffleLayer(nn.Module):
    def __init__(self, features: int, out_features: int, groups: int, drop_path: float) -> None:
        super().__init__()
        self.out_features = out_features
        self.groups = groups
        self.drop_path_rate = drop_path
        self.conv = nn.Conv1d(features, out_features, 1, groups=groups, bias=False)
        self.bn = _NormAct(nn.BatchNorm1d(out_features), nn.SiLU())
        self.bn_sc = _NormAct(nn.BatchNorm1d(out_features))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.bn_sc(_tile_channels(x, self.out_features))
        mixed = self.bn(self.conv(x)).unflatten(1, (self.groups, -1))  # (B, groups, C / groups, T)
        shuffled = mixed.transpose(1, 2).flatten(1, 2)  # (B, C, T), the groups interleaved
        return _drop_path(shuffled, self.drop_path_rate, self.training) + shortcut


class _NormAct(nn.Module):
    def __init__(self, norm: nn.Module, activation: nn.Module | None = None) -> None:
        super().__init__()
        self.bn = norm
        self.act = activation or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(x))


class _PositionEncoding(nn.Module):
    """Adds sines and cosines of frame, row and column; each takes a third of the channels."""

    inv_freq: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        channels = math.ceil(features / 6) * 2
        self.features = features
        self.register_buffer("inv_freq", 10000.0 ** -(torch.arange(0, channels, 2) / channels))

    def forward(self, x: Tensor) -> Tensor:
        frames, rows, columns = x.shape[2:]
        thirds = [self._axis(frames, 0), self._axis(rows, 1), self._axis(columns, 2)]
        encoding = torch.cat([third.expand(-1, frames, rows, columns) for third in thirds])
        return x + encoding[: self.features]

    def _axis(self, length: int, axis: int) -> Tensor:
        angles = torch.arange(length, device=self.inv_freq.device, dtype=self.inv_freq.dtype) * self.inv_freq[:, None]
        waves = torch.cat([angles.sin(), angles.cos()])  # (channels, length)
        shape = [len(waves), 1, 1, 1]
        shape[axis + 1] = length
        return waves.reshape(shape)


def _tile_channels(x: Tensor, features: int) -> Tensor:
    """Repeat channels until there are `features` of them, and cut the rest."""
    repeats = math.ceil(features / x.shape[1])
    return x.repeat(1, repeats, *[1] * (x.ndim - 2))[:, :features]


def _drop_path(x: Tensor, rate: float, training: bool) -> Tensor:
    """Stochastic depth: drop the residual of some batch items, scale the others."""
    if not training or rate == 0.0:
        return x
    kept = x.new_empty(x.shape[0], *[1] * (x.ndim - 1)).bernoulli_(1 - rate)
    return x * kept / (1 - rate)


def _initialise(module: nn.Module) -> None:
    """He-normal with the fan-out of one group (method page, DwiseNeuro)."""
    if isinstance(module, nn.Conv3d | nn.Conv1d):
        fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
        nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / fan_out))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
