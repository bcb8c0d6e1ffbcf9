"""What is expected of a movie before any response is seen: small penalties that can be combined, off as published.

A penalty maps movies (M, T, H, W), grey levels 0..255, to one number each, (M,). Its gradient joins that of the
responses, scaled so that its weight says how hard it pulls compared with them.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Prior = Callable[[Tensor], Tensor]


def spatial_smoothness(movies: Tensor) -> Tensor:
    """Mean squared difference between neighbouring pixels."""
    rows, columns = movies.diff(dim=2), movies.diff(dim=3)
    return rows.square().mean(dim=(1, 2, 3)) + columns.square().mean(dim=(1, 2, 3))


def temporal_smoothness(movies: Tensor) -> Tensor:
    """Mean squared difference between successive frames."""
    return movies.diff(dim=1).square().mean(dim=(1, 2, 3))


def natural_spectrum(movies: Tensor) -> Tensor:
    """Mean power, each spatial frequency's divided by what natural scenes have there.

    Natural scenes have a power that falls with the square of spatial frequency (Field 1987, J. Opt. Soc. Am. A 4),
    so the penalty is that of a Gaussian prior with this spectrum; the mean grey level is free.
    """
    rows = torch.fft.fftfreq(movies.shape[2], device=movies.device, dtype=movies.dtype)
    columns = torch.fft.rfftfreq(movies.shape[3], device=movies.device, dtype=movies.dtype)
    squared_frequency = rows[:, None].square() + columns.square()  # (H, W / 2 + 1), (cycles per pixel)²
    # A column's frequency stands for its negative one, too.
    twice = torch.full_like(columns, 2.0)
    twice[0] = 1.0
    if movies.shape[3] % 2 == 0:
        twice[-1] = 1.0
    power = torch.fft.rfft2(movies, norm="ortho").abs().square()
    return (power * squared_frequency * twice).mean(dim=(1, 2, 3))


PRIORS: dict[str, Prior] = {
    "spatial_smoothness": spatial_smoothness,
    "temporal_smoothness": temporal_smoothness,
    "natural_spectrum": natural_spectrum,
}
"""Every prior by the name that a configuration gives it."""


def prior_gradient(movies: Tensor, weights: Mapping[str, float], size: Tensor) -> Tensor:
    """Sum of the priors' gradients, each with a norm of its weight times that of the responses' gradient.

    Parameters
    ----------
    movies
        (M, T, H, W).
    weights
        Name of a prior → how hard it pulls: at 1 as hard as the responses.
    size
        (M,), norm of the responses' gradient of each movie.

    Returns
    -------
    Tensor
        (M, T, H, W); 0 where a movie is flat, and no prior asks for a change.
    """
    total = torch.zeros_like(movies)
    for name, weight in weights.items():
        with torch.enable_grad():
            variable = movies.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(PRIORS[name](variable).sum(), variable)
        norm = torch.linalg.vector_norm(gradient, dim=(1, 2, 3))
        scale = torch.where(norm > 0, weight * size / norm, 0)
        total += gradient * scale[:, None, None, None]
    return total
