"""What an encoder that sees every second frame makes of a temporal frequency (article, Fig. 4–S1)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from movrecon_core.recordings import FRAME_RATE


def apparent_frequency(frequency: ArrayLike, frame_step: int) -> NDArray[np.float64]:
    """Lowest frequency with the same samples at every `frame_step`-th frame of a movie of 30 Hz.

    Parameters
    ----------
    frequency
        Hz.
    frame_step
        1: every frame is seen; 2: every second one, as by DwiseNeuro. At 15 Hz it then sees a movie that stands still.

    Returns
    -------
    NDArray
        Hz, 0 to half the rate at which frames are seen.

    Examples
    --------
    >>> apparent_frequency([15.0, 7.5, 3.75], frame_step=2).tolist()
    [0.0, 7.5, 3.75]
    """
    rate = FRAME_RATE / frame_step
    values = np.asarray(frequency, dtype=np.float64)
    return np.abs(values - rate * np.round(values / rate))
