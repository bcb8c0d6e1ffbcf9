"""Images as tidy tables, one row a pixel."""

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis import SKIPPED_FRAMES


def labelled(images: NDArray, **coordinates: object) -> xr.DataArray:
    """Label images (..., y, x): one coordinate for each leading dimension, pixel numbers for the last two."""
    height, width = images.shape[-2:]
    named = {**coordinates, "y": np.arange(height), "x": np.arange(width)}
    return xr.DataArray(images, dims=list(named), coords=named)


def image_table(images: xr.DataArray, name: str) -> pd.DataFrame:
    """Pixels of labelled images, one row a pixel, ordered as they are drawn.

    Parameters
    ----------
    images
        Any dimensions, the last two ``y`` and ``x``; every dimension has coordinates.
    name
        Column of the pixels' values.
    """
    return images.to_dataframe(name).reset_index()[[*map(str, images.dims), name]].round({name: 3})


def shown_frames(length: int, count: int) -> NDArray[np.int_]:
    """Numbers of the frames in the middle of equal parts of what is evaluated of a movie.

    Of the very last frames the responses tell nothing: they come too late.

    Examples
    --------
    >>> shown_frames(300, 3).tolist()
    [75, 165, 255]
    """
    edges = np.linspace(SKIPPED_FRAMES, length, count + 1)
    return ((edges[:-1] + edges[1:]) / 2).astype(int)
