"""What a whole study would take, from what the units of its rehearsal did."""

import shutil
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from movrecon_core.study.growth import Growth
from movrecon_core.study.run.room import memory_of, memory_there, needs
from movrecon_core.study.scale import Scale
from movrecon_core.study.stage import Stage
from movrecon_core.study.stages import STAGES
from movrecon_core.study.stages.recordings import simulation_unit
from movrecon_core.study.study import Study

MEMORY_KEYS = {
    "encoders": "training.batch",
    "other-encoder": "comparison.training.batch",
    "planning": "planning.training.batch",
    "decoders": "baselines.decoders",
    "reconstructions": "batch_trials",
    "other-methods": "batch_trials",
}
"""What a profile has to say about the memory of a stage; of the others, how many encoders they hold."""
SCATTER = 0.1
"""Relative s.d. of a unit's seconds at least: what else a computer does is never the same twice (chosen)."""


@dataclass(frozen=True)
class Measured:
    """What was noted of one unit."""

    growth: Growth
    seconds: float
    peak_memory_bytes: int
    peak_device_bytes: int
    bytes: int


@dataclass(frozen=True)
class StageCost:
    """One stage, as rehearsed and as a whole.

    Attributes
    ----------
    units, seconds, bytes
        Of all that was rehearsed.
    peak_memory_bytes, peak_device_bytes
        The largest of a process with its children, and on a GPU.
    full_units, full_seconds, full_bytes
        Projected, of one worker.
    full_error
        s.d. of the projected seconds.
    longest_seconds
        Projected, of the unit that takes longest: more workers do not make it shorter.
    """

    name: str
    units: int
    seconds: float
    bytes: int
    peak_memory_bytes: int
    peak_device_bytes: int
    full_units: int
    full_seconds: float
    full_error: float
    full_bytes: float
    longest_seconds: float

    def hours(self, workers: int) -> float:
        """With so many workers at once."""
        return max(self.full_seconds / workers, self.longest_seconds) / 3600


@dataclass(frozen=True)
class Limit:
    """Something that may run out: how much of it is needed, and there, and what changes the need."""

    name: str
    needed: float
    there: float
    unit: str
    key: str

    @property
    def share(self) -> float:
        return self.needed / self.there


@dataclass(frozen=True)
class Projection:
    """A rehearsal's result.

    Attributes
    ----------
    profile
        Name of what was rehearsed.
    device
        That it was measured on.
    simulated
        Whether recordings were made for it.
    """

    profile: str
    device: str
    simulated: bool
    stages: tuple[StageCost, ...]
    limits: tuple[Limit, ...]


class Line(NamedTuple):
    """Seconds of a unit of one kind: ``fixed + slope × amount``, with the covariance (2, 2) of both."""

    fixed: float
    slope: float
    covariance: NDArray[np.float64]

    def seconds(self, amounts: Sequence[float]) -> tuple[float, float]:
        """Sum over units, and its s.d."""
        design = np.array([len(amounts), sum(amounts)])
        return float(design @ (self.fixed, self.slope)), float(np.sqrt(design @ self.covariance @ design))


def fit(amounts: Sequence[float], seconds: Sequence[float]) -> Line:
    """Seconds by amount, neither part below 0, by least squares of relative errors.

    From units of a single amount nothing follows of what is done once: all is taken to grow, which is more than true.
    """
    x, y = np.asarray(amounts, np.float64), np.maximum(np.asarray(seconds, np.float64), 1e-3)
    columns = [0, 1] if len(set(amounts)) > 1 else [1]
    while True:
        design = (np.stack([np.ones_like(x), x], axis=1) / y[:, None])[:, columns]
        found, *_ = np.linalg.lstsq(design, np.ones_like(x), rcond=None)
        if (found >= 0).all():
            break
        columns = [columns[int(np.argmax(found))]]
    free = max(len(x) - len(columns), 1)
    scatter = max(SCATTER, float(np.sqrt(np.sum((design @ found - 1) ** 2) / free)))
    parts, covariance = np.zeros(2), np.zeros((2, 2))
    parts[columns] = found
    covariance[np.ix_(columns, columns)] = scatter**2 * np.linalg.inv(design.T @ design)
    return Line(float(parts[0]), float(parts[1]), covariance)


def project(asked: Scale, rehearsed: Sequence[Study], device: str, scheduler: str) -> Projection:
    """Project a study from its rehearsals.

    Parameters
    ----------
    asked
        The whole study.
    rehearsed
        Finished studies in one folder, of more than one effort each unit once.
    device
        Name of what they were computed on.
    scheduler
        As for `require_room`.
    """
    stages = [stage_cost(stage.name, _measured(stage, rehearsed), _growths(stage, asked)) for stage in STAGES]
    found = [cost for cost in (_simulation(asked, rehearsed), *stages) if cost is not None]
    simulated = rehearsed[-1].simulated
    limits = _limits(asked, rehearsed[-1], found, scheduler)
    return Projection(asked.profile.name, device, simulated, tuple(found), limits)


def _growths(stage: Stage, asked: Scale) -> list[Growth]:
    return [stage.growth(asked.study, *key) for key in stage.asked(asked.study)]


def _measured(stage: Stage, studies: Iterable[Study]) -> list[Measured]:
    """Each unit once, whichever of the studies asks for it."""
    found = {}
    for study in studies:
        for key in stage.asked(study):
            unit = study.unit(stage.name, *key)
            noted = study.cost(unit)
            if unit.full_name not in found and "seconds" in noted:
                size = study.path(unit).stat().st_size
                found[unit.full_name] = _noted(noted, stage.growth(study, *key), size)
    return list(found.values())


def _noted(noted: dict[str, Any], growth: Growth, size: int) -> Measured:
    memory, device = noted["peak_memory_bytes"], noted.get("peak_device_bytes", 0)
    return Measured(growth, noted["seconds"], memory, device, size)


def _simulation(asked: Scale, studies: Sequence[Study]) -> StageCost | None:
    """Simulated recordings, which are no stage; None where recordings are given, or the study asks for real ones."""
    study = studies[-1]
    noted = study.cost(simulation_unit(study.profile))
    if asked.recordings or asked.profile.reconstructed_mice is not None or "seconds" not in noted:
        return None
    folders = [recording.path for recording in study.recordings]
    size = sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())
    trials = Growth(amount=sum(len(recording.trials) for recording in study.recordings))
    return stage_cost("simulation", [_noted(noted, trials, size)], [Growth(amount=asked.trials)], grows=True)


def stage_cost(
    name: str, measured: Sequence[Measured], asked: Sequence[Growth], grows: bool = False
) -> StageCost | None:
    """One stage from units that were measured, for units that are asked for; None where there is nothing of it.

    Parameters
    ----------
    name
        Of the stage.
    measured
        Units of two amounts of each kind, at best; a kind that is lacking is taken to be like all others.
    asked
        Of all units of the whole study.
    grows
        Whether files grow with the amount, too.
    """
    if not measured or not asked:
        return None
    by_kind, wanted = defaultdict(list), defaultdict(list)
    for one in measured:
        by_kind[one.growth.kind].append(one)
    for growth in asked:
        wanted[growth.kind].append(growth.amount)
    seconds = variance = size = longest = 0.0
    for kind, amounts in wanted.items():
        alike = by_kind.get(kind) or list(measured)  # a kind that the rehearsal lacks
        line = fit([one.growth.amount for one in alike], [one.seconds for one in alike])
        total, error = line.seconds(amounts)
        seconds, variance = seconds + total, variance + error**2
        longest = max(longest, line.fixed + line.slope * max(amounts))
        a_unit = float(np.mean([one.bytes for one in alike]))
        size += sum(amounts) / alike[0].growth.amount * a_unit if grows else len(amounts) * a_unit
    return StageCost(
        name=name,
        units=len(measured),
        seconds=sum(one.seconds for one in measured),
        bytes=sum(one.bytes for one in measured),
        peak_memory_bytes=max(one.peak_memory_bytes for one in measured),
        peak_device_bytes=max(one.peak_device_bytes for one in measured),
        full_units=len(asked),
        full_seconds=seconds,
        full_error=float(np.sqrt(variance)),
        full_bytes=size,
        longest_seconds=longest,
    )


def _limits(asked: Scale, study: Study, stages: Sequence[StageCost], scheduler: str) -> tuple[Limit, ...]:
    """What may run out, the tightest first: as measured, and as the whole profile needs it."""
    largest = max(stages, key=lambda stage: stage.peak_memory_bytes)
    longest = max(stages, key=lambda stage: stage.longest_seconds)
    written = sum(stage.full_bytes for stage in stages)
    free = shutil.disk_usage(study.out).free
    memory = memory_of(asked.profile, scheduler)[0]
    hours = hours_of(asked.profile.cluster.walltime)
    known = [
        Limit(f"memory for {need.what}", need.bytes / 1e9, there / 1e9, "GB", need.keys)
        for need in needs(asked)
        for there in [memory_there(asked, scheduler, need.on_device)]
    ]
    found = [
        Limit(
            f"memory of a process ({largest.name})",
            largest.peak_memory_bytes / 1e9,
            memory / 1e9,
            "GB",
            MEMORY_KEYS.get(largest.name, "instances"),
        ),
        Limit("disk", written / 1e9, free / 1e9, "GB", "--out"),
        Limit(f"walltime of a job ({longest.name})", longest.longest_seconds / 3600, hours, "h", "cluster.walltime"),
    ]
    return tuple(sorted([*found, *known], key=lambda limit: -limit.share))


def hours_of(walltime: str) -> float:
    """Of a walltime as Slurm writes it: ``24:00:00``, ``2-00``, ``2-00:00:00``; without hours ``30:00``, or minutes."""
    days, _, clock = walltime.rpartition("-")
    parts = [float(part) for part in clock.split(":")]
    if not days and len(parts) < 3:
        parts = [0.0, *parts]
    return float(days or 0) * 24 + sum(part / 60**place for place, part in enumerate(parts))
