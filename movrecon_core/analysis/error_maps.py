"""Where a reconstruction shows other than the encoder expects of the movie that was shown (article, Eqs. 15 and 16)."""

import numpy as np
from numpy.typing import NDArray

ERROR_RANGE = (25.0, 75.0)
"""Grey levels at which an error begins to show, and is drawn in full (article, Error map calculation)."""


def error_map(
    recorded: NDArray[np.floating], expected: NDArray[np.floating], mask: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Reconstruction from recorded minus reconstruction from expected responses.

    Parameters
    ----------
    recorded, expected
        (T, H, W), grey levels.
    mask
        (H, W) bool.

    Returns
    -------
    NDArray
        (T, H, W), −255..255; NaN outside the mask.
    """
    return np.where(mask, np.asarray(recorded, dtype=np.float64) - expected, np.nan)


def shown_error(error: NDArray[np.floating]) -> NDArray[np.float64]:
    """Error as it is drawn: −1..1, 0 within ±25 grey levels, ±1 from ±75 on; 0 where it is NaN."""
    low, high = ERROR_RANGE
    size = np.clip((np.abs(error) - low) / (high - low), 0, 1)
    return np.nan_to_num(np.sign(error) * size, nan=0.0)


def standardised_error(
    truth: NDArray[np.floating], found: NDArray[np.floating], mask: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Half the squared difference of two movies, each around its mean and in its standard deviation inside a mask.

    Its mean over the mask's pixels and all frames is 1 − video correlation.

    Parameters
    ----------
    truth, found
        (T, H, W).
    mask
        (H, W) bool.

    Returns
    -------
    NDArray
        (T, pixels) of the mask.
    """
    return (standardised(truth, mask) - standardised(found, mask)) ** 2 / 2


def standardised(movie: NDArray[np.floating], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Pixels (T, pixels) of a mask around their mean, in their standard deviation; 0 where all are alike."""
    pixels = movie[:, mask].astype(np.float64)
    centred = pixels - pixels.mean()
    return centred / (centred.std() or 1.0)
