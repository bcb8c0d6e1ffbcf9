"""Comparison with golden numbers, of which a file may hold a sample: every n-th entry along each axis."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def at_golden(found: ArrayLike, arrays: np.lib.npyio.NpzFile, name: str) -> NDArray[Any]:
    """What was found, at the entries that the golden array holds.

    Parameters
    ----------
    found
        The whole result.
    arrays
        Golden file. Where an array is a sample, ``stride/NAME`` says every how many-th entry of each axis it holds, and
        ``shape/NAME`` the shape of the whole; without these it is whole.
    name
        Of the golden array.

    Raises
    ------
    AssertionError
        If the result has not the shape of the whole array.
    """
    found = np.asarray(found)
    if f"stride/{name}" not in arrays.files:
        return found
    assert found.shape == tuple(arrays[f"shape/{name}"]), name
    return found[tuple(slice(None, None, step) for step in arrays[f"stride/{name}"])]


def assert_golden(found: ArrayLike, arrays: np.lib.npyio.NpzFile, name: str, **tolerances: float) -> None:
    """Compare a result with a golden array or its sample; tolerances as for `numpy.testing.assert_allclose`."""
    np.testing.assert_allclose(at_golden(found, arrays, name), arrays[name], err_msg=name, **tolerances)
