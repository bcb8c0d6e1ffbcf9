"""A movie as a sum of pictures, one for each neuron and lag."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movrecon_core.decoders.frames import doubled
from movrecon_core.decoders.lagged import Samples, lagged
from movrecon_core.decoders.roots import Roots


@dataclass(frozen=True)
class LinearDecoder:
    """Pictures of every neuron and lag, and the mean picture.

    Attributes
    ----------
    scale, root
        As `Roots`.
    lags
        (L,), frames.
    weights
        (N * L, 576), grey levels.
    mean
        (576,), what is shown where no neuron responds.
    """

    scale: NDArray[np.float32]
    root: NDArray[np.int64]
    lags: NDArray[np.int64]
    weights: NDArray[np.float32]
    mean: NDArray[np.float32]

    def decode(self, responses: NDArray[np.floating]) -> NDArray[np.float32]:
        """The movie (T, 36, 64) of responses (N, T), grey levels 0..255."""
        return doubled(self.pixels(responses))

    def pixels(self, responses: NDArray[np.floating]) -> NDArray[np.float32]:
        """The movie at half the resolution (T, 576), grey levels, not clipped."""
        return lagged(responses, Roots(self.scale, self.root), self.lags.tolist()) @ self.weights + self.mean


def linear_decoder(weights: NDArray[np.float32], samples: Samples) -> LinearDecoder:
    """The decoder whose weights fit samples less their means."""
    mean = samples.pixel_mean - samples.feature_mean @ weights
    lags = np.asarray(samples.lags, dtype=np.int64)
    return LinearDecoder(samples.roots.scale, samples.roots.root, lags, weights, mean.astype(np.float32))
