"""What the rest of the project knows of an encoder."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from torch import Tensor, nn

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
    """

    stack_frames: int | None
    stack_step: int
    neurons: tuple[int, ...]

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

    def respond(self, inputs: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Predict responses of several mice, each to its own stacks: `forward` for each, unless layers share a batch.

        Parameters
        ----------
        inputs
            (B, 5, T, H, W) of each mouse; B may differ.
        """
        return {mouse: self(stacks, mouse) for mouse, stacks in inputs.items()}

    def initialise(self, mouse: int, statistics: Callable[[], ResponseStatistics]) -> None:
        """Take over what is known of a mouse before training; by default nothing.

        Parameters
        ----------
        mouse
            Index of the readout.
        statistics
            Gathers them from all training trials; called only where they are used.
        """
