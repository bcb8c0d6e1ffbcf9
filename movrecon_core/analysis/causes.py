"""What a loss, or an error, is due to: the noise of the responses, the encoder, or the inversion."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

PARTS = ("noise", "encoder", "inversion")


def split_loss(
    both: ArrayLike, noise_free: ArrayLike, neurons: ArrayLike, neither: ArrayLike
) -> dict[str, NDArray[np.float64]]:
    """Divide a loss into the parts of noise, encoder and inversion, which add up to it.

    The inversion's part is what is lost from noise-free responses through the neurons themselves. The rest is divided
    between noise and encoder by their Shapley values: what each removes, on average over both orders of removing them.

    Parameters
    ----------
    both
        Loss from recorded responses through the encoders; any shape, the same for all four.
    noise_free
        From noise-free responses through the encoders.
    neurons
        From recorded responses through the neurons themselves.
    neither
        From noise-free responses through the neurons.

    Returns
    -------
    dict
        Part (`PARTS`) → what it costs, of the same shape; it may be negative.

    Examples
    --------
    >>> {part: round(float(loss), 3) for part, loss in split_loss(0.5, 0.2, 0.3, 0.1).items()}
    {'noise': 0.25, 'encoder': 0.15, 'inversion': 0.1}
    """
    a, b, c, d = (np.asarray(loss, dtype=np.float64) for loss in (both, noise_free, neurons, neither))
    return {"noise": ((a - b) + (c - d)) / 2, "encoder": ((a - c) + (b - d)) / 2, "inversion": d}
