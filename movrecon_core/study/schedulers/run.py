"""A stage from its first missing unit to its last, with any scheduler."""

import time
from collections.abc import Iterable, Sequence
from typing import Protocol

import torch

from movrecon_core.errors import MovreconError
from movrecon_core.progress import Progress
from movrecon_core.study.schedulers.attempts import Outcome
from movrecon_core.study.schedulers.local import Local
from movrecon_core.study.study import Study
from movrecon_core.study.tasks import Stage, Task, is_stored, unit_name

PATIENCE = 5.0
"""Most seconds between two looks at what another run has done meanwhile."""


class Scheduler(Protocol):
    """Where tasks are computed."""

    def run(self, stage: Stage, tasks: Sequence[Task], study: Study) -> Iterable[Outcome]:
        """Compute tasks in any order; one outcome for each, as soon as it is there."""
        ...


def run_stage(stage: Stage, study: Study, scheduler: Scheduler) -> None:
    """Compute all that is missing of a stage; what another run computes meanwhile is waited for.

    Parameters
    ----------
    stage
        What is computed.
    study
        Where results go.
    scheduler
        Where it is computed.

    Raises
    ------
    MovreconError
        At the end, the first error and how many tasks failed.
    """
    failed: dict[str, MovreconError] = {}

    def missing() -> list[Task]:
        return [task for task in stage.tasks(study) if not {unit_name(u) for u in task.units} <= failed.keys()]

    tasks, pause = missing(), 0.1
    if not tasks:
        return
    count, left = len(tasks), _units(tasks)
    with Progress(left, stage.label, stage.item) as progress:
        while tasks:
            computed = False
            for outcome in scheduler.run(stage, tasks, study):
                if outcome.error is not None:
                    failed |= {unit_name(u): outcome.error for u in outcome.task.units if not is_stored(study, u)}
                if outcome.state != "elsewhere":
                    computed = True
                    left -= len(outcome.task.units)
                    progress.step(len(outcome.task.units))
            if not computed:
                time.sleep(pause)
                pause = min(2 * pause, PATIENCE)
            tasks = missing()
            progress.step(max(0, left - _units(tasks)))  # what another run has done
            left = _units(tasks)
    _require_none_failed(list(dict.fromkeys(failed.values())), count)


def run_tasks(stage: Stage, tasks: Sequence[Task], study: Study, device: torch.device) -> None:
    """Compute some tasks in this process.

    Raises
    ------
    MovreconError
        At the end, the first error and how many tasks failed.
    """
    outcomes = Local(device).run(stage, tasks, study)
    _require_none_failed([outcome.error for outcome in outcomes if outcome.error is not None], len(tasks))


def _units(tasks: Sequence[Task]) -> int:
    return sum(len(task.units) for task in tasks)


def _require_none_failed(errors: Sequence[MovreconError], tasks: int) -> None:
    if len(errors) > 1:
        raise type(errors[0])(f"{errors[0]} ({len(errors) - 1} more of {tasks} tasks failed)")
    if errors:
        raise errors[0]
