"""A stage of a study: how its units are named, computed, cut into tasks, and what they cost."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic_core import to_jsonable_python

from movrecon_core.encoders.checkpoints import encoder_class
from movrecon_core.storage.store import Unit
from movrecon_core.study.growth import Growth, constant
from movrecon_core.study.scale import NOTHING, Estimate, Scale
from movrecon_core.study.sources import code_of
from movrecon_core.study.study import Key, Study
from movrecon_core.study.worker import Worker

Definition = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A batch of units that one worker computes together; small, and it travels between processes.

    Attributes
    ----------
    stage
        Name of its stage.
    units
        What it stores.
    keys
        The units' keys, as `Stage.keys` gave them.
    """

    stage: str
    units: tuple[Unit, ...]
    keys: tuple[Key, ...]


def own_encoder(study: Study) -> tuple[str, ...]:
    """The study's architecture."""
    return (study.profile.encoder.architecture,)


def no_encoder(study: Study) -> tuple[str, ...]:
    """For stages that need none."""
    return ()


def singly(study: Study, keys: Sequence[Key]) -> Iterable[Sequence[Key]]:
    """Each unit by itself."""
    return [[key] for key in keys]


def together(keys: Iterable[Key], shared: Callable[[Key], Hashable], size: int) -> Iterator[Sequence[Key]]:
    """Units that share something, at most `size` of them at once, in their order."""
    groups: dict[Hashable, list[Key]] = defaultdict(list)
    for key in keys:
        groups[shared(key)].append(key)
    for group in groups.values():
        yield from (group[first : first + size] for first in range(0, len(group), size))


def not_estimated(scale: Scale) -> Estimate:
    """Little beside the other stages."""
    return NOTHING


@dataclass(frozen=True)
class Stage:
    """One kind of work, done after all stages before it; everything that has to be known of it.

    Attributes
    ----------
    name
        That of its tasks, and folder of its units in the store.
    label
        What the progress says.
    item
        What one unit is, in the progress.
    part
        Of the study, whose cost the summary counts together.
    keys
        One for each unit that the profile asks for.
    define
        The readable label of a unit, and all that decides it besides code and the encoders' precision: inputs by their
        digests or their units' names, parameters, seed, as JSON.
    perform
        Computes a task and stores its units. Where some of them fail the others are stored before the error. All code
        that it reaches decides the units.
    architectures
        Of the encoders that it trains or asks.
    batches
        Cuts what is missing into tasks.
    estimate
        Seconds and bytes of all units, before anything is computed.
    growth
        What the seconds of a unit, by its key, grow with; read from a study whose recordings may be expected only.
    trains
        Whether its units are encoders, kept as checkpoints.
    first_look
        Shows the first task of a run as soon as it is done, and says where; None: there is nothing to look at.
    """

    name: str
    label: str
    item: str
    part: str
    keys: Callable[[Study], Iterable[Key]]
    define: Callable[..., tuple[str, Definition]]
    perform: Callable[[Worker, Task], None]
    architectures: Callable[[Study], tuple[str, ...]] = own_encoder
    batches: Callable[[Study, Sequence[Key]], Iterable[Sequence[Key]]] = singly
    estimate: Callable[[Scale], Estimate] = not_estimated
    growth: Callable[..., Growth] = constant
    trains: bool = False
    first_look: Callable[[Study, Task], str] | None = None

    def asked(self, study: Study) -> Sequence[Key]:
        """Keys of all units that the profile asks for."""
        return list(self.keys(study))

    def unit(self, study: Study, *key: Any) -> Unit:
        """The unit of a key; `Study.unit` keeps it."""
        label, definition = self.define(study, *key)
        if self.architectures(study):
            definition["precision"] = study.precision
        return Unit("encoders" if self.trains else self.name, label, {**definition, "code": self.code(study)})

    def code(self, study: Study) -> str:
        """Fingerprint of the code that decides its units."""
        return _code(self.perform, self.architectures(study))

    def tasks(self, study: Study) -> list[Task]:
        """The work that is missing from a study's folder."""
        keys = self.asked(study)
        units = {key: study.unit(self.name, *key) for key in keys}
        names = {unit.name for unit in study.lacking(list(units.values()))}
        lacking = [key for key in keys if units[key].name in names]
        batches = self.batches(study, lacking) if lacking else ()
        return [Task(self.name, tuple(units[key] for key in batch), tuple(batch)) for batch in batches]


@lru_cache
def _code(perform: Callable[..., None], architectures: tuple[str, ...]) -> str:
    return code_of(perform, *map(encoder_class, architectures))


def as_json(settings: Any) -> Definition:
    """A dataclass of settings, or a model, as it stands in a definition."""
    plain: Definition = to_jsonable_python(settings)
    return plain
