"""What an encoder makes of a stack, layer by layer: the shapes that it really has."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.inputs import CHANNELS
from movrecon_core.recordings import FRAME_WIDTH

DEPTH = 2
"""Modules inside modules that are looked at: blocks of a core, not the layers of a block."""


class LayerShape(NamedTuple):
    """A layer's name, and the shape of what it gives for one stack."""

    layer: str
    shape: tuple[int, ...]


@torch.inference_mode()
def layer_shapes(encoder: Encoder, mouse: int, frames: int) -> list[LayerShape]:
    """Show an encoder a black stack and note what its layers give, in order; the input is the first.

    Layers that leave the shape as it is are left out.

    Parameters
    ----------
    encoder
        Its mode is not changed.
    mouse
        Index of the readout.
    frames
        Of the stack, for encoders that take any number.
    """
    weight = next(encoder.parameters())
    stack = torch.zeros(1, CHANNELS, encoder.stack_frames or frames, FRAME_WIDTH, FRAME_WIDTH)
    found = [LayerShape("movie and behaviour", tuple(stack.shape[1:]))]

    def note(module: nn.Module, _: object, output: object) -> None:
        if isinstance(output, Tensor) and tuple(output.shape[1:]) != found[-1].shape:
            found.append(LayerShape(type(module).__name__.strip("_"), tuple(output.shape[1:])))

    hooks = [
        module.register_forward_hook(note)
        for name, module in encoder.named_modules()
        if name and name.count(".") <= DEPTH and not isinstance(module, nn.Sequential | nn.ModuleList)
    ]
    try:
        encoder(stack.to(weight.device, weight.dtype), mouse)
    finally:
        for hook in hooks:
            hook.remove()
    return found
