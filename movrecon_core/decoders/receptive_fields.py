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
    roots = learn_roots(trials)
    samples = sampled(trials, roots, SHORT_LAGS)
    fields = response_weighted_means(samples)
    shown = samples.features @ fields
    factor = (shown * samples.pixels).sum() / max(np.square(shown).sum(), 1e-12)
    return linear_decoder(roots, SHORT_LAGS, (factor * fields).astype(np.float32), samples)


def learn_pseudo_inverse(trials: Sequence[Trial]) -> LinearDecoder:
    """Find the movie whose products with all receptive fields are the responses: the fields' pseudo-inverse.

    It has as many singular values as explain the last fifth of the movies best.
    """
    roots = learn_roots(trials)
    samples = sampled(trials, roots, SHORT_LAGS)
    learning, judging = ~samples.judging, samples.judging
    errors = []
    for weights in _inverses(samples, learning):
        errors.append(np.square(samples.pixels[judging] - samples.features[judging] @ weights).mean())
    everything = np.ones(len(samples.movies), dtype=bool)
    weights = _inverses(samples, everything)[int(np.argmin(errors))]
    return linear_decoder(roots, SHORT_LAGS, weights, samples)


def response_weighted_means(samples: Samples, chosen: NDArray[np.bool_] | slice = slice(None)) -> NDArray[np.float32]:
    """Receptive field of each neuron and lag, in grey levels per standard deviation of its response.

    Returns
    -------
    NDArray
        (N * lags, 576).
    """
    features, pixels = samples.features[chosen], samples.pixels[chosen]
    return np.asarray(features.T @ pixels / len(pixels), dtype=np.float32)


def _inverses(samples: Samples, chosen: NDArray[np.bool_]) -> list[NDArray[np.float32]]:
    """Weights (N * lags, 576) for each of `RANKS`, each with the factor that fits the chosen samples best."""
    fields = response_weighted_means(samples, chosen)
    squared, axes = np.linalg.eigh(fields.T.astype(np.float64) @ fields)  # fields = U S Vᵀ; these are S² and V
    features, pixels = samples.features[chosen], samples.pixels[chosen]
    found = []
    for rank in RANKS:
        kept, values = axes[:, -rank:], squared[-rank:]
        inverse = fields @ (kept / np.maximum(values, 1e-12 * values[-1])) @ kept.T  # U S⁻¹ Vᵀ
        shown = features @ inverse
        factor = (shown * pixels).sum() / max(np.square(shown).sum(), 1e-12)
        found.append((factor * inverse).astype(np.float32))
    return found
