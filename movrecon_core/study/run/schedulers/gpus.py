"""Tasks on all GPUs of this computer: one process a GPU."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from concurrent.futures.thread import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from queue import SimpleQueue

from movrecon_core.errors import MovreconError
from movrecon_core.study.run.schedulers.attempts import Outcome, Place, attempt_elsewhere, place_of
from movrecon_core.study.stage import Stage, Task
from movrecon_core.study.study import Study

STARTS = 3
"""How many processes may die over one task, before it counts as failed."""


@dataclass(frozen=True)
class Gpus:
    """Processes of this computer, each with a device of its own.

    Attributes
    ----------
    devices
        ``cuda:0``, ``cuda:1`` ...; a device that is named twice has two processes.
    """

    devices: tuple[str, ...]

    def run(self, stage: Stage, tasks: Sequence[Task], study: Study) -> Iterator[Outcome]:
        """Compute tasks as devices become free."""
        with ExitStack() as stack:
            free: SimpleQueue[_Process] = SimpleQueue()
            for device in self.devices:
                process = _Process(place_of(study, device))
                stack.callback(process.stop)
                free.put(process)
            threads = stack.enter_context(ThreadPoolExecutor(len(self.devices)))
            futures: list[Future[Outcome]] = [threads.submit(_next_free, free, stage.name, task) for task in tasks]
            stack.callback(threads.shutdown, cancel_futures=True)
            for future in as_completed(futures):
                yield future.result()


class _Process:
    """A process that is started again when it dies."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._executor = self._start()

    def _start(self) -> ProcessPoolExecutor:
        # Spawned: a forked process cannot use CUDA.
        return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))

    def compute(self, stage: str, task: Task) -> Outcome:
        for _ in range(STARTS):
            try:
                return self._executor.submit(attempt_elsewhere, stage, task, self._place).result()
            except BrokenProcessPool:
                self._executor.shutdown(wait=False)
                self._executor = self._start()
        error = MovreconError(f"{task.units[0].name}: {STARTS} processes died over it; too little memory?")
        return Outcome(task, "failed", error)

    def stop(self) -> None:
        self._executor.shutdown(cancel_futures=True)


def _next_free(free: "SimpleQueue[_Process]", stage: str, task: Task) -> Outcome:
    process = free.get()
    try:
        return process.compute(stage, task)
    finally:
        free.put(process)
