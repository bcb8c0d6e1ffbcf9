"""Settings of the process, none of which changes a result: two for all that import the package, the others for the
command."""

import ctypes
import io
import multiprocessing
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "10000"}
"""Environment variables of OpenMP; the count is about a third of a millisecond."""
CONTAINER = Path("/sys/fs/cgroup")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def share_cores() -> None:
    """Let waiting threads sleep after a fraction of a millisecond.

    Spinning for long, they make everything several times slower as soon as another program shares the cores; sleeping
    at once, they are woken too late for layers that take as little time. Torch's OpenMP reads this when it is loaded;
    values that are set already stay.
    """
    for name, value in THREADS.items():
        os.environ.setdefault(name, value)


def keep_freed_memory() -> None:
    """Let glibc keep the memory of large arrays for the next ones.

    Training and inversion free and take the same arrays in every step. Asking the system for fresh pages each time
    costs a quarter to a third of the time (light encoder, demo size, two cores). Other C libraries are left alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 2**30)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def give_back_memory() -> None:
    """Return what `keep_freed_memory` keeps to the system, between tasks: the next ones take arrays of other sizes."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def memory_limit() -> int:
    """Bytes of memory that the computer has, or the container that this process runs in."""
    return min(psutil.virtual_memory().total, _container("memory.max", sys.maxsize))


def memory_left() -> int:
    """Bytes of it that nobody uses."""
    used = _container("memory.current", 0) - _container("memory.stat", 0, "inactive_file")  # files' pages can go
    return min(psutil.virtual_memory().available, max(0, _container("memory.max", sys.maxsize) - used))


def _container(name: str, otherwise: int, key: str | None = None) -> int:
    """A number of the container's, in the files of Linux's control groups; `otherwise` where there is none."""
    try:
        text = (CONTAINER / name).read_text("utf-8")
    except OSError:
        return otherwise
    lines = [line.split() for line in text.splitlines()]
    found = [words[-1] for words in lines if words and (key is None or words[0] == key)]
    return int(found[0]) if found and found[0].isdigit() else otherwise


def open_standard_streams() -> None:
    """Let nothing be written to a file by mistake where the command was started with a stream closed (``2>&-``).

    What a stream's encoding has no sign for is written as ``\\xe4``: a name or a ``×`` is no reason to stop.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8")  # noqa: SIM115 - for as long as the process
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def ignore_display() -> None:
    """Draw into files, whatever display a left-over ``MPLBACKEND`` asks matplotlib for; notebooks choose theirs."""
    os.environ.pop("MPLBACKEND", None)


def ignore_working_folder() -> None:
    """Let the Python processes that are started, kernels and the book's build, import nothing from where the command
    was started: there may be a ``random.py``."""
    os.environ["PYTHONSAFEPATH"] = "1"


@contextmanager
def usable_home() -> Iterator[None]:
    """Give libraries a folder for their caches where the user has no home, or may not write to it, as in containers."""
    try:
        home = Path.home()
        usable = os.access(home, os.W_OK | os.X_OK)
    except RuntimeError:
        usable = False
    if usable:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="movrecon-home-", ignore_cleanup_errors=True) as folder:
        before = os.environ.get("HOME")
        os.environ["HOME"] = folder
        try:
            yield
        finally:
            os.environ.pop("HOME")
            if before is not None:
                os.environ["HOME"] = before


def end_with_parent() -> None:
    """Let this process end with the one that started it, however that ends."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
