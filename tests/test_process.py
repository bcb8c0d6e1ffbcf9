"""What the process does with memory, seen from the system."""

import platform
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from movrecon_core import process

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


def test_a_container_s_memory_is_what_its_limit_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "CONTAINER", tmp_path)
    assert process.memory_limit() == psutil.virtual_memory().total
    (tmp_path / "memory.max").write_text("900000\n")
    (tmp_path / "memory.current").write_text("500000\n")
    (tmp_path / "memory.stat").write_text("anon 300000\ninactive_file 150000\n")
    assert (process.memory_limit(), process.memory_left()) == (900_000, 550_000)
    (tmp_path / "memory.max").write_text("max\n")
    assert process.memory_limit() == psutil.virtual_memory().total
    assert process.memory_left() > 1_000_000
