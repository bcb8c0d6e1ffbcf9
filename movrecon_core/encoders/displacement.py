"""Movies as eye movements displace them on the retina."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from movrecon_core.encoders.kernels import kernels_for


def displaced(movie: Tensor, shift: Tensor, side: int) -> Tensor:
    """Displace every frame by its own shift, linearly between pixels; beyond an edge the edge goes on.

    Parameters
    ----------
    movie
        (F, H, W), sides multiples of `side`.
    shift
        (F, 2), x and y in pixels: a pixel shows what was so far to the right and below.
    side
        Of the blocks of pixels that lie together in what is given back.

    Returns
    -------
    Tensor
        (F, H * W), as (columns of blocks, rows of blocks, row in a block, column in a block).
    """
    shift = shift.to(movie.dtype)  # of lower precision where products are
    if movie.device.type == "cpu" and kernels_for(movie.dtype) is not None and movie.dtype == torch.float32:
        return _Displaced.apply(movie.contiguous(), shift.contiguous(), side)
    return _by_sampling(movie, shift, side)


class _Displaced(torch.autograd.Function):
    """The compiled form."""

    @staticmethod
    def forward(ctx: Any, movie: Tensor, shift: Tensor, side: int) -> Tensor:
        ctx.save_for_backward(movie, shift)
        ctx.side = side
        kernels = kernels_for(movie.dtype)
        assert kernels is not None
        return kernels.displaced(movie, shift, side)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_seen: Tensor) -> tuple[Tensor, Tensor, None]:
        movie, shift = ctx.saved_tensors
        kernels = kernels_for(movie.dtype)
        assert kernels is not None
        return *kernels.displaced_backward(of_seen.contiguous(), movie, shift, ctx.side), None


def _by_sampling(movie: Tensor, shift: Tensor, side: int) -> Tensor:
    """PyTorch's function, in whose coordinates a frame spans -1..1."""
    size = movie.new_tensor([movie.shape[2], movie.shape[1]])
    x, y = ((2 * torch.arange(int(n), device=movie.device, dtype=movie.dtype) + 1) / n - 1 for n in size)
    pixels = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)  # (H, W, 2)
    blocks = pixels.unflatten(0, (-1, side)).unflatten(2, (-1, side)).permute(2, 0, 1, 3, 4)
    grid = blocks.reshape(1, -1, 2) + shift[:, None] * (2 / size)  # (F, H * W, 2)
    seen = F.grid_sample(movie[:, None], grid[:, None], padding_mode="border", align_corners=False)
    return seen[:, 0, 0]
