"""Movies as the sum of receptive fields times responses, the oldest decoder, and its corrected form."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from movrecon_core.decoders.lagged import SHORT_LAGS, Samples, sampled
from movrecon_core.decoders.linear import LinearDecoder, linear_decoder
from movrecon_core.decoders.roots import learn_roots
from movrecon_core.recordings import Trial

RANKS = (4, 8, 16, 32, 64, 128)
"""Numbers of singular values of the fields that are tried; the smallest ones are noise."""


def learn_receptive_field_sum(trials: Sequence[Trial]) -> LinearDecoder:
    """Show each neuron's receptive field as strongly as it responds (Stanley et al. 1999; Yoshida & Ohki 2020).

    The field of a neuron and lag is the response-weighted mean of the training movies. One factor for all makes grey
    levels of the sum.
    """
    samples = sampled(trials, learn_roots([trial.responses for trial in trials]), SHORT_LAGS)
    fields = response_weighted_means(samples)
    return linear_decoder(_factor(samples.shown(fields), samples.pixels) * fields, samples)


def learn_pseudo_inverse(trials: Sequence[Trial]) -> LinearDecoder:
    """Find the movie whose products with all receptive fields are the responses: the fields' pseudo-inverse.

    It has as many singular values as explain the last fifth of the movies best.
    """
    samples = sampled(trials, learn_roots([trial.responses for trial in trials]), SHORT_LAGS)
    learning, judging = samples.learning, samples.judging
    fields = response_weighted_means(samples, learning)
    shown, errors = samples.shown(fields), []
    for inverse in _inverses(fields):
        found = shown @ inverse
        factor = _factor(found[learning], samples.pixels[learning])
        errors.append(np.square(samples.pixels[judging] - factor * found[judging]).mean())
    fields = response_weighted_means(samples)
    inverse = _inverses(fields)[int(np.argmin(errors))]
    return linear_decoder(fields @ (_factor(samples.shown(fields) @ inverse, samples.pixels) * inverse), samples)


def response_weighted_means(samples: Samples, chosen: slice = slice(None)) -> NDArray[np.float32]:
    """Receptive field of each neuron and lag, in grey levels per standard deviation of its response.

    Returns
    -------
    NDArray
        (N * lags, 576).
    """
    return samples.weighted_sum(samples.pixels, chosen) / np.float32(len(samples.movies[chosen]))


def _factor(shown: NDArray[np.float32], pixels: NDArray[np.float32]) -> np.float32:
    """What makes grey levels of what decoders show."""
    return np.float32((shown * pixels).sum() / max(np.square(shown).sum(), 1e-12))


def _inverses(fields: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """What makes their pseudo-inverse (N * lags, 576) of fields U S Vᵀ: V S⁻² Vᵀ (576, 576), for each of `RANKS`."""
    squared, axes = np.linalg.eigh(fields.T.astype(np.float64) @ fields)
    found = []
    for rank in RANKS:
        kept, values = axes[:, -rank:], squared[-rank:]
        found.append(((kept / np.maximum(values, 1e-12 * values[-1])) @ kept.T).astype(np.float32))
    return found
