"""A study so small that its units take a second, for what schedulers, Slurm and faults do to it."""

import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from movrecon_core.storage import CLAIMS, LOGS
from movrecon_core.storage.claims import running
from movrecon_core.storage.store import read_dataset
from movrecon_core.study import open_study
from movrecon_core.study.profile import parse_profile
from movrecon_core.study.run.pipeline import run_study
from movrecon_core.study.run.schedulers import run_stages
from movrecon_core.study.run.schedulers.local import Local
from movrecon_core.study.stages.reconstructions import RECONSTRUCTIONS

CPU = torch.device("cpu")
PROFILE = {
    "name": "schedulers",
    "trials_per_mouse": 1,
    "instances": 2,
    "batch_trials": 1,
    "simulation": {
        **{"mice": 2, "trials": 14, "neurons": 30, "frames": 90, "oracle_trials": 0},
        "others": [{"trials": 16, "neurons": 26, "frames": 96}],
    },
    "training": {
        "batch": 2,
        "segment_frames": 64,
        "segments_per_epoch": 8,
        "warm_up_epochs": 1,
        "cosine_epochs": 1,
        "learning_rate": 3e-3,
        "mixed_precision": False,
    },
    "mask": {"iterations": 10, "learning_rate": 1000.0},
    "receptive_fields": {"pixel_step": 4},
    "reconstruction": {"iterations": 12, "window_frames": None},
    "variations": {"trials_per_mouse": 0},
    "population": {"trials_per_mouse": 0},
    "noise": {"mice": 0},
    "gratings": {"mice": 0},
}
UNITS = 8  # a movie of each of 2 mice, 2 instances, 2 conditions


@contextmanager
def one_thread() -> Iterator[None]:
    """As the processes that share the cores with this one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def single() -> Iterator[None]:
    """One thread for a test."""
    with one_thread():
        yield


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with encoders and masks, and nothing reconstructed."""
    out = tmp_path_factory.mktemp("prepared") / "study"
    with one_thread():
        run_study(parse_profile(PROFILE, "test"), out, device="cpu", until="receptive_fields")
    return out


@pytest.fixture(scope="session")
def undisturbed(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Arrays by unit of an undisturbed run in one process."""
    out = tmp_path_factory.mktemp("undisturbed") / "study"
    shutil.copytree(prepared, out)
    with one_thread():
        run_stages((RECONSTRUCTIONS,), open_study(out), Local(CPU))
    arrays = stored(out)
    assert len(arrays) == UNITS
    return arrays


@pytest.fixture
def copied(prepared: Path, tmp_path: Path) -> Path:
    """A copy of its own."""
    return Path(shutil.copytree(prepared, tmp_path / "study"))


def stored(out: Path) -> dict[str, bytes]:
    return {
        file.name: b"".join(values.to_numpy().tobytes() for values in read_dataset(file).values())
        for file in (out / "store" / "reconstructions").glob("*.zarr.zip")
    }


@contextmanager
def meanwhile(out: Path, act: Callable[[int], None]) -> Iterator[None]:
    """As soon as a unit is being computed, act on the process that is at it."""
    acted = []

    def watch() -> None:
        while not acted:
            for unit in running(out / CLAIMS):
                log = out / LOGS / f"{unit}.log"
                if log.is_file() and (found := re.search(r"process (\d+)", log.read_text())):
                    act(int(found[1]))
                    acted.append(unit)
                    return
            time.sleep(0.05)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield
    thread.join(timeout=5)
    assert acted, "nothing was disturbed"


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
