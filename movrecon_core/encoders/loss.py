"""The loss that encoders are trained with and movies are found by."""

import torch
from torch import Tensor

LOG_OFFSET = 1e-8  # article, Eq. 6


def poisson_terms(predicted: Tensor, recorded: Tensor) -> Tensor:
    """Poisson loss of each neuron and frame (article, Eq. 6); both >= 0, of one shape."""
    return predicted - recorded * torch.log(predicted + LOG_OFFSET)
