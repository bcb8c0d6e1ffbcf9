"""Claims: one process at a time, whatever happens to it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from movrecon_core.storage.claims import claimed, running

UNITS = ["masks/a", "masks/b"]

COUNT = """
import os, sys
from pathlib import Path
from movrecon_core.storage.claims import claimed
folder, alone = Path(sys.argv[1]), Path(sys.argv[1]) / "alone"
held = 0
while held < 25:
    with claimed(folder / "claims", ["masks/a", "masks/b"]) as mine:
        if mine:
            os.close(os.open(alone, os.O_CREAT | os.O_EXCL))  # fails where another one is inside
            alone.unlink()
            held += 1
"""

HOLD = """
import sys, time
from pathlib import Path
from movrecon_core.storage.claims import claimed
with claimed(Path(sys.argv[1]), ["masks/a"]) as mine:
    print(mine, flush=True)
    time.sleep(60)
"""


def test_all_or_none(tmp_path: Path) -> None:
    with claimed(tmp_path, UNITS) as mine:
        assert mine
        assert running(tmp_path) == UNITS
        with claimed(tmp_path, ["masks/c", "masks/b"]) as others:
            assert not others
            assert running(tmp_path) == UNITS
    assert running(tmp_path) == []
    assert not list(tmp_path.rglob("*.lock"))


def test_processes_that_want_the_same_are_never_inside_together(tmp_path: Path) -> None:
    together = [subprocess.Popen([sys.executable, "-c", COUNT, str(tmp_path)]) for _ in range(3)]
    assert [process.wait(timeout=60) for process in together] == [0, 0, 0]


def test_a_claim_ends_with_its_process(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "True\n"
    assert running(tmp_path) == ["masks/a"]
    with claimed(tmp_path, UNITS) as mine:
        assert not mine
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert running(tmp_path) == []
    with claimed(tmp_path, UNITS) as mine:
        assert mine


def test_who_may_only_read_is_told_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that nobody holds, of a process that was killed, stays for its owner to remove."""
    left = tmp_path / "masks/b.lock"
    with claimed(tmp_path, ["masks/a"]) as mine:
        assert mine
        left.touch()
        monkeypatch.setattr("os.access", lambda path, mode: False)
        assert running(tmp_path) == ["masks/a"]
        assert left.is_file()
