"""Tasks one after the other, in this process."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from movrecon_core.study.run.schedulers.attempts import Outcome, attempt
from movrecon_core.study.stage import Stage, Task
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker


@dataclass(frozen=True)
class Local:
    """This process.

    Attributes
    ----------
    device
        Of the encoders.
    """

    device: torch.device

    def run(self, stages: Sequence[Stage], tasks: Sequence[Task], study: Study) -> Iterator[Outcome]:
        """Compute tasks in their order."""
        work, named = Worker(study, self.device), {stage.name: stage for stage in stages}
        for task in tasks:
            yield attempt(named[task.stage], task, work)
