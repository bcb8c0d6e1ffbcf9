"""Tasks on all cores, or all GPUs, of this computer: processes side by side."""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from concurrent.futures.thread import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue

from movrecon_core.errors import MovreconError
from movrecon_core.process import end_with_parent, memory_left
from movrecon_core.study.run.schedulers.attempts import Outcome, Place, attempt_elsewhere, place_of
from movrecon_core.study.stage import Stage, Task
from movrecon_core.study.study import Study

STARTS = 3
"""How many processes may die over one task, before it counts as failed."""

NUMPY_THREADS = ("OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""What the libraries of numpy's products read when they are loaded; Apple's is the second."""

MEMORY = 2_000_000_000
"""Bytes that a process on a core is expected to need, a kernel too; where there is less memory fewer are started."""


class Processes:
    """Processes of this computer, each with a device of its own; open it with `open_processes`.

    Small encoders do not fill two cores: two processes of one thread are half as fast again as one of two threads.
    """

    def __init__(self, devices: Sequence[str], threads: int | None) -> None:
        self._processes = [_Process(device) for device in devices]
        self._threads = threads

    def run(self, stages: Sequence[Stage], tasks: Sequence[Task], study: Study) -> Iterator[Outcome]:
        """Compute tasks as processes become free."""
        threads, side_by_side = None, len(self._processes)
        if self._threads is not None:
            # What the profile asks for decides, not what is left of it: the number of threads decides the last bits.
            asked = sum(len(stage.asked(study)) for stage in stages)
            threads = max(1, self._threads // max(1, asked))
            side_by_side = max(1, min(side_by_side, self._threads // threads))
        free: SimpleQueue[_Process] = SimpleQueue()
        for process in self._processes[:side_by_side]:
            free.put(process)
        with ThreadPoolExecutor(side_by_side) as pool:
            futures: list[Future[Outcome]] = [pool.submit(_next_free, free, task, study, threads) for task in tasks]
            try:
                for future in as_completed(futures):
                    yield future.result()
            except BaseException:  # Ctrl-C, too: what is at work is not waited for, and nothing else begins
                pool.shutdown(wait=False, cancel_futures=True)
                self.stop(at_once=True)
                raise
            finally:
                pool.shutdown(cancel_futures=True)

    def stop(self, at_once: bool = False) -> None:
        """End the processes; at once, or after what they compute."""
        for process in self._processes:
            process.stop(at_once)


@contextmanager
def open_processes(devices: Sequence[str], threads: int | None = None) -> Iterator[Processes]:
    """Processes that are kept from stage to stage while the block runs.

    Parameters
    ----------
    devices
        ``cpu``, ``cuda:0``, ``cuda:1`` ...; a device that is named twice has two processes.
    threads
        Of torch, for the units of stages that run together; None: as many as this process has, for each.
    """
    found = Processes(devices, threads)
    with _numpy_in_one_thread():
        try:
            yield found
        finally:
            found.stop()


@contextmanager
def _numpy_in_one_thread() -> Iterator[None]:
    """For processes that start while the block runs; numpy's products do not follow the number of torch's threads.

    With one for each core, processes side by side wait for each other: a decoder's movie takes two to four times as
    long.
    """
    lacking = [name for name in NUMPY_THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(lacking, "1"))
    try:
        yield
    finally:
        for name in lacking:
            del os.environ[name]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def within_memory(count: int) -> int:
    """As many processes as find room, at least one."""
    return max(1, min(count, memory_left() // MEMORY))


class _Process:
    """A process that is started when it is needed, and again when it dies."""

    def __init__(self, device: str) -> None:
        self.device = device
        self._executor: ProcessPoolExecutor | None = None
        self._stopped = False

    def compute(self, task: Task, place: Place) -> Outcome:
        for _ in range(STARTS):
            if self._stopped:
                break
            if self._executor is None:
                # Spawned: a forked process cannot use CUDA.
                self._executor = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _begin)
            try:
                return self._executor.submit(attempt_elsewhere, task, place).result()
            except BrokenProcessPool:
                self._executor.shutdown(wait=False)
                self._executor = None
        error = MovreconError(f"{task.units[0].name}: {STARTS} processes died over it; too little memory?")
        return Outcome(task, "failed", error)

    def stop(self, at_once: bool) -> None:
        self._stopped = True
        executor = self._executor
        if executor is None:
            return
        if at_once:
            for process in list(executor._processes.values()):
                process.terminate()
        executor.shutdown(cancel_futures=True)


def _begin() -> None:
    """In a process that starts: Ctrl-C is the parent's to answer, and without a parent there is nothing to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def _next_free(free: "SimpleQueue[_Process]", task: Task, study: Study, threads: int | None) -> Outcome:
    process = free.get()
    try:
        return process.compute(task, place_of(study, process.device, threads))
    finally:
        free.put(process)
