"""What the rest of the project knows of an encoder."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from movrecon_core.encoders.precision import Precision
from movrecon_core.encoders.statistics import ResponseStatistics


class Encoder(nn.Module, ABC):
    """Maps a stack of inputs to the responses of one mouse's neurons.

    Attributes
    ----------
    stack_frames
        Frames of one stack; None for an encoder that takes a movie of any length in one pass.
    stack_step
        Movie frames between two frames of a stack (2: every second frame).
    neurons
        Number of neurons of each mouse.
    behavior_apart
        Whether the encoder uses behaviour through its mean over the frame alone; inversion then gives it once a frame
        (`forward_apart`), a fifth of the numbers.
    """

    stack_frames: int | None
    stack_step: int
    neurons: tuple[int, ...]
    behavior_apart: bool = False

    @abstractmethod
    def forward(self, inputs: Tensor, mouse: int) -> Tensor:
        """Predict responses.

        Parameters
        ----------
        inputs
            (B, 5, T, H, W): movie 0..255, pupil dilation, running speed, pupil x, pupil y; the last four
            are constant over the frame. T counts the stack's own frames.
        mouse
            Index of the readout.

        Returns
        -------
        Tensor
            (B, N, T), >= 0.
        """

    def forward_apart(self, movie: Tensor, behavior: Tensor, mouse: int) -> Tensor:
        """Predict responses as `forward` does, movie (B, T, H, W) and behaviour (B, 4, T) given apart.

        Encoders that set `behavior_apart` give a form that does not join them.
        """
        channels = behavior[..., None, None].expand(*behavior.shape, *movie.shape[-2:])
        return self(torch.cat([movie[:, None], channels], dim=1), mouse)

    def respond(self, inputs: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Predict responses of several mice, each to its own stacks: `forward` for each, unless layers share a batch.

        Parameters
        ----------
        inputs
            (B, 5, T, H, W) of each mouse; B may differ.
        """
        return {mouse: self(stacks, mouse) for mouse, stacks in inputs.items()}

    def frozen_form(self, precision: Precision) -> "Encoder":
        """Give an equal encoder with constant weights, which inversion can differentiate faster.

        By default a copy in evaluation mode. Only for encoders that compute in what their weights are given in:
        those that choose lower precisions themselves go on doing so.

        Parameters
        ----------
        precision
            Of activations and products; ``bfloat16`` needs a form of its own, and is float32 where there is none.
        """
        dtype = torch.float64 if precision == "float64" else torch.float32
        return copy.deepcopy(self).to(dtype).eval().requires_grad_(False)

    def initialise(self, mouse: int, statistics: Callable[[], ResponseStatistics]) -> None:
        """Take over what is known of a mouse before training; by default nothing.

        Parameters
        ----------
        mouse
            Index of the readout.
        statistics
            Gathers them from all training trials; called only where they are used.
        """
