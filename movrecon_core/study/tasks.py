"""How a stage's work is cut: batches that one worker computes together."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from movrecon_core.encoders.checkpoints import read_checkpoint
from movrecon_core.errors import CheckpointError
from movrecon_core.study.store import Unit
from movrecon_core.study.study import Study
from movrecon_core.study.work import Work


@dataclass(frozen=True)
class Task:
    """A batch of units that one worker computes together; small, and it travels between processes.

    Attributes
    ----------
    stage
        Name of its stage.
    units
        What it stores.
    arguments
        What its stage needs to compute them.
    """

    stage: str
    units: tuple[Unit, ...]
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Stage:
    """One kind of work, done after all stages before it.

    Attributes
    ----------
    name
        That of its tasks.
    label
        What the progress says.
    item
        What one unit is, in the progress.
    tasks
        The work that is missing from a study's folder.
    perform
        Computes a task and stores its units. Where some of them fail the others are stored before the error.
    """

    name: str
    label: str
    item: str
    tasks: Callable[[Study], list[Task]]
    perform: Callable[[Work, Task], None]


def missing(study: Study, units: list[Unit]) -> list[Unit]:
    """Those that are not there; a damaged one is set aside and counts as missing."""
    return [unit for unit in units if not _is_sound(study, unit)]


def is_stored(study: Study, unit: Unit) -> bool:
    """Whether a unit is there, as a file of the store or as an encoder's checkpoint; its content is not looked at."""
    return _checkpoint(study, unit).is_file() if unit.kind == "encoders" else study.store.has(unit)


def _is_sound(study: Study, unit: Unit) -> bool:
    if unit.kind != "encoders":
        return study.store.is_sound(unit)
    checkpoint = _checkpoint(study, unit)
    if not checkpoint.is_file():
        return False
    try:
        read_checkpoint(checkpoint)
        return True
    except CheckpointError:
        os.replace(checkpoint, checkpoint.with_name(f"{checkpoint.name}.damaged"))
        return False


def _checkpoint(study: Study, unit: Unit) -> Path:
    return study.out / "encoders" / f"{unit.name}.pth"


def unit_name(unit: Unit) -> str:
    """Name of a unit among those of all kinds."""
    return f"{unit.kind}/{unit.name}"
