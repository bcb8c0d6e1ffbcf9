"""Frames at half the resolution, which is more than responses tell of them."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH

ROWS, COLUMNS = FRAME_HEIGHT // 2, FRAME_WIDTH // 2
PIXELS = ROWS * COLUMNS


def halved(movie: NDArray[np.floating]) -> NDArray[np.float32]:
    """Mean of each two by two pixels of a movie (T, 36, 64), as (T, 576)."""
    return movie.reshape(-1, ROWS, 2, COLUMNS, 2).mean(axis=(2, 4)).reshape(-1, PIXELS).astype(np.float32)


def doubled(pixels: NDArray[np.floating]) -> NDArray[np.float32]:
    """A movie (T, 36, 64) from (T, 576), bilinear between the pixels' centres, within 0..255."""
    small = torch.from_numpy(np.asarray(pixels, dtype=np.float32)).view(-1, 1, ROWS, COLUMNS)
    return F.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)[:, 0].clamp(0, 255).numpy()
