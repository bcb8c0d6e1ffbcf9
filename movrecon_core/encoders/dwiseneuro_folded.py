"""DwiseNeuro with constant weights, arranged to be differentiated quickly with respect to its input.

The same function as `DwiseNeuro` in evaluation mode, which stays the truth that this form is tested against. Batch
norms are folded into the convolutions before them; channels come last, so that pointwise convolutions are products of
matrices and depth-wise ones are two-dimensional; position encodings are constants; the gate of squeeze-and-excitation
scales the projection's weights in place of the expanded activations; and each block's backward pass is written out:
it computes no gradient of a weight, and what the compiled kernels for CPUs do (see `kernels`) is neither kept nor read
twice. Where there is no compiler, PyTorch computes the widest activations again in place of keeping them.
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
from movrecon_core.encoders.dwiseneuro_steps import KernelSteps, TorchSteps
from movrecon_core.encoders.kernels import CHANNELS, Kernels, kernels_for


class FoldedDwiseNeuro(Encoder):
    """A frozen DwiseNeuro.

    Parameters
    ----------
    encoder
        A `DwiseNeuro`, which knows this form, not the other way round; its weights are copied, it is not changed.
    dtype
        Precision of activations and products: float64, float32, or bfloat16. The first layer, which sees grey
        levels, and means stay in float32 at least.
    compiled
        On a CPU use the compiled kernels, where there are any for this precision and a compiler.
    """

    def __init__(self, encoder: Any, dtype: torch.dtype, *, compiled: bool = True) -> None:
        super().__init__()
        self.stack_frames = encoder.stack_frames
        self.stack_step = encoder.stack_step
        self.neurons = encoder.neurons
        self.beta = encoder.config.softplus_beta
        self.dtype = dtype
        exact = torch.promote_types(dtype, torch.float32)
        with torch.no_grad():
            encoder = copy.deepcopy(encoder).to(exact)
            core = encoder.core
            on_cpu = next(encoder.parameters()).device.type == "cpu"
            kernels = kernels_for(dtype) if compiled and on_cpu else None
            weight, bias = _folded(core.stem[0].weight, core.stem[1].bn)
            self.stem = nn.ParameterList([weight.flatten(1).to(exact), bias.to(exact)])
            encodings, blocks = core.blocks[::2], core.blocks[1::2]
            self.encoding = _Offset(torch.zeros_like(bias), encodings[0], dtype)
            self.blocks = nn.ModuleList(
                _Block(block, following, dtype, kernels)
                for block, following in zip(blocks, [*encodings[1:], None], strict=True)
            )
            groups = encoder.config.groups
            self.cortex = nn.ModuleList(_CortexLayer(layer, groups, dtype) for layer in encoder.cortex.layers)
            layers: list[Any] = [readout.layer[1] for readout in encoder.readouts]
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
        x = x + self.encoding(x.shape[1:4])
        for block in self.blocks:
            x = block(x)
        return x.to(inputs.dtype).mean(dim=(2, 3))


class _Block(nn.Module):
    """Weights of one inverted residual block, batch norms folded, and the position encoding that follows it."""

    def __init__(self, block: Any, following: Any, dtype: torch.dtype, kernels: Kernels | None) -> None:
        super().__init__()
        self.stride = int(block.spat_covn_dw[0].stride[1])
        self.out_features = int(block.out_features)
        expand, expand_bias = _folded(block.conv_pw[0].weight, block.conv_pw[1].bn)
        spatial, spatial_bias = _folded(block.spat_covn_dw[0].weight, block.spat_covn_dw[1].bn)
        temporal, temporal_bias = _folded(block.temp_covn_dw[0].weight, block.temp_covn_dw[1].bn)
        project, project_bias = _folded(block.conv_pwl[0].weight, block.conv_pwl[1].bn)
        shortcut, shortcut_bias = _folded(torch.ones_like(project_bias), block.bn_sc.bn)
        wide = {
            "expand": _padded(expand.flatten(1)).t().contiguous(),  # (C, E)
            "expand_bias": _padded(expand_bias),
            "spatial": _padded(spatial[:, :, 0]),  # (E, 1, 3, 3)
            "spatial_bias": _padded(spatial_bias),
            "temporal": _padded(temporal[..., 0]),  # (E, 1, 5, 1)
            "temporal_bias": _padded(temporal_bias),
        }
        self.steps: TorchSteps | KernelSteps
        if kernels is not None and KernelSteps.fit(wide):
            self.steps = KernelSteps(wide, self.stride, dtype, kernels)
        else:
            self.steps = TorchSteps(wide, self.stride, dtype)
        self.offset = _Offset(project_bias + shortcut_bias, following, dtype)
        project = project.flatten(1).t()  # (E, O)
        # As a product of matrices: it repeats and cuts channels, too.
        copied = _tiled(torch.eye(expand.shape[1]).to(shortcut), self.out_features).mul(shortcut)
        weights = {
            "reduce": _padded(block.se.conv_reduce.weight.flatten(1).t()).t().contiguous(),  # (R, E)
            "reduce_bias": block.se.conv_reduce.bias,
            "excite": _padded(block.se.conv_expand.weight.flatten(1)),  # (E, R)
            "excite_bias": _padded(block.se.conv_expand.bias),
            "project": _padded(project).t().contiguous(),  # (O, E)
            "unproject": _padded(project).to(dtype),  # (E, O)
            "shortcut": copied.t().contiguous().to(dtype),  # (O, C)
            "unshortcut": copied.to(dtype),  # (C, O)
        }
        for name, weight in weights.items():
            self.register_parameter(name, nn.Parameter(weight, requires_grad=False))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = _BlockFunction.apply(x, self)
        return result


class _Offset(nn.Module):
    """What is added to every stack: a bias and, after the last block no, a position encoding."""

    sums: dict[tuple[int, ...], Tensor]

    def __init__(self, bias: Tensor, encoding: Any, dtype: torch.dtype) -> None:
        super().__init__()
        self.bias = nn.Parameter(bias, requires_grad=False)
        self.encoding = encoding
        self.dtype = dtype
        self.sums = {}

    def forward(self, shape: tuple[int, ...]) -> Tensor:
        """Give it, (T, H, W, C), for a shape (T, H, W)."""
        if shape not in self.sums:
            total: Tensor = self.bias[:, None, None, None].expand(-1, *shape)
            if self.encoding is not None:
                total = self.encoding(total[None])[0]
            self.sums[shape] = total.permute(1, 2, 3, 0).to(self.dtype).contiguous()
        return self.sums[shape]


class _BlockFunction(torch.autograd.Function):
    """Forward and backward of a block; E is the number of expanded channels, O of those that leave it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, block: Any) -> Tensor:
        spatial, expansions = block.steps.expanded_spatial(x)  # (B, T, h, w, E)
        active, kept, mean = block.steps.activated_temporal(spatial)
        reduced = F.linear(mean, block.reduce, block.reduce_bias)
        gate = torch.sigmoid(F.linear(F.silu(reduced), block.excite, block.excite_bias))  # (B, E)
        weights = (gate[:, None] * block.project).to(x.dtype)  # (B, O, E)
        offset = block.offset(spatial.shape[1:4]).expand(len(x), -1, -1, -1, -1)
        short = block.steps.product(x[:, :, :: block.stride, :: block.stride], block.shortcut, offset)
        y = block.steps.projected(active, weights, short)  # (B, T, h, w, O)
        ctx.save_for_backward(x, spatial, kept, active, reduced, gate, *expansions)
        ctx.block = block
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_y: Tensor) -> tuple[Tensor, None]:
        x, spatial, kept, active, reduced, gate, *expansions = ctx.saved_tensors
        block: Any = ctx.block
        of_gated = block.steps.product(of_y, block.unproject)  # (B, T, h, w, E)
        of_gate = block.steps.products(active, of_gated)  # (B, E)
        of_reduced = torch.ops.aten.silu_backward((of_gate * gate * (1 - gate)) @ block.excite, reduced)
        of_mean = of_reduced @ block.reduce / active[0, ..., 0].numel()
        of_spatial = block.steps.activated_temporal_backward(of_gated, gate, of_mean, kept, spatial)
        of_x = block.steps.expanded_spatial_backward(of_spatial, x, expansions)
        if block.stride == 1:
            return block.steps.product(of_y, block.unshortcut, of_x), None
        of_x[:, :, :: block.stride, :: block.stride] += block.steps.product(of_y, block.unshortcut)
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


def _padded(weight: Tensor) -> Tensor:
    """Expanded channels (E, ...) that are always 0, up to a multiple of what kernels work on together."""
    return F.pad(weight, [0, 0] * (weight.ndim - 1) + [0, -len(weight) % CHANNELS])


def _tiled(x: Tensor, features: int) -> Tensor:
    """Repeat the last axis until there are `features` of it, and cut the rest."""
    if x.shape[-1] == features:
        return x
    return x.repeat(*[1] * (x.ndim - 1), math.ceil(features / x.shape[-1]))[..., :features]
