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
