"""Several instances' movies into one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

SMOOTHING = 0.5  # article, Video reconstruction: pixels and frames


def ensemble(movies: Sequence[NDArray[np.floating]], sigma: float | None = SMOOTHING) -> NDArray[np.floating]:
    """Mean of the instances' movies, then a Gaussian filter over frames, rows and columns.

    Parameters
    ----------
    movies
        One (T, H, W) an instance, cropped or not.
    sigma
        Pixels and frames; None: no filter (noise and gratings).

    Returns
    -------
    NDArray
        (T, H, W).
    """
    mean = np.mean(movies, axis=0)
    return mean if sigma is None else gaussian_filter(mean, sigma)
