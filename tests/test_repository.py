"""What the repository holds: little enough to clone in seconds."""

import shutil
import subprocess

import pytest

from movrecon_core.recordings import Recording
from movrecon_core.storage.paths import EXAMPLE, REPOSITORY

MOST_BYTES = 12_000_000
"""Of all tracked files together, without their history."""
MOST_EXAMPLE_BYTES = 4_000_000
"""Of the recording and encoder that come along for the quickstart."""


@pytest.mark.skipif(
    shutil.which("git") is None or not (REPOSITORY / ".git").exists(), reason="not a clone, or git is not installed"
)
def test_tracked_files_are_small() -> None:
    command = ["git", "-C", str(REPOSITORY), "-c", f"safe.directory={REPOSITORY}", "ls-files", "-z"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    files = [REPOSITORY / name for name in listed.split("\0") if name]
    sizes = sorted(((file.stat().st_size, file.name) for file in files if file.is_file()), reverse=True)
    assert sum(size for size, _ in sizes) <= MOST_BYTES, sizes[:10]


def test_the_example_is_small_and_stamped() -> None:
    files = [file for file in EXAMPLE.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    assert sum(file.stat().st_size for file in files) <= MOST_EXAMPLE_BYTES
    assert Recording(EXAMPLE / "mouse").simulated
    assert len(Recording(EXAMPLE / "mouse").trials) == 3
    assert (EXAMPLE / "make.py").is_file()
