"""Who computes what: a unit that one process has claimed is left alone by all others."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from movrecon_core.errors import StoreError

_SUFFIX = ".lock"


@contextmanager
def claimed(folder: Path, names: Sequence[str]) -> Iterator[bool]:
    """Claim several units together, or none of them.

    A claim is a lock of the operating system (`flock`), on a file of its own. It ends with the process that holds it,
    however that ends, holds between computers that share the folder over NFS, and knows no clock.

    Parameters
    ----------
    folder
        Where the lock files are; they go when the claim ends.
    names
        Of the units, ``kind/name``.

    Yields
    ------
    bool
        Whether all were free and are now claimed.

    Raises
    ------
    StoreError
        If the folder cannot be written to, or its file system has no locks.
    """
    with ExitStack() as held:
        try:
            for name in names:
                held.enter_context(_lock(folder / f"{name}{_SUFFIX}"))
        except Timeout:
            held.close()
            yield False
            return
        yield True


def running(folder: Path) -> list[str]:
    """Names of the units that are claimed now; what killed processes left behind is removed."""
    names = []
    for path in sorted(folder.rglob(f"*{_SUFFIX}")):
        if _is_held(path):
            names.append(str(path.relative_to(folder))[: -len(_SUFFIX)])
    return names


def _is_held(path: Path) -> bool:
    if not os.access(path, os.W_OK):
        return _held_by_another(path)
    try:
        with _lock(path):
            return False
    except Timeout:
        return True


def _held_by_another(path: Path) -> bool:
    """Whether a file that one may only read is locked; who may write removes what a killed process left."""
    try:
        import fcntl

        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except (OSError, ImportError):  # not every system tells
        return True
    return False


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    lock = FileLock(path, timeout=0, fallback_to_soft=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        if isinstance(error, Timeout):
            raise
        raise StoreError(f"{path}: cannot be locked ({error}); results must be on a file system with locks") from None
    try:
        yield
    finally:
        # While it is locked: whoever waits for this file finds it gone, and makes a new one.
        path.unlink(missing_ok=True)
        lock.release()
