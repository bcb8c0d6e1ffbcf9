"""The published computing pattern: DwiseNeuro of plain PyTorch layers, one stack at a time, all weights' gradients.

Imports nothing of movrecon_core, whose process settings would speed it up, too. Modules have the names of the
published checkpoints. Run as a program it prints its seconds for a stack and its peak memory:

    python benchmarks/published_pattern.py checkpoint.pth budget-in-seconds
"""

import itertools
import json
import math
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class NormAct(nn.Module):
    """Batch norm, and an activation or none."""

    def __init__(self, norm: nn.Module, activation: nn.Module | None = None) -> None:
        super().__init__()
        self.bn, self.act = norm, activation or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(x))


class SqueezeExcite(nn.Module):
    """A gate for every channel from the mean over time and space."""

    def __init__(self, features: int, reduced: int) -> None:
        super().__init__()
        self.conv_reduce, self.conv_expand = nn.Conv3d(features, reduced, 1), nn.Conv3d(reduced, features, 1)

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=(2, 3, 4), keepdim=True)
        return x * torch.sigmoid(self.conv_expand(F.silu(self.conv_reduce(mean))))


class PositionEncoding(nn.Module):
    """Sines and cosines of frame, row and column, computed anew for every stack."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.channels = math.ceil(features / 6) * 2
        self.register_buffer("inv_freq", 10000.0 ** -(torch.arange(0, self.channels, 2) / self.channels))

    def forward(self, x: Tensor) -> Tensor:
        waves = []
        for axis, length in enumerate(x.shape[2:]):
            angles = torch.arange(length)[:, None] * self.inv_freq  # type: ignore[operator]
            wave = torch.cat([angles.sin(), angles.cos()], dim=-1)  # (length, channels)
            waves.append(wave.reshape(*[length if i == axis else 1 for i in range(3)], -1).expand(*x.shape[2:], -1))
        return x + torch.cat(waves, dim=-1)[..., : x.shape[1]].permute(3, 0, 1, 2)


class Block(nn.Module):
    """Inverted residual with depth-wise 3-D convolutions."""

    def __init__(self, features: int, out: int, stride: int, params: dict[str, Any]) -> None:
        super().__init__()
        inner, space, time_ = features * params["expansion_ratio"], params["spatial_kernel"], params["temporal_kernel"]
        spatial = nn.Conv3d(
            inner, inner, (1, space, space), (1, stride, stride), (0, space // 2, space // 2), groups=inner, bias=False
        )
        temporal = nn.Conv3d(inner, inner, (time_, 1, 1), padding=(time_ // 2, 0, 0), groups=inner, bias=False)
        self.conv_pw = nn.Sequential(
            nn.Conv3d(features, inner, 1, bias=False), NormAct(nn.BatchNorm3d(inner), nn.SiLU())
        )
        self.spat_covn_dw = nn.Sequential(spatial, NormAct(nn.BatchNorm3d(inner), nn.SiLU()))
        self.temp_covn_dw = nn.Sequential(temporal, NormAct(nn.BatchNorm3d(inner), nn.SiLU()))
        self.se = SqueezeExcite(inner, inner // params["se_reduce_ratio"])
        self.conv_pwl = nn.Sequential(nn.Conv3d(inner, out, 1, bias=False), NormAct(nn.BatchNorm3d(out)))
        self.bn_sc = NormAct(nn.BatchNorm3d(out))
        self.out = out

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv_pwl(self.se(self.temp_covn_dw(self.spat_covn_dw(self.conv_pw(x)))))
        if y.shape[2:] != x.shape[2:]:
            x = F.interpolate(x, size=y.shape[2:], mode="nearest")
        return y + self.bn_sc(tiled(x, self.out))


class ShuffleLayer(nn.Module):
    """Grouped pointwise layer of the cortex."""

    def __init__(self, features: int, out: int, groups: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(features, out, 1, groups=groups, bias=False)
        self.bn, self.bn_sc = NormAct(nn.BatchNorm1d(out), nn.SiLU()), NormAct(nn.BatchNorm1d(out))
        self.out, self.groups = out, groups

    def forward(self, x: Tensor) -> Tensor:
        mixed = self.bn(self.conv(x)).unflatten(1, (self.groups, -1)).transpose(1, 2).flatten(1, 2)
        return mixed + self.bn_sc(tiled(x, self.out))


class PublishedDwiseNeuro(nn.Module):
    """The network of a checkpoint's parameters."""

    def __init__(self, params: dict[str, Any]) -> None:
        super().__init__()
        features: Sequence[int] = params["core_features"]
        groups = params["groups"]
        self.core, self.cortex = nn.Module(), nn.Module()
        stem = nn.Conv3d(params["in_channels"], features[0], 1, bias=False)
        self.core.stem = nn.Sequential(stem, NormAct(nn.BatchNorm3d(features[0])))
        blocks: list[nn.Module] = []
        for given, out, stride in zip(features, (*features[1:], features[-1]), params["spatial_strides"], strict=True):
            blocks += [PositionEncoding(given), Block(given, out, stride, params)]
        self.core.blocks = nn.Sequential(*blocks)
        widths = (features[-1], *params["cortex_features"])
        layers = [ShuffleLayer(a, b, groups) for a, b in itertools.pairwise(widths)]
        self.cortex.layers = nn.Sequential(*layers)
        self.readouts = nn.ModuleList()
        for neurons in params["readout_outputs"]:
            readout = nn.Module()
            padded = math.ceil(neurons / groups) * groups
            readout.layer = nn.Sequential(nn.Dropout1d(0.0), nn.Conv1d(widths[-1], padded, 1, groups=groups))
            self.readouts.append(readout)
        self.neurons, self.beta = params["readout_outputs"], params["softplus_beta"]

    def forward(self, x: Tensor, mouse: int) -> Tensor:
        x = self.core.blocks(self.core.stem(x)).mean(dim=(-2, -1))  # type: ignore[operator]
        x = self.readouts[mouse].layer(self.cortex.layers(x))  # type: ignore[operator]
        return F.softplus(x[:, : self.neurons[mouse]], beta=self.beta)


def tiled(x: Tensor, features: int) -> Tensor:
    """Channels repeated until there are enough, and cut."""
    return x.repeat(1, math.ceil(features / x.shape[1]), *[1] * (x.ndim - 2))[:, :features]


def load(checkpoint: Path, device: torch.device | str = "cpu") -> PublishedDwiseNeuro:
    """The network with a checkpoint's weights, as it is inverted: evaluation mode, gradients of weights on."""
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    _, params = content["params"]["nn_module"]
    network = PublishedDwiseNeuro(params)
    network.load_state_dict(content["nn_state_dict"])
    return network.eval().to(device)


def seconds_per_stack(network: nn.Module, stack: Tensor, target: Tensor, budget: float) -> float:
    """Least time of one stack forward and backward: of one after the first, and of as many more as fit, at most ten."""
    times: list[float] = []
    while len(times) < 2 or (len(times) < 11 and sum(times) + min(times) < budget):
        started = time.perf_counter()
        inputs = stack.clone().requires_grad_()
        network.zero_grad(set_to_none=True)
        responses = network(inputs, 0)
        (responses - target * torch.log(responses + 1e-8)).mean().backward()
        if stack.is_cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return min(times[1:])


if __name__ == "__main__":
    loaded = load(Path(sys.argv[1]))
    random = torch.Generator().manual_seed(2)
    example = torch.rand(1, 5, 16, 64, 64, generator=random) * 255
    wanted = torch.rand(1, loaded.neurons[0], 16, generator=random)
    seconds = seconds_per_stack(loaded, example, wanted, float(sys.argv[2]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peak_bytes": peak}))
