"""What the process does with memory, seen from the system."""

import platform
import subprocess
import sys

import pytest

MEMORY = """
import numpy as np
import psutil

import movrecon_core
from movrecon_core.process import give_back_memory

resident = lambda: psutil.Process().memory_info().rss / 1e6
before = resident()
arrays = [np.ones(2**17) for _ in range(400)]  # of 1 MB
taken, arrays = resident(), None
kept = resident()
give_back_memory()
print(before, taken, kept, resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left alone")
def test_freed_memory_is_kept_until_it_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    before, taken, kept, left = map(float, done.stdout.split())
    assert taken - before > 350
    assert taken - kept < 50
    assert left - before < 50
