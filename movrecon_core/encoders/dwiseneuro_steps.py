"""The four steps of a frozen block of DwiseNeuro whose activations are wide, each computed in one of two ways.

E is the number of expanded channels, C of those that enter; channels come last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from movrecon_core.encoders.kernels import CHANNELS, Kernels

UNKNOWN_CACHE = 4_000_000
"""Bytes that are taken to stay near where the system does not say."""


@lru_cache
def cache_bytes() -> int:
    """Bytes of the second-level caches of this process's processors, as Linux reports them.

    On a CPU expanded activations are worked on in parts of so many frames as are about this large, at least one.
    """
    processor = Path("/sys/devices/system/cpu/cpu0/cache/index2")
    try:
        size, level = ((processor / name).read_text().strip() for name in ("size", "level"))
        if level != "2" or not size.endswith("K"):
            return UNKNOWN_CACHE
        return int(size.removesuffix("K")) * 1024 * torch.get_num_threads()
    except (OSError, ValueError):
        return UNKNOWN_CACHE


class TorchSteps(nn.Module):
    """With PyTorch's functions: on any device, in any precision.

    Parameters
    ----------
    weights
        expand (C, E), spatial (E, 1, 3, 3), temporal (E, 1, 5, 1), and the bias (E,) of each.
    stride
        Of rows and columns.
    dtype
        Of activations.
    """

    def __init__(self, weights: Mapping[str, Tensor], stride: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.stride = stride
        for name, weight in weights.items():
            self.register_buffer(name, weight.to(dtype))
        self.register_buffer("unexpand", self.expand.t().contiguous())  # (E, C)

    expand: Tensor
    expand_bias: Tensor
    unexpand: Tensor
    spatial: Tensor
    spatial_bias: Tensor
    temporal: Tensor
    temporal_bias: Tensor

    def product(self, x: Tensor, weight: Tensor, added: Tensor | None = None) -> Tensor:
        """Multiply (..., K) by the transpose of a weight (N, K), and add (..., N)."""
        return _product(x, weight, added)

    def projected(self, active: Tensor, weights: Tensor, added: Tensor) -> Tensor:
        """Multiply each stack of (B, T, h, w, E) by the transpose of its own of (B, O, E), and add (B, T, h, w, O)."""
        y = torch.baddbmm(added.flatten(1, 3), active.flatten(1, 3), weights.transpose(1, 2))
        return y.view_as(added)

    def expanded_spatial(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Pointwise expansion, silu, depth-wise layer over rows and columns.

        Returns
        -------
        Tensor
            (B, T, h, w, E) from (B, T, H, W, C).
        list of Tensor
            The expansion (frames, H, W, E), some frames after the other, if its gradient is to read it; else nothing.
        """
        parts = [
            _spatial(self._expanded(part), self.spatial, self.spatial_bias, self.stride)
            for part in x.flatten(0, 1).split(self._frames_at_once(x))
        ]
        return (parts[0] if len(parts) == 1 else torch.cat(parts)).unflatten(0, x.shape[:2]), []

    def activated_temporal(self, spatial: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Silu, depth-wise layer over frames, silu.

        Returns
        -------
        tuple of Tensor
            Activations (B, T, h, w, E), what their gradient needs, and their mean (B, E) over positions.
        """
        temporal = _temporal(F.silu(spatial), self.temporal, self.temporal_bias)
        active = F.silu(temporal)
        return active, temporal, active.flatten(1, 3).mean(dim=1, dtype=_exact(active.dtype))

    def products(self, x: Tensor, y: Tensor) -> Tensor:
        """Sum x * y over positions: (B, T, h, w, E) to (B, E)."""
        return (x * y).flatten(1, 3).sum(dim=1, dtype=_exact(x.dtype))

    def activated_temporal_backward(
        self, z: Tensor, scale: Tensor, shift: Tensor, kept: Tensor, spatial: Tensor
    ) -> Tensor:
        """Gradient of `spatial`, where that of the activations is scale * z + shift; z is written over."""
        scale, shift = (x.to(z.dtype)[:, None, None, None] for x in (scale, shift))
        of_active = torch.addcmul(shift, z, scale, out=z)
        of_silu = _temporal(_silu_backward(of_active, kept), self.temporal.flip(-2), None)
        return _silu_backward(of_silu, spatial)

    def expanded_spatial_backward(self, of_spatial: Tensor, x: Tensor, expansions: Sequence[Tensor]) -> Tensor:
        """Gradient (B, T, H, W, C) of the input of `expanded_spatial`."""
        size = self._frames_at_once(x)
        frames = x.flatten(0, 1)
        of_frames = torch.empty_like(frames)
        weight, stride = self.spatial.flip(-1, -2), self.stride
        # The gradient of a strided convolution is a convolution of what lies between zeros: faster than a transposed.
        zeros = of_spatial.new_zeros(min(size, len(frames)), *frames.shape[1:3], len(weight)) if stride > 1 else None
        for part, of_part, of_x in zip(
            frames.split(size), of_spatial.flatten(0, 1).split(size), of_frames.split(size), strict=True
        ):
            if zeros is not None:
                spread = zeros[: len(part)]
                spread[:, ::stride, ::stride] = of_part
                of_part = spread
            of_expanded = _spatial(of_part, weight, None, 1)
            of_expanded = _silu_backward(of_expanded, F.linear(part, self.unexpand, self.expand_bias))
            of_x.copy_(F.linear(of_expanded, self.expand))
        return of_frames.view_as(x)

    def _expanded(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu" and x.dtype == torch.bfloat16 and torch.backends.mkldnn.is_available():
            # One pass over the product, in place of two.
            return torch.ops.mkldnn._linear_pointwise(x, self.unexpand, self.expand_bias, "swish", [], "")
        return F.silu(F.linear(x, self.unexpand, self.expand_bias), inplace=True)

    def _frames_at_once(self, x: Tensor) -> int:
        frames = len(x) * x.shape[1]
        return _frames_in_cache(x, self.expand) if x.device.type == "cpu" else frames


class KernelSteps(nn.Module):
    """The same with kernels.cpp, where E is a multiple of its CHANNELS; see `TorchSteps` for what they do."""

    def __init__(self, weights: Mapping[str, Tensor], stride: int, dtype: torch.dtype, kernels: Kernels) -> None:
        super().__init__()
        self.stride = stride
        self.kernels = kernels
        for name, weight in weights.items():
            self.register_buffer(name, weight.float())
        self.expand = self.expand.to(dtype)
        self.register_buffer("unexpand", self.expand.t().contiguous())  # (E, C)
        self.spatial, self.temporal = (x.flatten(1).t().contiguous() for x in (self.spatial, self.temporal))

    expand: Tensor
    expand_bias: Tensor
    unexpand: Tensor
    spatial: Tensor  # (9, E)
    spatial_bias: Tensor
    temporal: Tensor  # (5, E)
    temporal_bias: Tensor

    @staticmethod
    def fit(weights: Mapping[str, Tensor]) -> bool:
        """Whether the kernels are written for a block like this."""
        sizes = weights["spatial"].shape[2:], weights["temporal"].shape[2:3]
        return sizes == ((3, 3), (5,)) and len(weights["spatial"]) % CHANNELS == 0

    def product(self, x: Tensor, weight: Tensor, added: Tensor | None = None) -> Tensor:
        if not torch.backends.mkldnn.is_available():
            return _product(x, weight, added)
        # oneDNN: in float32 up to twice as fast as what PyTorch takes by itself.
        if added is None:
            return torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
        return torch.ops.mkldnn._linear_pointwise.binary(x, added, weight, None, "add")

    def projected(self, active: Tensor, weights: Tensor, added: Tensor) -> Tensor:
        stacks = [self.product(*given) for given in zip(active, weights, added, strict=True)]
        return stacks[0][None] if len(stacks) == 1 else torch.stack(stacks)

    def expanded_spatial(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        frames, (H, W), E = x.flatten(0, 1), x.shape[2:4], len(self.unexpand)
        size = _frames_in_cache(x, self.expand)
        h, w = ((length - 1) // self.stride + 1 for length in (H, W))
        y = x.new_empty(len(frames), h, w, E)
        expansions: list[Tensor] = []
        for part, of_y in zip(frames.split(size), y.split(size), strict=True):
            expansion = self.product(part, self.unexpand)
            self.kernels.spatial(expansion, self.expand_bias, self.spatial, self.spatial_bias, self.stride, of_y)
            expansions.append(expansion)  # sooner read than computed again
        return y.unflatten(0, x.shape[:2]), expansions

    def activated_temporal(self, spatial: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        active, steepness, total = self.kernels.temporal(spatial.flatten(2, 3), self.temporal, self.temporal_bias)
        return active.view_as(spatial), steepness, total / spatial[0, ..., 0].numel()

    def products(self, x: Tensor, y: Tensor) -> Tensor:
        return self.kernels.products(x.flatten(1, 3), y.flatten(1, 3))

    def activated_temporal_backward(
        self, z: Tensor, scale: Tensor, shift: Tensor, kept: Tensor, spatial: Tensor
    ) -> Tensor:
        self.kernels.temporal_backward(z.flatten(2, 3), scale, shift, kept, spatial, self.temporal)
        return z

    def expanded_spatial_backward(self, of_spatial: Tensor, x: Tensor, expansions: Sequence[Tensor]) -> Tensor:
        size, of_frames = len(expansions[0]), []
        for expansion, of_part in zip(expansions, of_spatial.flatten(0, 1).split(size), strict=True):
            of_expansion = torch.empty_like(expansion)
            weights = self.expand_bias, self.spatial, self.stride
            self.kernels.spatial_backward(of_part, expansion, *weights, of_expansion)
            of_frames.append(self.product(of_expansion, self.expand))
            del of_expansion  # the next one takes its place, in the cache
        return torch.cat(of_frames).view_as(x)


def _product(x: Tensor, weight: Tensor, added: Tensor | None) -> Tensor:
    if added is None:
        return F.linear(x, weight)
    rows = torch.addmm(added.flatten(0, -2), x.flatten(0, -2), weight.t())
    return rows.view(*x.shape[:-1], -1)


def _exact(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def _frames_in_cache(x: Tensor, expand: Tensor) -> int:
    return max(1, cache_bytes() // (x.shape[2] * x.shape[3] * expand.shape[1] * x.element_size()))


def _spatial(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    """Depth-wise over rows and columns of (frames, H, W, E)."""
    planes = x.permute(0, 3, 1, 2)  # (frames, E, H, W), channels last in memory
    planes = F.conv2d(planes, weight, bias, stride=stride, padding=weight.shape[-1] // 2, groups=len(weight))
    return planes.permute(0, 2, 3, 1)


def _temporal(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Depth-wise over the frames of (B, T, H, W, E)."""
    pixels = x.flatten(2, 3).permute(0, 3, 1, 2)  # (B, E, T, H * W), channels last in memory
    pixels = F.conv2d(pixels, weight, bias, padding=(weight.shape[2] // 2, 0), groups=len(weight))
    return pixels.permute(0, 2, 3, 1).unflatten(2, x.shape[2:4])


def _silu_backward(of_y: Tensor, x: Tensor) -> Tensor:
    """Gradient of silu's input, written over that of its output."""
    return torch.ops.aten.silu_backward.grad_input(of_y, x, grad_input=of_y)
