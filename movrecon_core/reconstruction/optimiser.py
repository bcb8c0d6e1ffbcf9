"""The published momentum step: Adam's first moment, corrected twice, and no second moment."""

import math

import torch
from torch import Tensor

from movrecon_core.reconstruction.config import ReconstructionConfig


def learning_rate(iteration: int, config: ReconstructionConfig) -> float:
    """Learning rate of one iteration, counted from 0, with warm-up, the scripts' correction, and decay if any."""
    warm_up = min(1.0, iteration / config.warm_up) if config.warm_up else 1.0
    second = 1 - config.second_moment ** (iteration + 1)
    return decayed_rate(iteration, config) * warm_up * second**0.5 / (1 - config.momentum ** (iteration + 1))


def decayed_rate(iteration: int, config: ReconstructionConfig) -> float:
    """Learning rate of one iteration, falling along a cosine to its last part."""
    fall = 0.5 - 0.5 * math.cos(math.pi * iteration / config.iterations)  # 0 to 1
    return config.learning_rate * (1 - fall * (1 - config.final_rate))


class MovieOptimiser:
    """Changes movies in place, downhill along their gradients."""

    def __init__(self, movies: Tensor, config: ReconstructionConfig) -> None:
        self.movies = movies
        self.config = config
        self.mean_gradient = torch.zeros_like(movies)

    def step(self, iteration: int, gradient: Tensor, mask: Tensor) -> None:
        """Apply one iteration (method page, reconstruction); iteration 0 changes nothing.

        Parameters
        ----------
        iteration
            Counted from 0.
        gradient
            (..., T, H, W), shaped as the movies.
        mask
            1 where a pixel may change, else 0; broadcasts over the movies.
        """
        if iteration == 0:
            return
        decay = self.config.momentum
        gradient = (gradient * mask).clamp_(-1, 1)
        self.mean_gradient.mul_(decay).add_(gradient, alpha=1 - decay)
        rate = learning_rate(iteration, self.config) / (1 - decay ** (iteration + 1))
        self.movies.sub_(self.mean_gradient, alpha=rate).clamp_(0, 255)
