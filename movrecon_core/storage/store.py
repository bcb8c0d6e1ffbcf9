"""The results: one file a unit of work, named after what defines it, written whole or not at all."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import xarray as xr

from movrecon_core.errors import StoreError
from movrecon_core.storage.archive import DamagedError, attributes, attributes_of, opened, sealed
from movrecon_core.storage.arrays import dataset_of, members_of
from movrecon_core.storage.files import renaming_together, replacing, set_aside
from movrecon_core.storage.fingerprints import digest

SUFFIX = ".zarr.zip"
_NAME = re.compile(r"(.+)-[0-9a-f]{12}\.(?:pth|zarr\.zip)")
"""Of a unit's file: its label and its digest."""


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

    @cached_property
    def name(self) -> str:
        return f"{self.label}-{digest(self.definition)[:12]}"

    @property
    def full_name(self) -> str:
        """Its name among those of all kinds."""
        return f"{self.kind}/{self.name}"

    @property
    def file(self) -> str:
        """Where it is, below the store."""
        return f"{self.full_name}{SUFFIX}"


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
        return self.root / unit.file

    def has(self, unit: Unit) -> bool:
        """Whether a unit is there; its content is not looked at."""
        return self.path(unit).is_file()

    def names(self, kind: str) -> set[str]:
        """Names of all units of a kind that are there, from one look at their folder."""
        try:
            with os.scandir(self.root / kind) as entries:
                return {entry.name.removesuffix(SUFFIX) for entry in entries if entry.name.endswith(SUFFIX)}
        except FileNotFoundError:
            return set()

    def load(self, unit: Unit) -> xr.Dataset | None:
        """Read a unit; None where it is not there, or is damaged and was set aside as ``*.damaged``."""
        path = self.path(unit)
        try:
            with path.open("rb") as file:
                inode, content = os.fstat(file.fileno()).st_ino, file.read()
        except FileNotFoundError:
            return None
        except OSError as error:  # the disk's or the network's fault, perhaps: the file stays
            raise StoreError(f"{path}: cannot be read ({error.strerror or error})") from None
        try:
            members = opened(content)
            if attributes(members).get("definition") != _text(unit):
                raise DamagedError("another definition")
            return dataset_of(members)
        except DamagedError:
            set_aside(path, inode)
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
            path = self.path(unit)
            other = (
                "another version is there" if unit.label in labels(path.parent) else "missing, or damaged and set aside"
            )
            raise StoreError(f"{path}: {other}; `movrecon run` computes it again")
        return dataset

    def save(self, unit: Unit, dataset: xr.Dataset, provenance: Mapping[str, Any]) -> None:
        """Write a unit with its definition and provenance in the attributes.

        Raises
        ------
        StoreError
            If the folder cannot be written to or the disk is full.
        """
        with replacing(self.path(unit)) as temporary:
            temporary.write_bytes(_content(unit, dataset, provenance))

    def save_together(self, results: Sequence[tuple[Unit, xr.Dataset]], provenance: Mapping[str, Any]) -> None:
        """Write units that were computed together; a process killed meanwhile leaves all of them or none.

        What was computed together rounds as it did when it is computed together again, and not as each by itself.
        Where not all can be written, those that can be are.

        Raises
        ------
        StoreError
            As of `save`.
        """
        paths = [self.path(unit) for unit, _ in results]
        try:
            for folder in {path.parent for path in paths}:
                folder.mkdir(parents=True, exist_ok=True)
            with renaming_together(paths) as temporaries:
                for temporary, (unit, dataset) in zip(temporaries, results, strict=True):
                    temporary.write_bytes(_content(unit, dataset, provenance))
        except OSError:
            for unit, dataset in results:
                self.save(unit, dataset, provenance)


def labels(folder: Path) -> set[str]:
    """Labels of all units in a folder, of whatever version."""
    try:
        with os.scandir(folder) as entries:
            found = [_NAME.fullmatch(entry.name) for entry in entries]
    except OSError:
        return set()
    return {name[1] for name in found if name is not None}


def read_dataset(path: Path) -> xr.Dataset:
    """Read one unit's file into memory, checking its checksum.

    Raises
    ------
    StoreError
        If it is missing or damaged.
    """
    try:
        return dataset_of(opened(path.read_bytes()))
    except (OSError, DamagedError) as error:
        raise StoreError(f"{path}: missing or damaged ({error})") from None


def unit_attributes(store: Store, unit: Unit) -> dict[str, Any]:
    """Attributes of a stored unit alone, without its arrays; empty where it is not there."""
    return attributes_of(store.path(unit))


def _content(unit: Unit, dataset: xr.Dataset, provenance: Mapping[str, Any]) -> bytes:
    """A unit's file."""
    labelled = dataset.assign_attrs({**dataset.attrs, **provenance, "definition": _text(unit)})
    return sealed(members_of(labelled))


def _text(unit: Unit) -> str:
    return json.dumps(unit.definition, sort_keys=True)
