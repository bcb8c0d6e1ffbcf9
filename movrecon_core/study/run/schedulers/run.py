"""A stage from its first missing unit to its last, with any scheduler."""

import sys
import time
from collections.abc import Iterable, Sequence
from typing import Protocol

from movrecon_core.errors import MovreconError
from movrecon_core.progress import Progress
from movrecon_core.study.run.schedulers.attempts import Outcome
from movrecon_core.study.stage import Stage, Task
from movrecon_core.study.study import Study

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
        return [task for task in stage.tasks(study) if not {u.full_name for u in task.units} <= failed.keys()]

    tasks, pause = missing(), 0.1
    if not tasks:
        return
    _say_what_is_stale(stage, study, tasks)
    count, left, shown = len(tasks), _units(tasks), False
    with Progress(left, stage.label, stage.item) as progress:
        while tasks:
            computed = False
            for outcome in scheduler.run(stage, tasks, study):
                if outcome.error is not None:
                    lost = study.lacking(outcome.task.units)
                    failed |= {unit.full_name: outcome.error for unit in lost}
                elif outcome.state != "elsewhere" and stage.first_look is not None and not shown:
                    print(stage.first_look(study, outcome.task), file=sys.stderr)
                    shown = True
                if outcome.state != "elsewhere":
                    computed = True
                    left -= len(outcome.task.units)
                    progress.step(len(outcome.task.units))
            if computed:
                tasks, pause = missing(), 0.1
            else:
                time.sleep(pause)
                pause = min(2 * pause, PATIENCE)
                tasks = _waited_for(tasks, study) or missing()
            progress.step(max(0, left - _units(tasks)))  # what another run has done
            left = _units(tasks)
    errors = list(dict.fromkeys(failed.values()))
    if errors:
        more = f" ({len(errors) - 1} more of {count} tasks failed)" if len(errors) > 1 else ""
        raise type(errors[0])(f"{errors[0]}{more}")


def _waited_for(tasks: Sequence[Task], study: Study) -> list[Task]:
    """Tasks of which nothing was stored meanwhile; none where one has to be cut anew.

    Only their own files are looked at: all units of a study are too many to be named again and again.
    """
    stored = [sum(study.path(unit).is_file() for unit in task.units) for task in tasks]
    if any(0 < count < len(task.units) for task, count in zip(tasks, stored, strict=True)):
        return []
    return [task for task, count in zip(tasks, stored, strict=True) if not count]


def _say_what_is_stale(stage: Stage, study: Study, tasks: Sequence[Task]) -> None:
    """Name results that are there, but of other code, parameters or data, before they are computed again."""
    units = [unit for task in tasks for unit in task.units]
    stale = study.superseded(units)
    if stale and not study.profile.rehearsal:  # of which there are two efforts
        print(
            f"{stage.label}: {stale} of {len(units)} are there, but of another version of the code, or of other "
            f"parameters or data; computed again (movrecon status --out {study.out})",
            file=sys.stderr,
        )


def _units(tasks: Sequence[Task]) -> int:
    return sum(len(task.units) for task in tasks)
