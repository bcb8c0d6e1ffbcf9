"""Movies that start from a decoder's and are pulled to it: the most likely ones, given responses and its errors.

The error of a decoder is taken to be Gaussian, independent between frequencies, and as large as on training movies.
What is changed are the coefficients of the difference to the decoder's movie, each in its standard deviation. Steps are
Newton's for a curvature that is the same for neighbouring frequencies, and that the size of the gradients tells.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import idct
from torch import Tensor
from torch.nn import functional as F

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.reconstruction.config import ReconstructionConfig, Target
from movrecon_core.reconstruction.guide import LEAST
from movrecon_core.reconstruction.movies import MovieGroup
from movrecon_core.reconstruction.objective import Loss
from movrecon_core.reconstruction.optimiser import decayed_rate
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH

NEIGHBOURS = (5, 3, 3)
"""Frequencies, in time and space, whose gradients together tell the curvature of the one in their middle."""


class GuidedGroup(MovieGroup):
    """M movies of T frames whose targets have a `Guide`; parameters as for `MovieGroup`."""

    def __init__(self, targets: Sequence[Target], instances: int, config: ReconstructionConfig, like: Tensor) -> None:
        super().__init__(targets, instances, config, like)
        self.norm_offset = None  # a likelihood has a size of its own
        guides = [target.guide for target in targets if target.guide is not None]

        def stacked(arrays: list[NDArray]) -> Tensor:
            return torch.from_numpy(np.stack(arrays)).to(like.device, like.dtype)

        self.start = stacked([guide.start for guide in guides])  # (M, T, 36, 64)
        self.spread = stacked([guide.spread for guide in guides])  # (M, K, R, C)
        self.misfits = [  # of each encoder: (5, M, N, 1)
            torch.stack([stacked(list(arrays)) for arrays in zip(*map(_arrays, misfits), strict=True)])[..., None]
            for misfits in zip(*(guide.misfits for guide in guides), strict=True)
        ]
        self.standardised = [standardised(self.responses, misfit) for misfit in self.misfits]  # each (M, N, T)
        lengths = (self.frames, FRAME_HEIGHT, FRAME_WIDTH)
        self.cosines = [
            cosines(length, count).to(like.device, like.dtype)
            for length, count in zip(lengths, self.spread.shape[1:], strict=True)
        ]
        self.coefficients = torch.zeros_like(self.spread)
        self.mean, self.curvature = torch.zeros_like(self.spread), torch.zeros_like(self.spread)
        self._show()

    def step(self, encoders: Sequence[Encoder], mouse: int, iteration: int, batch: int) -> None:
        """Make one iteration, of Newton's method with momentum and one curvature for each coefficient.

        The largest curvature that was found counts: steps that are too long make gradients grow.
        """
        gradient = self.pulled(self.gradient(encoders, mouse, iteration, batch))
        self.curvature = torch.maximum(self.curvature, curvature(gradient))
        decay, rate = self.config.momentum, decayed_rate(iteration, self.config)
        self.mean.mul_(decay).add_(gradient, alpha=1 - decay)
        self.coefficients.addcdiv_(self.mean, 1 + self.curvature, value=-rate / (1 - decay ** (iteration + 1)))
        self._show()
        self.video_correlation[iteration] = self.truth.video_correlation(self.movies)

    def pulled(self, gradient: Tensor) -> Tensor:
        """Gradient with respect to the coefficients (M, K, R, C), of the responses' loss and of the pull.

        Parameters
        ----------
        gradient
            (M, T, 64, 64), of the responses' loss with respect to the movies.
        """
        time, rows, columns = self.cosines
        inside = crop_movie(gradient * self.mask)
        found = torch.einsum("tk,mtyx,yr,xc->mkrc", time, inside, rows, columns)
        return self.spread * found + self.coefficients

    def _show(self) -> None:
        """Movies of the coefficients; the padding of the square frame is 0, as in training."""
        time, rows, columns = self.cosines
        change = torch.einsum("tk,mkrc,yr,xc->mtyx", time, self.spread * self.coefficients, rows, columns)
        self.movies.zero_()
        crop_movie(self.movies).copy_((self.start + change * crop_movie(self.mask)).clamp(0, 255))

    def _explained(self, instance: int) -> Tensor:
        return self.standardised[instance]

    def _loss(self, instance: int, movies: Tensor) -> Loss:
        """The responses' negative logarithmic likelihood."""
        misfit = self.misfits[instance][:, movies]
        return partial(negative_log_likelihood, misfit=misfit, independence=self.config.independence)


def negative_log_likelihood(
    predicted: Tensor, observed: Tensor, neurons: Tensor | None, misfit: Tensor, independence: float
) -> Tensor:
    """Of responses, given predictions and how these misfitted on training movies; without a constant.

    Parameters
    ----------
    predicted
        (B, N, T), >= 0.
    observed
        (B, N, T), responses, `standardised`.
    neurons
        (B, N) bool, neurons that count; None: all.
    misfit
        (5, B, N, 1), the fields of `Misfit`.
    independence
        Share of the squared errors that counts: as many are independent of each other.

    Returns
    -------
    Tensor
        (B,).
    """
    scale, exponent, slope, _, spread = misfit
    terms = (observed - rooted((predicted + LEAST) / scale, exponent) * (slope / spread)).square()
    if neurons is not None:
        terms = terms * neurons[..., None]
    return 0.5 * independence * terms.sum(dim=(1, 2))


def standardised(responses: Tensor, misfit: Tensor) -> Tensor:
    """Roots of responses (B, N, T) in units of their spread, counted from the misfit's offset, as is (5, B, N, 1)."""
    scale, exponent, _, offset, spread = misfit
    return (rooted(responses / scale, exponent) - offset) / spread


def rooted(values: Tensor, exponent: Tensor) -> Tensor:
    """Values, >= 0, to the exponents 1/2 and 1/4; general powers take ten times as long."""
    roots, fourth = values.sqrt(), exponent < 0.5
    if not bool(fourth.any()):
        return roots
    return roots.sqrt() if bool(fourth.all()) else torch.where(fourth, roots.sqrt(), roots)


def curvature(gradient: Tensor) -> Tensor:
    """Curvature of the responses' loss with respect to coefficients in standard deviations, (M, K, R, C), as is given.

    A gradient where they are wrong by their standard deviation, from responses with as much noise as the loss expects,
    has a mean square of λ² + λ, λ being the curvature: so much is the truth's, so much the noise's. The pull has 1.
    """
    padding = tuple(count // 2 for count in NEIGHBOURS)
    square = F.avg_pool3d(gradient.square(), NEIGHBOURS, stride=1, padding=padding, count_include_pad=False)
    return ((1 + 4 * square).sqrt() - 1) / 2


def cosines(length: int, count: int) -> Tensor:
    """The first basis functions of the orthonormal discrete cosine transform (length, count), float64."""
    return torch.from_numpy(idct(np.eye(length)[:, :count], axis=0, norm="ortho"))


def _arrays(misfit: object) -> list[NDArray]:
    return list(vars(misfit).values())
