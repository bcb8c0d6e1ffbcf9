"""Files that are there whole or not at all."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from movrecon_core.errors import StoreError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; what was written there takes its place when the block ends well.

    Raises
    ------
    StoreError
        If the folder cannot be written to or the disk is full.
    """
    temporary = path.with_name(f".{os.getpid()}.tmp.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        with suppress_os_error():
            temporary.unlink(missing_ok=True)


@contextmanager
def suppress_os_error() -> Iterator[None]:
    """Clean up where it is possible; the error that matters is already on its way."""
    try:
        yield
    except OSError:
        return


def remove_abandoned(folder: Path) -> None:
    """Remove temporary files of processes that were killed; those of running ones stay."""
    for path in folder.rglob(".*.tmp.*"):
        process = path.name.split(".")[1]
        if process.isdigit() and not psutil.pid_exists(int(process)):
            with suppress_os_error():
                path.unlink(missing_ok=True)


def require_writable(folder: Path) -> None:
    """Stop before any work where results could not be written.

    Raises
    ------
    StoreError
        If the folder cannot be made or written to.
    """
    with replacing(folder / ".writable") as temporary:
        temporary.touch()
    (folder / ".writable").unlink()


def write_json(path: Path, content: Any) -> None:
    """Write JSON with sorted keys, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Content of a JSON file, or None where it cannot be read as such."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
