"""Tasks one after the other, in this process."""

from collections.abc import Sequence

import torch

from movrecon_core.errors import MovreconError
from movrecon_core.progress import Progress
from movrecon_core.study.study import Study
from movrecon_core.study.tasks import Stage, Task
from movrecon_core.study.work import Work


def run_tasks(stage: Stage, tasks: Sequence[Task], study: Study, device: torch.device) -> None:
    """Compute all tasks of a stage; one that fails does not keep the others from being stored.

    Parameters
    ----------
    stage
        Whose tasks they are.
    tasks
        What is missing.
    study
        Where results go.
    device
        Of the encoders.

    Raises
    ------
    MovreconError
        At the end, the first error and how many tasks failed.
    """
    if not tasks:
        return
    work = Work(study, device)
    errors: list[MovreconError] = []
    with Progress(sum(len(task.units) for task in tasks), stage.label, stage.item) as progress:
        for task in tasks:
            try:
                stage.perform(work, task)
            except MovreconError as error:
                errors.append(error)
            progress.step(len(task.units))
    if len(errors) > 1:
        raise type(errors[0])(f"{errors[0]} ({len(errors) - 1} more of {len(tasks)} tasks failed)")
    if errors:
        raise errors[0]
