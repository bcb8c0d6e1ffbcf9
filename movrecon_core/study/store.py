"""The results: one file a unit of work, named after what defines it, written whole or not at all."""

import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr
import zarr
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

from movrecon_core.errors import StoreError
from movrecon_core.study.files import replacing
from movrecon_core.study.fingerprints import digest


@dataclass(frozen=True)
class Unit:
    """One piece of work that is computed once and stored under a name of its own.

    Attributes
    ----------
    kind
        Folder in the store: ``masks``, ``reconstructions``.
    label
        Readable start of the file's name.
    definition
        All that decides the result (inputs' fingerprints, parameters, code), as JSON.
    """

    kind: str
    label: str
    definition: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.label}-{digest(self.definition)[:12]}"


@dataclass(frozen=True)
class Store:
    """Labelled arrays on disk, one ``<kind>/<label>-<digest>.zarr.zip`` a unit.

    Attributes
    ----------
    root
        Folder of the results.
    """

    root: Path

    def path(self, unit: Unit) -> Path:
        return self.root / unit.kind / f"{unit.name}.zarr.zip"

    def has(self, unit: Unit) -> bool:
        return self.path(unit).is_file()

    def load(self, unit: Unit) -> xr.Dataset | None:
        """Read a unit; None where it is not there, or is damaged and was set aside as ``*.damaged``."""
        path = self.path(unit)
        if not path.is_file():
            return None
        try:
            dataset = read_dataset(path)
            if json.loads(dataset.attrs["definition"]) == json.loads(json.dumps(unit.definition)):
                return dataset
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError, NotImplementedError):
            pass
        except (zipfile.BadZipFile, zlib.error, struct.error):
            pass
        os.replace(path, path.with_name(path.name + ".damaged"))
        return None

    def require(self, unit: Unit) -> xr.Dataset:
        """Read a unit that must be there.

        Raises
        ------
        StoreError
            If it is missing or damaged.
        """
        dataset = self.load(unit)
        if dataset is None:
            raise StoreError(f"{self.path(unit)}: missing or damaged; run `movrecon run` again to compute it")
        return dataset

    def save(self, unit: Unit, dataset: xr.Dataset, provenance: Mapping[str, Any]) -> None:
        """Write a unit with its definition and provenance in the attributes.

        Raises
        ------
        StoreError
            If the folder cannot be written to or the disk is full.
        """
        definition = json.dumps(unit.definition, sort_keys=True)
        labelled = dataset.assign_attrs({**dataset.attrs, **provenance, "definition": definition})
        with replacing(self.path(unit)) as temporary:
            temporary.write_bytes(_zipped(labelled))


def read_dataset(path: Path) -> xr.Dataset:
    """Read one unit's file into memory, checking every member's checksum."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"{path}: {damaged} has a wrong checksum")
    store = zarr.storage.ZipStore(path, mode="r")
    try:
        return xr.open_zarr(store, consolidated=False).load()
    finally:
        store.close()


def unit_attributes(store: Store, unit: Unit) -> dict[str, Any]:
    """Attributes of a stored unit alone, without its arrays; empty where it is not there."""
    try:
        with zipfile.ZipFile(store.path(unit)) as archive:
            attributes: dict[str, Any] = json.loads(archive.read("zarr.json"))["attributes"]
            return attributes
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return {}


def _zipped(dataset: xr.Dataset) -> bytes:
    """The dataset as a zip file; made in memory because zarr's own zip store writes some members twice."""
    store = zarr.storage.MemoryStore()
    dataset.to_zarr(store, consolidated=False)
    return sync(_archive(store))


async def _archive(store: zarr.storage.MemoryStore) -> bytes:
    content = io.BytesIO()
    prototype = default_buffer_prototype()
    with zipfile.ZipFile(content, "w") as archive:
        for key in sorted([key async for key in store.list()]):
            value = await store.get(key, prototype)
            if value is not None:
                # A fixed date: the same arrays give the same bytes.
                archive.writestr(zipfile.ZipInfo(key, (2000, 1, 1, 0, 0, 0)), value.to_bytes())
    return content.getvalue()
