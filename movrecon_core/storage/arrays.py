"""Labelled arrays as the members of an archive (zarr, format 3), and back, with nothing in them trusted."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from zarr.core.buffer import cpu, default_buffer_prototype
from zarr.core.sync import sync
from zarr.storage import MemoryStore

from movrecon_core.storage.archive import DamagedError

_LIMIT = 2**33
"""Most bytes that one unit's arrays may take; larger ones were not written by us."""
_CODECS = {"bytes", "vlen-utf8", "zstd"}
"""What `members_of` writes; zarr has others, and its older formats one that unpickles."""


def members_of(dataset: xr.Dataset) -> dict[str, bytes]:
    """A dataset as files of zarr's format 3."""
    store = MemoryStore()
    dataset.to_zarr(store, consolidated=False, zarr_format=3)
    return sync(_content(store))


def dataset_of(members: Mapping[str, bytes]) -> xr.Dataset:
    """The dataset in an archive's members, in memory.

    Raises
    ------
    DamagedError
        If it is not one that `members_of` could have written.
    """
    try:
        size = sum(_array_bytes(json.loads(text)) for name, text in members.items() if name.endswith("/zarr.json"))
        if size > _LIMIT:
            raise DamagedError(f"arrays of {size} bytes")
        store = MemoryStore({name: cpu.Buffer.from_bytes(value) for name, value in members.items()}, read_only=True)
        return xr.open_zarr(store, consolidated=False, zarr_format=3, chunks=None).load()
    except DamagedError:
        raise
    except Exception as error:  # zarr and xarray raise anything on what they cannot read
        raise DamagedError(" ".join(str(error).split()) or type(error).__name__) from None


def _array_bytes(metadata: Mapping[str, Any]) -> int:
    """Size of an array by its own account, after a look at how it is encoded."""
    if not {codec["name"] for codec in metadata["codecs"]} <= _CODECS:
        raise DamagedError(f"unknown codecs {metadata['codecs']}")
    kind = metadata["data_type"]
    if isinstance(kind, dict):
        item = int(kind["configuration"]["length_bytes"])
    else:
        item = 8 if kind == "string" else np.dtype(kind).itemsize
    sizes = [*metadata["shape"], *metadata["chunk_grid"]["configuration"]["chunk_shape"]]
    if not all(type(size) is int and 0 <= size <= _LIMIT for size in sizes) or item < 0:
        raise DamagedError(f"impossible sizes {sizes}")
    chunk = sizes[len(metadata["shape"]) :]
    return item * max(math.prod(metadata["shape"]), math.prod(chunk))


async def _content(store: MemoryStore) -> dict[str, bytes]:
    prototype = default_buffer_prototype()
    keys = [key async for key in store.list()]
    values = {key: await store.get(key, prototype) for key in keys}
    return {key: value.to_bytes() for key, value in values.items() if value is not None}
