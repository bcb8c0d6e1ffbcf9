"""The compiled kernels on 64-bit ARM: built by a cross compiler, run by an emulator, compared with this processor's."""

import ctypes
import platform
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from movrecon_core.encoders.kernels import FLAGS, OPENMP, SOURCE, compiled

DRIVER = Path(__file__).with_name("kernels_driver.cpp")
CROSS, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"
MISSING = [tool for tool in ("c++", CROSS, EMULATOR) if shutil.which(tool) is None]


def results(folder: Path, compiler: str, *command: str, flags: tuple[str, ...] = (OPENMP,)) -> np.ndarray:
    """What the driver prints, which is compiled with the kernels' own flags."""
    program = folder / compiler
    build = [compiler, *FLAGS, *flags, "-static", str(SOURCE), str(DRIVER), "-o", str(program)]
    subprocess.run(build, check=True, capture_output=True, timeout=300)
    printed = subprocess.run([*command, str(program)], check=True, capture_output=True, timeout=300).stdout
    return np.frombuffer(printed, np.float32)


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (g++-aarch64-linux-gnu, qemu-user)")
def test_arm_computes_the_same(tmp_path: Path) -> None:
    here, arm = results(tmp_path, "c++"), results(tmp_path, CROSS, EMULATOR)
    assert len(here) == len(arm) > 50_000
    float32, bfloat16 = np.split(np.abs(here - arm) / (1 + np.abs(here)), 2)
    assert np.isfinite(here).all()
    assert float32.max() < 5e-5
    assert bfloat16.max() < 2**-7  # a value that is nearly half-way may be rounded to either side
    assert len(np.unique(here)) > 10_000


@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="for processors with registers of other widths")
def test_every_register_width_computes_the_same(tmp_path: Path) -> None:
    """Whatever this processor has: the narrowest that all have, and the one at hand."""
    narrow, here = (results(tmp_path, "c++", flags=(OPENMP, f"-march={t}")) for t in ("x86-64", "native"))
    assert np.abs((narrow - here) / (1 + np.abs(here)))[: len(here) // 2].max() < 5e-5


@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
def test_without_openmp_it_is_built_for_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by the compiler of macOS: the same numbers, and not refused for want of it."""
    assert np.array_equal(results(tmp_path, "c++", flags=()), results(tmp_path, "c++"))
    compiler = tmp_path / "compiler"
    compiler.write_text('#!/bin/sh\ncase "$*" in *-fopenmp*) exit 1; esac\nexec c++ "$@"\n')
    compiler.chmod(0o700)
    monkeypatch.setenv("CXX", str(compiler))
    library = ctypes.CDLL(str(compiled(tmp_path / "cache")))
    assert library.spatial_float32 is not None
