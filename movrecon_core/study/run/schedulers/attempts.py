"""One task, wherever it is computed: claimed, logged, its units stored; what came of it."""

import json
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import torch

from movrecon_core.encoders.precision import computed_in
from movrecon_core.errors import MovreconError, StoreError
from movrecon_core.process import give_back_memory
from movrecon_core.storage import CLAIMS, LOGS
from movrecon_core.storage.claims import claimed
from movrecon_core.storage.fingerprints import digest
from movrecon_core.storage.logs import logged
from movrecon_core.study import stages
from movrecon_core.study.stage import Stage, Task
from movrecon_core.study.study import Study, study_of
from movrecon_core.study.worker import Worker

_ONE_AT_A_TIME = threading.Lock()
"""In a process: torch's random numbers are those of the whole process, and a Dask worker may have several threads."""


@dataclass(frozen=True)
class Outcome:
    """What came of a task.

    Attributes
    ----------
    state
        ``done``; ``elsewhere``: another run computes it, or has done so; ``failed``.
    error
        Why it failed.
    """

    task: Task
    state: Literal["done", "elsewhere", "failed"]
    error: MovreconError | None = None


@dataclass(frozen=True)
class Place:
    """All that a process elsewhere needs to know of a study; plain, and small.

    Attributes
    ----------
    out
        Folder of the results, which the other process sees under the same name.
    settings
        The study's settings, as JSON.
    device
        Of the encoders; None: the GPU of that process, or its CPU.
    threads
        Of torch. The same number everywhere: it decides the order of sums, hence the last bits.
    code
        Fingerprint of the code of all stages, which two processes that share a study must agree on.
    """

    out: str
    settings: str
    device: str | None
    threads: int
    code: str


def place_of(study: Study, device: str | None, threads: int | None = None) -> Place:
    """The study as another process needs it; with as many threads as this one has where nothing is said."""
    settings = json.dumps(study.settings())
    return Place(str(study.out), settings, device, threads or torch.get_num_threads(), stages_code(study))


def attempt(stage: Stage, task: Task, work: Worker) -> Outcome:
    """Compute a task, unless another process is at it or has done it.

    Raises
    ------
    StoreError
        If nothing can be stored: the disk is full, or read-only. Other tasks would not fare better.
    ProfileError
        If this device is slow in the study's precision.
    """
    study = work.study
    names = [unit.full_name for unit in task.units] or [stage.name]
    with computed_in(study.precision, work.device), claimed(study.out / CLAIMS, names) as mine:
        if not mine or any(study.path(unit).is_file() for unit in task.units):
            return Outcome(task, "elsewhere")
        try:
            if work.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(work.device)
            with logged(study.out / LOGS, names, f"{work.device}, {torch.get_num_threads()} threads"):
                stage.perform(work, task)
        except StoreError:
            raise
        except MovreconError as error:
            return Outcome(task, "failed", error)
        except Exception as error:  # torch and its libraries raise anything; the traceback is in the log
            reason = " ".join(str(error).split())[:300]
            return Outcome(task, "failed", MovreconError(f"{names[0]}: {type(error).__name__}: {reason}"))
    give_back_memory()
    return Outcome(task, "done")


def attempt_elsewhere(task: Task, place: Place) -> Outcome:
    """As `attempt`, in a process that knows nothing of the study yet.

    Raises
    ------
    StoreError
        As `attempt`; or if this process has another version of the code, or does not see the folder.
    """
    with _ONE_AT_A_TIME:
        torch.set_num_threads(place.threads)  # holds for the calling thread, so at every task
        return attempt(
            next(found for found in stages.STAGES if found.name == task.stage),
            task,
            _work(place.out, place.settings, place.device, place.code),
        )


def stages_code(study: Study) -> str:
    """Fingerprint of all code that decides a study's units."""
    return digest({stage.name: stage.code(study) for stage in stages.STAGES})[:12]


@lru_cache(maxsize=1)
def _work(out: str, settings: str, device: str | None, code: str) -> Worker:
    """Kept for the next task, with the encoders that were read."""
    folder = Path(out)
    if not folder.is_dir():
        raise StoreError(f"{folder}: a worker does not see this folder; results must be on a disk that all share")
    study = study_of(folder, json.loads(settings))
    if stages_code(study) != code:
        raise StoreError("a worker has another version of movrecon than the run; give both the same, restart it")
    return Worker(study, torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu")))
