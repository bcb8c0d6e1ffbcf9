"""Fixtures that several test files share."""

import os
import re
import subprocess
import sys
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before numpy and torch, which read them once: threads of tests side by side would wait for one another.
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np
import pytest
from hypothesis import settings

import movrecon_core  # noqa: F401 - before torch, which reads how its threads wait

# A shared machine may be slow at any moment: examples are judged by their result, not by their time.
settings.register_profile("movrecon", deadline=None)
settings.load_profile("movrecon")

pytest_plugins = ["archive_server", "browser", "small_study"]

LONGEST = ("smoke_study", "test_smoke_study", "prepared", "test_real_mice", "test_wheel")
"""Groups of tests that take minutes: one that came last would keep one process busy, and the other waiting."""

GOLDEN = Path(os.environ.get("MOVRECON_GOLDEN", Path(__file__).parent / "golden"))


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run in two processes, those of a file, or of one costly study, stay together; the longest begin."""
    groups = {}
    for item in items:
        names = getattr(item, "fixturenames", ())
        groups[item] = next((name for name in ("smoke_study", "prepared") if name in names), item.path.stem)
        item.add_marker(pytest.mark.xdist_group(groups[item]))
    items.sort(key=lambda item: LONGEST.index(groups[item]) if groups[item] in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def smoke_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the whole smoke study, run as a user runs it."""
    out = tmp_path_factory.mktemp("study") / "smoke"
    command = ["run", "--profile", "smoke", "--out", str(out), "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "-m", "movrecon_core.cli", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (out / "printed.txt").write_text(done.stdout)
    return out


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of golden numbers: the repository's copy, or another set of the same form."""
    return GOLDEN


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give `golden_run` the letter of every reconstruction in the golden numbers."""
    if "golden_run" in metafunc.fixturenames:
        with np.load(GOLDEN / "reconstruction.npz") as arrays:
            names = [re.fullmatch(r"(\w)_video_after_\d+", name) for name in arrays.files]
        metafunc.parametrize("golden_run", sorted({name[1] for name in names if name}))
