"""DwiseNeuro with constant weights, arranged to be differentiated quickly with respect to its input.

The same function as `DwiseNeuro` in evaluation mode, which stays the truth that this form is tested against. Batch
norms are folded into the convolutions before them; channels come last, so that pointwise convolutions are products of
matrices and depth-wise ones are two-dimensional; position encodings are constants; the gate of squeeze-and-excitation
scales the projection's weights in place of the expanded activations; and each block's backward pass is written out:
it computes no gradient of a weight, and computes the widest activations again in place of keeping them.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.dwiseneuro import DwiseNeuro

CACHE_BYTES = 1_500_000
"""A frame's expanded activations that are larger than this are worked on by themselves, on a CPU."""


class FoldedDwiseNeuro(Encoder):
    """A frozen DwiseNeuro.

    Parameters
    ----------
    encoder
        Its weights are copied; it is not changed.
    dtype
        Precision of activations and products: float64, float32, or bfloat16. The first layer, which sees grey
        levels, and the mean over space stay in float32 at least.
    """

    def __init__(self, encoder: DwiseNeuro, dtype: torch.dtype) -> None:
        super().__init__()
        self.stack_frames = encoder.stack_frames
        self.stack_step = encoder.stack_step
        self.neurons = encoder.neurons
        self.beta = encoder.config.softplus_beta
        self.dtype = dtype
        exact = torch.promote_types(dtype, torch.float32)
        with torch.no_grad():
            encoder = copy.deepcopy(encoder).to(exact)
            core: Any = encoder.core
            weight, bias = _folded(core.stem[0].weight, core.stem[1].bn)
            self.stem = nn.ParameterList([weight.flatten(1).to(exact), bias.to(exact)])
            pairs = zip(core.blocks[::2], core.blocks[1::2], strict=True)
            self.blocks = nn.ModuleList(_Block(encoding, block, dtype) for encoding, block in pairs)
            groups = encoder.config.groups
            self.cortex = nn.ModuleList(_CortexLayer(layer, groups, dtype) for layer in encoder.cortex.layers)
            layers: list[Any] = [readout.layer[1] for readout in encoder.readouts]  # type: ignore[index]
            self.readouts = nn.ModuleList(_Grouped(layer.weight, layer.bias, groups, dtype) for layer in layers)
        self.requires_grad_(False)

    def forward(self, inputs: Tensor, mouse: int) -> Tensor:
        """Predict responses; see `Encoder.forward`."""
        exact = self.stem[0].dtype
        # One stack at a time on a CPU: what a stack needs stays closer, and memory does not grow with the batch.
        parts = inputs.split(1) if inputs.device.type == "cpu" else [inputs]
        features = torch.cat([self._core(part.to(exact)) for part in parts])  # (B, T, C)
        x = features.to(self.dtype)
        for layer in self.cortex:
            x = layer(x)
        x = self.readouts[mouse](x)[..., : self.neurons[mouse]].transpose(1, 2)  # (B, N, T)
        return F.softplus(x.to(exact), beta=self.beta)

    def _core(self, inputs: Tensor) -> Tensor:
        x = F.linear(inputs.permute(0, 2, 3, 4, 1), self.stem[0], self.stem[1]).to(self.dtype)  # (B, T, H, W, C)
        for block in self.blocks:
            x = block(x)
        return x.to(inputs.dtype).mean(dim=(2, 3))


class _Block(nn.Module):
    """Weights of one inverted residual block, batch norms folded, and the position encoding before it."""

    encodings: dict[tuple[int, ...], Tensor]

    def __init__(self, encoding: Any, block: Any, dtype: torch.dtype) -> None:
        super().__init__()
        self.encoding = encoding
        self.encodings = {}
        self.stride = int(block.spat_covn_dw[0].stride[1])
        self.out_features = int(block.out_features)
        expand, expand_bias = _folded(block.conv_pw[0].weight, block.conv_pw[1].bn)
        spatial, spatial_bias = _folded(block.spat_covn_dw[0].weight, block.spat_covn_dw[1].bn)
        temporal, temporal_bias = _folded(block.temp_covn_dw[0].weight, block.temp_covn_dw[1].bn)
        project, project_bias = _folded(block.conv_pwl[0].weight, block.conv_pwl[1].bn)
        shortcut, shortcut_bias = _folded(torch.ones_like(project_bias), block.bn_sc.bn)
        weights = {
            "expand": expand.flatten(1),  # (E, C)
            "expand_bias": expand_bias,
            "spatial": spatial[:, :, 0],  # (E, 1, 3, 3)
            "spatial_bias": spatial_bias,
            "temporal": temporal[..., 0],  # (E, 1, 5, 1)
            "temporal_bias": temporal_bias,
            "reduce": block.se.conv_reduce.weight.flatten(1),  # (R, E)
            "reduce_bias": block.se.conv_reduce.bias,
            "excite": block.se.conv_expand.weight.flatten(1),  # (E, R)
            "excite_bias": block.se.conv_expand.bias,
            "project": project.flatten(1).t().contiguous(),  # (E, O)
            "shortcut": shortcut,  # (O,)
            "bias": project_bias + shortcut_bias,
        }
        for name, weight in weights.items():
            self.register_parameter(name, nn.Parameter(weight.to(dtype), requires_grad=False))

    def forward(self, x: Tensor) -> Tensor:
        shape = tuple(x.shape[1:4])
        if shape not in self.encodings:
            zero = torch.zeros(1, x.shape[-1], *shape, device=x.device, dtype=self.encoding.inv_freq.dtype)
            self.encodings[shape] = self.encoding(zero)[0].permute(1, 2, 3, 0).contiguous().to(x.dtype)  # (T, H, W, C)
        result: Tensor = _BlockFunction.apply(x + self.encodings[shape], self)
        return result


class _BlockFunction(torch.autograd.Function):
    """Forward and backward of a block; E is the number of expanded channels, O of those that leave it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, block: Any) -> Tensor:
        batch, frames = x.shape[:2]
        spatial = _expanded_spatial(x, block)  # (B, T, h, w, E)
        temporal = _temporal(F.silu(spatial), block.temporal, block.temporal_bias)
        active = F.silu(temporal).reshape(batch, -1, temporal.shape[-1])  # (B, T * h * w, E)
        reduced = F.linear(_mean(active), block.reduce, block.reduce_bias)
        gate = torch.sigmoid(F.linear(F.silu(reduced), block.excite, block.excite_bias))  # (B, E)
        y = torch.bmm(active, gate[..., None] * block.project).view(batch, frames, *spatial.shape[2:4], -1)
        shortcut = _tiled(x[:, :, :: block.stride, :: block.stride], block.out_features)
        y.addcmul_(shortcut, block.shortcut).add_(block.bias)
        ctx.save_for_backward(x, spatial, temporal, active, reduced, gate)
        ctx.block = block
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_y: Tensor) -> tuple[Tensor, None]:
        x, spatial, temporal, active, reduced, gate = ctx.saved_tensors
        block: Any = ctx.block
        of_active = _of_gated_projection(of_y, active, reduced, gate, block)
        of_temporal = _silu_backward(of_active.view_as(temporal), temporal)
        of_spatial = _temporal(of_temporal, block.temporal.flip(-2), None)
        of_spatial = _silu_backward(of_spatial, spatial)
        of_x = _expanded_spatial_backward(of_spatial, x, block)
        of_x[:, :, :: block.stride, :: block.stride] += _tiled_backward(of_y * block.shortcut, x.shape[-1])
        return of_x, None


class _CortexLayer(nn.Module):
    """A grouped pointwise layer with channel shuffle and shortcut."""

    def __init__(self, layer: Any, groups: int, dtype: torch.dtype) -> None:
        super().__init__()
        weight, bias = _folded(layer.conv.weight, layer.bn.bn)
        self.mix = _Grouped(weight, bias, groups, dtype)
        self.out_features = int(layer.out_features)
        scale, shift = _folded(torch.ones_like(bias), layer.bn_sc.bn)
        self.scale, self.shift = (nn.Parameter(x.to(dtype), requires_grad=False) for x in (scale, shift))

    def forward(self, x: Tensor) -> Tensor:
        mixed = F.silu(self.mix(x)).unflatten(-1, (self.mix.groups, -1))  # (B, T, groups, C / groups)
        return mixed.transpose(2, 3).flatten(2) + _tiled(x, self.out_features) * self.scale + self.shift


class _Grouped(nn.Module):
    """A grouped pointwise layer as one product of matrices a group."""

    def __init__(self, weight: Tensor, bias: Tensor, groups: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.groups = groups
        matrices = weight.flatten(1).unflatten(0, (groups, -1)).transpose(1, 2)  # (groups, in / groups, out / groups)
        self.weight = nn.Parameter(matrices.contiguous().to(dtype), requires_grad=False)
        self.bias = nn.Parameter(bias.to(dtype), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, in) to (B, T, out)."""
        grouped = x.flatten(0, 1).unflatten(-1, (self.groups, -1)).transpose(0, 1)  # (groups, B * T, in / groups)
        return torch.bmm(grouped, self.weight).transpose(0, 1).flatten(1).view(*x.shape[:2], -1) + self.bias


def _folded(weight: Tensor, norm: Any) -> tuple[Tensor, Tensor]:
    """Weight (out, ...) and bias (out,) of a layer without bias and the batch norm after it."""
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return weight * scale.reshape(-1, *[1] * (weight.ndim - 1)), norm.bias - norm.running_mean * scale


def _linear_silu(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    if x.device.type == "cpu" and x.dtype == torch.bfloat16 and torch.backends.mkldnn.is_available():
        # One pass over the product, in place of two.
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "swish", [], "")
    return F.silu(F.linear(x, weight, bias), inplace=True)


def _expanded_spatial(x: Tensor, block: Any) -> Tensor:
    """Pointwise expansion, silu, and the depth-wise layer over rows and columns of (B, T, H, W, C)."""
    parts = [
        _spatial(_linear_silu(part, block.expand, block.expand_bias), block.spatial, block.spatial_bias, block.stride)
        for part in x.flatten(0, 1).split(_frames_at_once(x, block))
    ]
    return (parts[0] if len(parts) == 1 else torch.cat(parts)).unflatten(0, x.shape[:2])


def _expanded_spatial_backward(of_spatial: Tensor, x: Tensor, block: Any) -> Tensor:
    """Gradient (B, T, H, W, C) of `_expanded_spatial`'s input."""
    size = _frames_at_once(x, block)
    frames = x.flatten(0, 1)
    of_frames = torch.empty_like(frames)
    weight, stride = block.spatial.flip(-1, -2), block.stride
    # The gradient of a strided convolution is a convolution of what lies between zeros: faster than a transposed one.
    zeros = of_spatial.new_zeros(min(size, len(frames)), *frames.shape[1:3], len(weight)) if stride > 1 else None
    for part, of_part, of_x in zip(
        frames.split(size), of_spatial.flatten(0, 1).split(size), of_frames.split(size), strict=True
    ):
        if zeros is not None:
            spread = zeros[: len(part)]
            spread[:, ::stride, ::stride] = of_part
            of_part = spread
        of_expanded = _spatial(of_part, weight, None, 1)
        of_expanded = _silu_backward(of_expanded, F.linear(part, block.expand, block.expand_bias))
        of_x.copy_(F.linear(of_expanded, block.expand.t()))
    return of_frames.view_as(x)


def _frames_at_once(x: Tensor, block: Any) -> int:
    """Frames whose expanded activations are worked on together: on a CPU single ones where they would fill a cache."""
    frame = x.shape[2] * x.shape[3] * len(block.expand) * x.element_size()
    return 1 if x.device.type == "cpu" and frame > CACHE_BYTES else len(x) * x.shape[1]


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


def _mean(x: Tensor) -> Tensor:
    """Mean over the positions of (B, P, E); a product of matrices, which adds up bfloat16 in float32."""
    return torch.bmm(x.new_ones(len(x), 1, x.shape[1]), x)[:, 0] / x.shape[1]


def _of_gated_projection(of_y: Tensor, active: Tensor, reduced: Tensor, gate: Tensor, block: Any) -> Tensor:
    """Gradient (B, P, E) of the activations that are gated, then projected; through the gate's mean over them, too."""
    of_y = of_y.flatten(1, 3)  # (B, P, O)
    of_gate = (torch.bmm(active.transpose(1, 2), of_y) * block.project).sum(
        dim=-1, dtype=torch.promote_types(of_y.dtype, torch.float32)
    )  # (B, E)
    of_gate = (of_gate * gate * (1 - gate)).to(of_y.dtype)
    of_mean = _silu_backward(of_gate @ block.excite, reduced) @ block.reduce / active.shape[1]
    # The mean's gradient is the same at every position: one more row of the product.
    matrix = torch.cat([(gate[..., None] * block.project).transpose(1, 2), of_mean[:, None]], dim=1)  # (B, O + 1, E)
    return torch.bmm(F.pad(of_y, (0, 1), value=1.0), matrix)


def _silu_backward(of_y: Tensor, x: Tensor) -> Tensor:
    """Gradient of silu's input, written over that of its output."""
    return torch.ops.aten.silu_backward.grad_input(of_y, x, grad_input=of_y)


def _tiled(x: Tensor, features: int) -> Tensor:
    """Repeat the last axis until there are `features` of it, and cut the rest."""
    if x.shape[-1] == features:
        return x
    return x.repeat(*[1] * (x.ndim - 1), math.ceil(features / x.shape[-1]))[..., :features]


def _tiled_backward(of_y: Tensor, features: int) -> Tensor:
    missing = -of_y.shape[-1] % features
    return F.pad(of_y, (0, missing)).unflatten(-1, (-1, features)).sum(dim=-2) if of_y.shape[-1] != features else of_y
