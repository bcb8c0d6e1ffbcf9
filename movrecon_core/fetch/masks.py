"""The authors' transparency masks, as their scripts store them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import FetchError
from movrecon_core.recordings import FRAME_WIDTH, load_array


def published_mask(path: Path) -> NDArray[np.float32]:
    """Read a transparency mask, one .npy file a mouse.

    Parameters
    ----------
    path
        ``mask_m<mouse>.npy``.

    Returns
    -------
    NDArray
        (64, 64), unthresholded alpha of the padded frame.

    Raises
    ------
    RecordingError
        If the file is missing or not readable.
    FetchError
        If it holds anything else.
    """
    alpha = load_array(path)
    if alpha.shape != (FRAME_WIDTH, FRAME_WIDTH) or alpha.dtype.kind != "f" or not np.isfinite(alpha).all():
        raise FetchError(
            f"{path}: expected a mask of {FRAME_WIDTH} × {FRAME_WIDTH} finite numbers, found {alpha.shape}"
        )
    return alpha.astype(np.float32)
