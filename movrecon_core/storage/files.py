"""Files that are there whole or not at all."""

import json
import os
import re
import shutil
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from movrecon_core.errors import StoreError

DAMAGED = ".damaged"
"""What is added to the name of a file that is not what was written."""

_HOST = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; what was written there takes its place when the block ends well.

    It is on the disk, not only in the system's memory, before it gets its name: a power cut leaves the old or the new.

    Raises
    ------
    StoreError
        If the folder cannot be written to or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with renaming(path) as temporary:
            yield temporary
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror or error}); what was finished is kept, "
            "and the same command goes on from there"
        ) from None


@contextmanager
def renaming(path: Path) -> Iterator[Path]:
    """As `replacing`, in a folder that is there, for callers that have their own word for what the system refuses."""
    with renaming_together([path]) as (temporary,):
        yield temporary


@contextmanager
def renaming_together(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """As `renaming`, of several files: all are on the disk before the first gets its name.

    So a process that is killed leaves all of them or none, but for the moment that the names themselves take.
    """
    writer = f"{os.getpid()}.{threading.get_native_id()}"  # of the threads of a process each writes its own
    temporaries = [path.with_name(f".{_HOST}.{writer}.tmp.{path.name}") for path in paths]
    try:
        yield temporaries
        for temporary in temporaries:
            _flush(temporary)
        for temporary, path in zip(temporaries, paths, strict=True):
            os.replace(temporary, path)
        for folder in {path.parent for path in paths}:
            _flush(folder)
    finally:
        with suppress_os_error():
            for temporary in temporaries:
                temporary.unlink(missing_ok=True)


@contextmanager
def renaming_folder(path: Path) -> Iterator[Path]:
    """Give a new folder under a temporary name; it takes the place of `path` when the block ends well.

    The name is always the same: what a killed process left there is removed by the next. One process at a time.
    """
    temporary = path.with_name(f".{path.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        shutil.rmtree(path, ignore_errors=True)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def suppress_os_error() -> Iterator[None]:
    """Clean up where it is possible; the error that matters is already on its way."""
    try:
        yield
    except OSError:
        return


def remove_abandoned(folder: Path) -> None:
    """Remove temporary files of processes of this computer that were killed; those of others and running ones stay."""
    for path in folder.rglob(f".{_HOST}.*.tmp.*"):
        process = path.name.split(".")[2]
        if process.isdigit() and not psutil.pid_exists(int(process)):
            with suppress_os_error():
                path.unlink(missing_ok=True)


def set_aside(path: Path, inode: int | None = None) -> None:
    """Rename a damaged file to ``*.damaged``, unless another run has replaced it meanwhile.

    Parameters
    ----------
    path
        Where it was found.
    inode
        Of the file that is damaged; None: the one that is there now.

    Raises
    ------
    StoreError
        If it cannot be renamed.
    """
    try:
        if inode is None or path.stat().st_ino == inode:
            os.replace(path, path.with_name(f"{path.name}{DAMAGED}"))
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"{path}: damaged, and cannot be set aside ({error.strerror or error})") from None


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_writable(folder: Path) -> None:
    """Stop before any work where results could not be written.

    Raises
    ------
    StoreError
        If the folder cannot be made or written to.
    """
    with replacing(folder / ".writable") as temporary:
        temporary.touch()
    (folder / ".writable").unlink(missing_ok=True)  # of two runs that begin together one has done so


def write_json(path: Path, content: Any) -> None:
    """Write JSON with sorted keys, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Content of a JSON file, or None where it cannot be read as such."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def notebook_cells(path: Path) -> list[dict[str, Any]]:
    """Cells of a notebook (format 4), each with its source as one text; nbformat takes one to two seconds to import.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no such notebook.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    try:
        return [{**cell, "source": "".join(cell["source"])} for cell in content["cells"]]
    except (KeyError, TypeError) as error:
        raise ValueError(f"no cells with a source: {error}") from None
