"""Two settings of the process, made when the package is imported; neither changes a result."""

import ctypes
import os
import sys

THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "10000"}
"""Environment variables of OpenMP; the count is about a third of a millisecond."""
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
