"""Short names for content: of files and of definitions."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from movrecon_core.errors import RecordingError, StoreError
from movrecon_core.storage.files import read_json, write_json


def digest(definition: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON of a definition, so that equal definitions have equal names."""
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content.

    Raises
    ------
    StoreError
        If the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from None


class FileDigests:
    """Digests of large files, kept beside the results under (path, size, time of change).

    Parameters
    ----------
    cache
        JSON file that keeps them between runs.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        known = read_json(cache) if cache.is_file() else None
        self._known: dict[str, list[Any]] = known if isinstance(known, dict) else {}
        self._changed = False

    def of(self, path: Path, read: Callable[[Path], str] = file_digest) -> str:
        """Digest of one file, read only where it has changed since it was last seen."""
        try:
            status = path.stat()
        except OSError:
            raise RecordingError(f"{path}: no such file") from None
        seen = [status.st_size, status.st_mtime_ns]
        place = os.path.realpath(path)  # a link to another place is another file, even one as large and as old
        entry = self._known.get(place)
        if entry is None or entry[:2] != seen:
            entry = [*seen, read(path)]
            self._known[place] = entry
            self._changed = True
        return str(entry[2])

    def save(self) -> None:
        """Keep what was computed since the last call."""
        if self._changed:
            write_json(self._cache, self._known)
            self._changed = False
