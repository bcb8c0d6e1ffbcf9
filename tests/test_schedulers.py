"""The same units, wherever they are computed, whatever dies meanwhile: the same arrays, each once in the store."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from movrecon_core.bookkeeping import CLAIMS, LOGS
from movrecon_core.bookkeeping.claims import claimed, running
from movrecon_core.bookkeeping.status import read_status, report
from movrecon_core.errors import MovreconError, ProfileError
from movrecon_core.study import open_study
from movrecon_core.study.pipeline import run_study
from movrecon_core.study.profile import parse_profile
from movrecon_core.study.schedulers import Scheduler, require_scheduler, run_stage
from movrecon_core.study.schedulers.gpus import Gpus
from movrecon_core.study.schedulers.local import Local
from movrecon_core.study.stages.reconstructions import RECONSTRUCTIONS
from movrecon_core.study.store import read_dataset

CPU = torch.device("cpu")
PROFILE = {
    "name": "schedulers",
    "trials_per_mouse": 2,
    "instances": 2,
    "batch_trials": 1,
    "simulation": {"mice": 1, "trials": 14, "neurons": 30, "frames": 90, "oracle_trials": 0},
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
UNITS = 8  # 2 movies, 2 instances, 2 conditions


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Two processes share the cores here."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with encoders and masks, and nothing reconstructed."""
    out = tmp_path_factory.mktemp("prepared") / "study"
    run_study(parse_profile(PROFILE, "test"), out, device="cpu", until="masks")
    return out


@pytest.fixture(scope="module")
def undisturbed(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Arrays by unit of an undisturbed run in one process."""
    out = tmp_path_factory.mktemp("undisturbed") / "study"
    shutil.copytree(prepared, out)
    run_stage(RECONSTRUCTIONS, open_study(out), Local(CPU))
    arrays = stored(out)
    assert len(arrays) == UNITS
    return arrays


@pytest.fixture
def out(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "study"))


def stored(out: Path) -> dict[str, bytes]:
    return {
        file.name: b"".join(values.to_numpy().tobytes() for values in read_dataset(file).values())
        for file in (out / "store" / "reconstructions").glob("*.zarr.zip")
    }


def reconstruct(out: Path, scheduler: Scheduler) -> dict[str, bytes]:
    run_stage(RECONSTRUCTIONS, open_study(out), scheduler)
    return stored(out)


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


def test_processes_with_a_device_each(out: Path, undisturbed: dict[str, bytes]) -> None:
    with meanwhile(out, kill):
        assert reconstruct(out, Gpus(("cpu", "cpu"))) == undisturbed


def test_dask_with_a_worker_killed_mid_unit(out: Path, undisturbed: dict[str, bytes]) -> None:
    distributed = pytest.importorskip("distributed")
    from movrecon_core.study.schedulers.cluster import Cluster

    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        meanwhile(out, kill),
    ):
        assert reconstruct(out, Cluster(cluster.scheduler_address, "cpu")) == undisturbed


def test_dask_whose_scheduler_is_restarted(out: Path, tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    pytest.importorskip("distributed")
    from movrecon_core.study.schedulers.cluster import Cluster

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        for command in (
            ["scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"],
            ["worker", f"tcp://127.0.0.1:{port}", "--nthreads", "1", "--no-dashboard"],
        ):
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "distributed.cli.dask_" + command[0], *command[1:]],
                    cwd=tmp_path,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )

    def restart(_: int) -> None:
        kill(started[0].pid)
        start()

    try:
        start()
        with meanwhile(out, restart):
            assert reconstruct(out, Cluster(f"tcp://127.0.0.1:{port}", "cpu")) == undisturbed
    finally:
        for process in started:
            process.kill()
            process.wait()
