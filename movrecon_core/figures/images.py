"""Images as tidy tables, one row a pixel."""

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray


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
