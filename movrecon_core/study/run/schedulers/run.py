"""Stages from their first missing unit to the last, with any scheduler."""

import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, Self

from movrecon_core.errors import MovreconError
from movrecon_core.progress import Progress
from movrecon_core.study.run.schedulers.attempts import Outcome
from movrecon_core.study.stage import Stage, Task
from movrecon_core.study.study import Study

PATIENCE = 5.0
"""Most seconds between two looks at what another run has done meanwhile."""


class Scheduler(Protocol):
    """Where tasks are computed."""

    def run(self, stages: Sequence[Stage], tasks: Sequence[Task], study: Study) -> Iterable[Outcome]:
        """Compute tasks of some stages in any order; one outcome for each, as soon as it is there."""
        ...


def run_stages(
    stages: Sequence[Stage], study: Study, scheduler: Scheduler, wanted: Sequence[Stage] | None = None
) -> None:
    """Compute all that is missing of stages that do not need each other; what another run computes is waited for.

    Parameters
    ----------
    stages
        They share the cores.
    study
        Where results go.
    scheduler
        Where they are computed.
    wanted
        Those of them that are computed now; None: all.

    Raises
    ------
    MovreconError
        At the end, the first error and how many tasks failed.
    """
    parts = {stage.name: _Part(stage, study) for stage in (stages if wanted is None else wanted)}

    def missing() -> list[Task]:
        return [task for part in parts.values() for task in part.missing()]

    tasks, pause = [task for part in parts.values() for task in part.tasks], 0.1
    count = len(tasks)
    with ExitStack() as stack:
        for part in parts.values():
            stack.enter_context(part)
        while tasks:
            computed = False
            _show_first(parts.values())
            for outcome in scheduler.run(stages, tasks, study):
                if outcome.state != "elsewhere":
                    computed = True
                    parts[outcome.task.stage].note(outcome)
                    _show_first(parts.values())
            if computed:
                tasks, pause = missing(), 0.1
            else:
                time.sleep(pause)
                pause = min(2 * pause, PATIENCE)
                tasks = _waited_for(tasks, study) or missing()
            for part in parts.values():
                part.count(tasks)
    errors = list(dict.fromkeys(error for part in parts.values() for error in part.failed.values()))
    if errors:
        more = f" ({len(errors) - 1} more of {count} tasks failed)" if len(errors) > 1 else ""
        raise type(errors[0])(f"{errors[0]}{more}")


class _Part:
    """A stage among those that are computed together; used as a context.

    Attributes
    ----------
    tasks
        The work that was missing when it began.
    failed
        Errors by the names of units that cannot be computed.
    left
        Units that are neither stored nor have failed.
    """

    def __init__(self, stage: Stage, study: Study) -> None:
        self.stage, self.study = stage, study
        self.tasks = stage.tasks(study)
        self.left = _units(self.tasks)
        self.failed: dict[str, MovreconError] = {}
        self._progress: Progress | None = None
        self._looked_at = False
        if self.tasks:
            _say_what_is_stale(stage, study, self.tasks)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._progress is not None:
            self._progress.__exit__(kind, error, at)
            self._progress = None

    def missing(self) -> list[Task]:
        """What can still be computed."""
        return [t for t in self.stage.tasks(self.study) if not {u.full_name for u in t.units} <= self.failed.keys()]

    def show(self, done: int = 0) -> None:
        """Show the progress from here on, `done` of it before; the clock starts now."""
        if self._progress is None:
            self._progress = Progress(self.left, self.stage.label, self.stage.item, done).__enter__()

    def note(self, outcome: Outcome) -> None:
        """Take down what came of a task."""
        if outcome.error is not None:
            lost = self.study.lacking(outcome.task.units)
            self.failed |= {unit.full_name: outcome.error for unit in lost}
        elif self.stage.first_look is not None and not self._looked_at:
            print(self.stage.first_look(self.study, outcome.task), file=sys.stderr)
            self._looked_at = True
        self._step(len(outcome.task.units))

    def count(self, tasks: Sequence[Task]) -> None:
        """Take down that these tasks are left; another run has done the others, or has left some behind."""
        left = _units(task for task in tasks if task.stage == self.stage.name)
        self._step(max(0, self.left - left))
        self.left = left

    def _step(self, units: int) -> None:
        if self._progress is None:
            if units:
                self.show(units)
        else:
            self._progress.step(units)
        self.left -= units
        if not self.left:
            self.__exit__(None, None, None)


def _show_first(parts: Iterable[_Part]) -> None:
    """Show the first stage with anything left, whose units are at work; others are shown with their first unit."""
    first = next((part for part in parts if part.left), None)
    if first is not None:
        first.show()


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


def _units(tasks: Iterable[Task]) -> int:
    return sum(len(task.units) for task in tasks)
