"""When to stop: the loss of neurons that the movie is not fitted to, which needs no ground truth."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def left_out_neurons(neurons: int, fraction: float, seed: int) -> NDArray[np.bool_]:
    """Draw neurons that judge in place of being fitted; the same for every movie of a mouse.

    Parameters
    ----------
    neurons
        Size of the population.
    fraction
        Share of it that is left out, 0..1; at least one neuron.
    seed
        Of the draw.

    Returns
    -------
    NDArray
        (N,) bool, True for those left out.
    """
    count = max(1, round(fraction * neurons))
    chosen = np.random.default_rng(seed).permutation(neurons)[:count]
    return np.isin(np.arange(neurons), chosen)


class EarlyStopping:
    """Keeps, for every movie, the version that explained the left-out neurons best.

    Parameters
    ----------
    movies
        (M, T, H, W), changed in place by the optimiser.
    patience
        Iterations without a better version after which a movie is finished.
    first
        Iteration from which versions are judged: the grey movie is none, and the first steps are small.
    """

    def __init__(self, movies: Tensor, patience: int, first: int = 0) -> None:
        self.movies = movies
        self.patience = patience
        self.first = first
        self.best = movies.clone()
        self.best_loss = movies.new_full((len(movies),), torch.inf)
        self.best_iteration = torch.zeros(len(movies), dtype=torch.long, device=movies.device)

    def update(self, iteration: int, loss: Tensor) -> Tensor:
        """Judge the movies as they are before an iteration's update.

        Parameters
        ----------
        iteration
            Counted from 0.
        loss
            (M,), of the left-out neurons; NaN for movies that were finished before.

        Returns
        -------
        Tensor
            (M,) bool, movies to go on with.
        """
        if iteration < self.first:
            loss = torch.full_like(loss, torch.inf)
        better = (loss < self.best_loss) | (self.best_loss == torch.inf)
        self.best[better] = self.movies[better]
        self.best_loss = torch.where(better, loss, self.best_loss)
        self.best_iteration[better] = iteration
        return ~(iteration - self.best_iteration >= self.patience)
