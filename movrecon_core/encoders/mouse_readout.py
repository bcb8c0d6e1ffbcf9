"""What a light encoder's readout is told of its mouse before it learns."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from movrecon_core.encoders.statistics import ResponseStatistics

BEHAVIOR_CHANNELS = 4


class MouseReadout(nn.Module):
    """A readout that knows its neurons' mean responses, and the mean and standard deviation of behaviour."""

    mean_response: Tensor
    behavior_mean: Tensor
    behavior_scale: Tensor

    def __init__(self, neurons: int) -> None:
        super().__init__()
        self.register_buffer("mean_response", torch.ones(neurons))
        self.register_buffer("behavior_mean", torch.zeros(BEHAVIOR_CHANNELS))
        self.register_buffer("behavior_scale", torch.ones(BEHAVIOR_CHANNELS))

    def take_over(self, known: ResponseStatistics, places: Tensor) -> None:
        """Respond at the mean, and look where responses and movie correlate: at `places` (N, 2), which are filled."""
        told: tuple[tuple[Tensor, NDArray[np.float64]], ...] = (
            (places, known.centres),
            (self.mean_response, known.mean_response),
            (self.behavior_mean, known.behavior_mean),
            (self.behavior_scale, known.behavior_scale),
        )
        with torch.no_grad():
            for tensor, values in told:
                tensor.copy_(torch.from_numpy(values))

    def behavioral_state(self, behavior: Tensor) -> Tensor:
        """Behaviour (B, 4, T) in standard deviations."""
        return (behavior - self.behavior_mean[:, None]) / self.behavior_scale[:, None]
