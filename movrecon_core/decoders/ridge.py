"""Ridge regression from responses to pixels, in its dual form: as many equations as samples, however many neurons."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from movrecon_core.decoders.errors import error_spectrum
from movrecon_core.decoders.lagged import LONG_LAGS, SHORT_LAGS, Samples, sampled
from movrecon_core.decoders.linear import LinearDecoder, linear_decoder
from movrecon_core.decoders.roots import Roots, learn_roots
from movrecon_core.recordings import Trial

PENALTIES = (0.01, 0.1, 1.0, 3.0, 8.0, 20.0, 60.0, 200.0)
"""In units of a sample's mean squared length."""

INTERCEPT = 1.0
"""Weight of the constant in these units: a movie that is left out is missing in the mean, too."""

COMPONENTS = (8, 16, 32, 64, 128)
"""Numbers of principal components of the pixels that are tried."""


@dataclass(frozen=True)
class RidgeDecoder(LinearDecoder):
    """A linear decoder that knows how far its movies are from the truth.

    Attributes
    ----------
    error_power
        (K, 18, 32), as `error_spectrum`, of each training movie decoded by what was learned from the others.
    samples_apart
        (), frames between two samples.
    axes
        (576, C), principal components of the training movies' pixels, as many as predict the last fifth best.
    pixel_mean
        (576,), mean frame of the training movies.
    usual
        (N,), a response whose root is the neuron's mean root.
    """

    error_power: NDArray[np.float32]
    samples_apart: NDArray[np.int64]
    axes: NDArray[np.float32]
    pixel_mean: NDArray[np.float32]
    usual: NDArray[np.float32]

    @property
    def components(self) -> LinearDecoder:
        """Ridge regression to principal components: to pixels, and what lies between the components left out."""
        projection = self.axes @ self.axes.T
        at_rest = self.pixel_mean + (self.mean - self.pixel_mean) @ projection
        return LinearDecoder(self.scale, self.root, self.lags, self.weights @ projection, at_rest)


def learn_ridge(trials: Sequence[Trial]) -> RidgeDecoder:
    """Learn ridge regression; lags and penalty are those that predict the last fifth of the movies best.

    Parameters
    ----------
    trials
        Training movies of one mouse.

    Raises
    ------
    ReconstructionError
        If there are fewer than two.
    """
    roots = learn_roots([trial.responses for trial in trials])
    samples, penalty, kernel, size = _chosen(trials, roots)
    inverse = _inverse(kernel, penalty)
    dual = inverse @ torch.from_numpy(samples.pixels)  # (S, 576)
    errors = left_out_errors(inverse, dual, samples.movies)
    decoder = _decoder(samples, dual, size)
    power = error_spectrum(errors, samples.movies, samples.apart)
    return RidgeDecoder(
        **vars(decoder),
        error_power=power,
        samples_apart=np.asarray(samples.apart),
        axes=_chosen_axes(samples, kernel, penalty),
        pixel_mean=samples.pixel_mean,
        usual=roots.scale * samples.feature_mean.reshape(len(roots.scale), -1).mean(axis=1) ** roots.root,
    )


def learn_mean_frame(trials: Sequence[Trial]) -> LinearDecoder:
    """Learn the mean frame of the training movies, which no response changes."""
    roots = learn_roots([trial.responses for trial in trials])
    samples = sampled(trials, roots, (0,))
    nothing = np.zeros((len(samples.feature_mean), samples.pixels.shape[1]), np.float32)
    return linear_decoder(nothing, samples)


def left_out_errors(inverse: Tensor, dual: Tensor, movies: NDArray[np.integer]) -> NDArray[np.float32]:
    """Errors of each movie's samples when all others are learned from, without learning again.

    With A the regularised kernel matrix, the errors of the samples g are (A⁻¹)gg⁻¹ (A⁻¹y)g (Rasmussen & Williams
    2006, Gaussian Processes for Machine Learning, section 5.4.2, for groups in place of single samples).

    Parameters
    ----------
    inverse
        (S, S), A⁻¹.
    dual
        (S, P), A⁻¹ times the targets.
    movies
        (S,), which movie each sample is of, ascending.

    Returns
    -------
    NDArray
        (S, P), target less prediction.
    """
    errors = torch.empty_like(dual)
    for movie in np.unique(movies):
        first, after = np.searchsorted(movies, [movie, movie + 1]).tolist()
        errors[first:after] = torch.linalg.solve(inverse[first:after, first:after], dual[first:after])
    return errors.numpy()


def _chosen(trials: Sequence[Trial], roots: Roots) -> tuple[Samples, float, Tensor, float]:
    """Samples and penalty with the smallest error on the last fifth of the movies; their `_kernel`."""
    smallest, best = np.inf, None
    for lags in (SHORT_LAGS, LONG_LAGS):
        samples = sampled(trials, roots, lags)
        kernel, size = _kernel(samples)
        error = lru_cache(partial(_judged, samples, kernel))
        place = _lowest(error, len(PENALTIES))
        if best is None or error(place) < smallest:
            smallest, best = error(place), (samples, PENALTIES[place], kernel, size)
        del kernel, error  # before the next one is made
    assert best is not None
    return best


def _judged(samples: Samples, kernel: Tensor, place: int) -> float:
    """Mean squared error on the last fifth of the movies with one of the penalties, learned from the others."""
    learning, judging = samples.learning, samples.judging
    found = _fit(kernel[learning, learning], samples.pixels[learning], kernel[judging, learning], PENALTIES[place])
    return float(np.square(samples.pixels[judging] - found).mean())


def _lowest(error: Callable[[int], float], count: int) -> int:
    """Place of a minimum, downhill from the middle: most penalties are never tried."""
    place = count // 2
    while True:
        near = [p for p in (place - 1, place, place + 1) if 0 <= p < count]
        best = min(near, key=error)
        if best == place:
            return place
        place = best


def _fit(kernel: Tensor, pixels: NDArray[np.float32], to_others: Tensor, penalty: float) -> NDArray[np.float32]:
    """Predictions of other samples."""
    factor = torch.linalg.cholesky(_regularised(kernel, penalty))
    return (to_others @ torch.cholesky_solve(torch.from_numpy(pixels), factor)).numpy()


def _kernel(samples: Samples) -> tuple[Tensor, float]:
    """Products of all samples (S, S) in units of their mean squared length, which is given too; with the constant."""
    kernel = samples.kernel()
    size = float(kernel.diagonal().mean()) or 1.0
    return kernel.div_(size).add_(INTERCEPT), size


def _regularised(kernel: Tensor, penalty: float) -> Tensor:
    regularised = kernel.clone()
    regularised.diagonal().add_(penalty)
    return regularised


def _inverse(kernel: Tensor, penalty: float) -> Tensor:
    return torch.cholesky_inverse(torch.linalg.cholesky(_regularised(kernel, penalty)))


def _decoder(samples: Samples, dual: Tensor, size: float) -> LinearDecoder:
    found = linear_decoder(samples.weighted_sum((dual / size).numpy()), samples)
    mean = np.asarray(found.mean + (INTERCEPT * dual.sum(dim=0)).numpy(), dtype=np.float32)
    return replace(found, mean=mean)


def _chosen_axes(samples: Samples, kernel: Tensor, penalty: float) -> NDArray[np.float32]:
    """Principal components, as many as predict the last fifth of the movies best."""
    learning, judging = samples.learning, samples.judging
    pixels = samples.pixels[learning]
    found = _fit(kernel[learning, learning], pixels, kernel[judging, learning], penalty)
    errors = []
    for count in COMPONENTS:
        axes = _axes(pixels, count)
        errors.append(np.square(samples.pixels[judging] - found @ axes @ axes.T).mean())
    return _axes(samples.pixels, COMPONENTS[int(np.argmin(errors))])


def _axes(pixels: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """First principal components (576, count) of samples less their mean."""
    _, axes = np.linalg.eigh(pixels.T @ pixels)
    return axes[:, -count:]
