"""Two settings of the process, made when the package is imported; neither changes a result."""

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def share_cores() -> None:
    """Let waiting threads sleep.

    Spinning, they make everything several times slower as soon as another program shares the cores. Torch's OpenMP
    reads this when it is loaded; a value that is set already stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def keep_freed_memory() -> None:
    """Let glibc keep the memory of large arrays for the next ones.

    Training and inversion free and take the same arrays in every step. Asking the system for fresh pages each time
    costs a quarter to a third of the time (light encoder, demo size, two cores). Other C libraries are left alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 2**30)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
