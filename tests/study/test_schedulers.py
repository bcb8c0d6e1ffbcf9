"""The same units, wherever they are computed, whatever dies meanwhile: the same arrays, each once in the store."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace

import imageio.v3 as iio
import numpy as np
import psutil
import pytest
import torch
from small_study import kill, meanwhile, stored

from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.errors import MovreconError
from movrecon_core.study import open_study
from movrecon_core.study.run.schedulers import Scheduler, processes, run_stages
from movrecon_core.study.run.schedulers.attempts import Outcome
from movrecon_core.study.run.schedulers.local import Local
from movrecon_core.study.run.schedulers.processes import open_processes
from movrecon_core.study.stage import Task
from movrecon_core.study.stages.reconstructions import RECONSTRUCTIONS

pytestmark = pytest.mark.usefixtures("single")


def reconstruct(out: Path, scheduler: Scheduler) -> dict[str, bytes]:
    run_stages((RECONSTRUCTIONS,), open_study(out), scheduler)
    return stored(out)


def test_processes_with_a_device_each(copied: Path, undisturbed: dict[str, bytes]) -> None:
    with meanwhile(copied, kill), open_processes(("cpu", "cpu")) as both:
        assert reconstruct(copied, both) == undisturbed


def test_the_first_reconstruction_is_shown_once(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):  # the second time there is nothing to compute
        reconstruct(copied, Local(torch.device("cpu")))
    (told,) = re.findall(
        r"a first reconstruction \((.*)\): video correlation (-?\d\.\d\d), (\S+)", capsys.readouterr().err
    )
    assert told[0] == "mouse 1, simulated"
    picture = iio.imread(told[2])
    assert picture.shape == (2 * 38 * 4, 5 * 66 * 4)
    study = open_study(copied)
    truth = study.movie(0, study.trials.reconstructed(0)[0])
    shown = picture[: 36 * 4 : 4, : 64 * 4 : 4]  # the truth's frame at one second
    inside = crop_movie(study.results.evaluation_mask(0))
    np.testing.assert_array_equal(shown[inside], truth[30][inside].round())


@pytest.mark.parametrize(
    ("asked", "expected"),
    [((1,), {(4, 1)}), ((2,), {(2, 2)}), ((1, 1), {(2, 2)}), ((3,), {(1, 4)}), ((3, 5), {(1, 4)})],
    ids=lambda x: str(x),
)
def test_threads_follow_from_what_the_profile_asks_for(
    asked: tuple[int, ...], expected: set[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four cores, units of stages that share them: threads of each process and processes side by side; also where only
    one task is left."""
    given: set[tuple[int, int]] = set()

    def next_free(free: SimpleQueue, task: object, study: object, threads: int) -> str:
        given.add((threads, free.qsize()))
        return "done"

    monkeypatch.setattr(processes, "_next_free", next_free)
    stages = [SimpleNamespace(asked=lambda study, units=units: range(units)) for units in asked]
    with open_processes(["cpu"] * 4, threads=4) as four:
        assert list(four.run(stages, [object()], object())) == ["done"]  # type: ignore[arg-type]
    assert given == expected


def test_processes_side_by_side_multiply_in_one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.setenv("VECLIB_MAXIMUM_THREADS", "3")
    with open_processes(["cpu"]):
        assert (os.environ["OPENBLAS_NUM_THREADS"], os.environ["VECLIB_MAXIMUM_THREADS"]) == ("1", "3")
    assert "OPENBLAS_NUM_THREADS" not in os.environ
    assert os.environ["VECLIB_MAXIMUM_THREADS"] == "3"


def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    program = tmp_path / "parent.py"
    program.write_text(
        "import multiprocessing, os, time\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from movrecon_core.study.run.schedulers import processes\n"
        "if __name__ == '__main__':\n"
        "    pool = ProcessPoolExecutor(1, multiprocessing.get_context('spawn'), processes._begin)\n"
        "    print(pool.submit(os.getpid).result(), flush=True)\n"
        "    pool.submit(time.sleep, 600)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    assert not psutil.wait_procs([child], timeout=30)[1]


def test_dask_with_a_worker_killed_mid_unit(copied: Path, undisturbed: dict[str, bytes]) -> None:
    distributed = pytest.importorskip("distributed")
    from movrecon_core.study.run.schedulers.cluster import Cluster

    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        ) as cluster,
        meanwhile(copied, kill),
    ):
        assert reconstruct(copied, Cluster(cluster.scheduler_address, "cpu")) == undisturbed


def test_a_dask_scheduler_that_is_not_there_is_named_at_once_and_at_intervals(
    copied: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("distributed")
    from movrecon_core.study.run.schedulers import cluster

    monkeypatch.setattr(cluster, "CONNECTION", 0.5)
    monkeypatch.setattr(cluster, "PATIENCE", 3.0)
    with pytest.raises(MovreconError, match=r"tcp://127\.0\.0\.1:9: not reached for"):
        reconstruct(copied, cluster.Cluster("tcp://127.0.0.1:9", "cpu"))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("tcp://")]
    assert lines[0] == "tcp://127.0.0.1:9: connecting"
    assert "is it the right one? Trying for" in lines[1]
    assert len(lines) > 2


def test_dask_whose_scheduler_is_restarted(copied: Path, tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    pytest.importorskip("distributed")
    from movrecon_core.study.run.schedulers.cluster import Cluster

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
        with meanwhile(copied, restart):
            assert reconstruct(copied, Cluster(f"tcp://127.0.0.1:{port}", "cpu")) == undisturbed
    finally:
        for process in started:
            process.kill()
            process.wait()


STOPPED = """
import os, signal, sys, threading, time
from pathlib import Path
from movrecon_core.study.run.schedulers import processes
from movrecon_core.study.stage import Task

def note(task, place):
    (Path(sys.argv[1]) / f"{task.stage}-{os.getpid()}").touch()
    time.sleep(60)

processes.attempt_elsewhere = note
processes.place_of = lambda *given: None
if __name__ == "__main__":
    def stop():
        while len(list(Path(sys.argv[1]).iterdir())) < 2:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=stop).start()
    with processes.open_processes(["cpu", "cpu"]) as both:
        list(both.run((), [Task(str(number), (), ()) for number in range(8)], None))
"""


def test_ctrl_c_starts_nothing_and_waits_for_nothing(tmp_path: Path) -> None:
    program, begun = tmp_path / "program.py", tmp_path / "begun"
    begun.mkdir()
    program.write_text(STOPPED)
    done = subprocess.run([sys.executable, program, begun], capture_output=True, text=True, timeout=50, check=False)
    assert "KeyboardInterrupt" in done.stderr
    assert sorted(path.name.split("-")[0] for path in begun.iterdir()) == ["0", "1"]


def test_patience_begins_when_dask_is_lost(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long tasks were computed before: the cluster is asked for again."""
    pytest.importorskip("distributed")
    from movrecon_core.study.run.schedulers import cluster

    connections = []

    class Client:
        def __init__(self, *arguments: object, **options: object) -> None:
            connections.append(self)

        def __enter__(self) -> "Client":
            return self

        def __exit__(self, *error: object) -> None:
            return

    def outcomes(client: object, waiting: dict[str, Task], place: object) -> Iterator[tuple[str, Outcome]]:
        if len(connections) == 1:
            time.sleep(2 * cluster.PATIENCE)
            raise OSError("lost")
        for key, task in list(waiting.items()):
            yield key, Outcome(task, "done")

    monkeypatch.setattr(cluster, "PATIENCE", 0.5)
    monkeypatch.setattr(cluster.distributed, "Client", Client)
    monkeypatch.setattr(cluster, "_outcomes", outcomes)
    tasks = [Task(RECONSTRUCTIONS.name, (), ()), Task(RECONSTRUCTIONS.name, (), ())]
    assert len(list(cluster.Cluster("tcp://127.0.0.1:9").run((), tasks, open_study(copied)))) == 2
    assert len(connections) == 2
