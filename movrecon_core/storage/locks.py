"""Locks of the operating system, where the file system has them."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from movrecon_core.errors import StoreError

_WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


def acquire(lock: FileLock, timeout: float = -1) -> None:
    """Acquire a lock; a negative `timeout` waits as long as it takes.

    Raises
    ------
    StoreError
        If the file system has no locks: names the folder and what to do.
    Timeout
        If another process holds it for too long.
    """
    try:
        lock.acquire(timeout=timeout)
    except Timeout:
        raise
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in _WITHOUT_LOCKS:
            raise
        raise StoreError(
            f"{Path(lock.lock_file).parent}: its file system has no locks ({getattr(error, 'strerror', '') or error}); "
            "choose a folder for results on another one, such as a local disk, or have locks enabled"
        ) from None


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """What one run does at a time in a folder; another one waits, and then finds it done."""
    lock = FileLock(out / ".lock", fallback_to_soft=False)
    try:
        acquire(lock, timeout=0)
    except Timeout:
        print(f"waiting for another run in {out}", file=sys.stderr)
        acquire(lock)
    try:
        yield
    finally:
        lock.release()
