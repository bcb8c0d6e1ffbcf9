"""Full, read-only and limited disks, two runs at once, bits that flip: what was finished stays, the rest goes on."""

import os
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from small_study import CPU, PROFILE, UNITS, stored

from movrecon_core.errors import ProfileError, StoreError
from movrecon_core.storage.status import set_damaged_aside
from movrecon_core.study import open_study
from movrecon_core.study.profile import parse_profile
from movrecon_core.study.run.schedulers import run_stages
from movrecon_core.study.run.schedulers.attempts import Outcome
from movrecon_core.study.run.schedulers.local import Local
from movrecon_core.study.stage import Stage, Task
from movrecon_core.study.stages.encoders import ENCODERS
from movrecon_core.study.stages.reconstructions import RECONSTRUCTIONS
from movrecon_core.study.study import Study

pytestmark = pytest.mark.usefixtures("single")


class Counting:
    """The local scheduler, which also counts what it computed."""

    def __init__(self) -> None:
        self.done = 0

    def run(self, stages: Sequence[Stage], tasks: Sequence[Task], study: Study) -> Iterator[Outcome]:
        for outcome in Local(CPU).run(stages, tasks, study):
            self.done += len(outcome.task.units) if outcome.state == "done" else 0
            yield outcome


def test_two_runs_at_once_compute_each_unit_once(copied: Path, undisturbed: dict[str, bytes]) -> None:
    schedulers = [Counting(), Counting()]
    runs = [threading.Thread(target=run_stages, args=((RECONSTRUCTIONS,), open_study(copied), s)) for s in schedulers]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert stored(copied) == undisturbed
    assert sum(scheduler.done for scheduler in schedulers) == UNITS
    assert all(scheduler.done for scheduler in schedulers)


def first_unit(out: Path) -> int:
    """Compute one unit; bytes of its file."""
    study = open_study(out)
    next(iter(Local(CPU).run((RECONSTRUCTIONS,), RECONSTRUCTIONS.tasks(study)[:1], study)))
    (file,) = (out / "store" / "reconstructions").glob("*.zarr.zip")
    return file.stat().st_size


def test_a_full_disk(prepared: Path, tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        out = Path(shutil.copytree(prepared, disk / "study"))
        room, ballast = 3 * first_unit(out), disk / "ballast"
        ballast.write_bytes(bytes(shutil.disk_usage(disk).free - room))
        with pytest.raises(StoreError, match=r"\(No space left on device\); what was finished is kept"):
            run_stages((RECONSTRUCTIONS,), open_study(out), Local(CPU))
        finished = stored(out)
        assert 1 <= len(finished) < UNITS
        assert finished.items() <= undisturbed.items()
        assert not list(out.rglob(".*.tmp.*"))
        ballast.unlink()
        run_stages((RECONSTRUCTIONS,), open_study(out), Local(CPU))
        assert stored(out) == undisturbed
    finally:
        subprocess.run(["umount", disk], check=False)


def test_a_read_only_disk(prepared: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "--bind", prepared, disk], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", disk], check=True)
        before = stored(prepared)
        with pytest.raises(StoreError, match="Read-only file system"):
            run_stages((RECONSTRUCTIONS,), open_study(disk), Local(CPU))
        assert stored(prepared) == before
    finally:
        subprocess.run(["umount", disk], check=False)


def test_a_limit_on_what_may_be_written(copied: Path, tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    """As with a quota: writing fails in the middle of a file."""
    profile = tmp_path / "schedulers.yaml"
    profile.write_text(str(PROFILE).replace("None", "null").replace("False", "false"))
    command = [sys.executable, "-m", "movrecon_core.cli", "reconstruct", "--profile", str(profile)]
    command += ["--out", str(copied), "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    size = 20_000  # bytes; the unit that compresses best, nearly all of it grey, has 72,000
    first_unit(copied)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    limited = subprocess.run(command, preexec_fn=limit, env=environment, capture_output=True, text=True, check=False)
    assert limited.returncode == 1
    # Python may warn, after all is said, that the processes that were stopped have left semaphores to it.
    said = [line for line in limited.stderr.splitlines() if "resource_tracker" not in line]
    assert "cannot be written (File too large)" in said[-1]
    assert "Traceback" not in limited.stderr
    assert len(stored(copied)) == 1
    subprocess.run(command, env=environment, capture_output=True, check=True)
    assert stored(copied) == undisturbed


def test_units_that_were_damaged_are_computed_again(copied: Path, undisturbed: dict[str, bytes]) -> None:
    run_stages((RECONSTRUCTIONS,), open_study(copied), Local(CPU))
    files = sorted((copied / "store" / "reconstructions").glob("*.zarr.zip"))
    for place, file in zip((0.001, 0.5, 0.999), files, strict=False):
        content = bytearray(file.read_bytes())
        content[int(place * len(content))] ^= 1
        file.write_bytes(content)
    assert RECONSTRUCTIONS.tasks(open_study(copied)) == []  # nothing is read before it is needed
    set_damaged_aside(copied)
    scheduler = Counting()
    run_stages((RECONSTRUCTIONS,), open_study(copied), scheduler)
    assert scheduler.done == 3
    assert stored(copied) == undisturbed
    assert len(list(copied.rglob("*.damaged"))) == 3


def test_an_encoder_that_was_damaged_is_trained_again(copied: Path) -> None:
    assert ENCODERS.tasks(open_study(copied)) == []
    checkpoint = sorted((copied / "encoders").glob("instance-1-*.pth"))[0]
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.write_bytes(content)
    (task,) = ENCODERS.tasks(open_study(copied))
    assert task.keys == ((1,),)
    assert [file.name for file in copied.rglob("*.damaged")] == [f"{checkpoint.name}.damaged"]


@pytest.mark.parametrize("word", ["a b", "a\nrm -rf /", "$(id)", "`id`", "a;b", "", "a&b", "a|b", "'"])
def test_a_profile_puts_no_command_into_a_job(word: str) -> None:
    for settings in ({"queue": word}, {"options": {word: "1"}}, {"options": {"gres": word}}, {"walltime": word}):
        with pytest.raises(ProfileError, match="cluster"):
            parse_profile({"name": "x", "cluster": settings}, "x.yaml")
