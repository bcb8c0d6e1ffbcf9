"""How far a study is, read from its folder alone: done, running, failed, remaining, hours left; stale and damaged."""

import json
import os
import statistics
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from movrecon_core.errors import StoreError
from movrecon_core.progress import Progress
from movrecon_core.storage import CLAIMS, LOGS, PLAN
from movrecon_core.storage.archive import attributes_of, opened
from movrecon_core.storage.claims import running
from movrecon_core.storage.files import set_aside
from movrecon_core.storage.logs import failures, log_of

_SAMPLED = 25
"""So many units of a stage say how long one takes."""
_DIGEST = 13
"""Characters of a unit's name that are its digest, with the hyphen before."""


@dataclass(frozen=True)
class StageStatus:
    """One stage.

    Attributes
    ----------
    done, running, failed, remaining
        Numbers of units; running and failed ones also count as remaining.
    seconds
        That one unit takes, the median of those that are done; None: none is.
    """

    name: str
    done: int
    running: int
    failed: int
    remaining: int
    seconds: float | None


@dataclass(frozen=True)
class Status:
    """A whole study.

    Attributes
    ----------
    stages
        In their order.
    workers
        How many tasks are computed at this moment.
    failures
        Log and error of tasks that failed and were not computed since.
    stale
        Files of units that were computed with other code, parameters or data, and why; they are not used.
    damaged
        Files that were found damaged and set aside.
    rehearsal
        Whether it is the rehearsal of a study, and its results mean nothing.
    """

    stages: tuple[StageStatus, ...]
    workers: int
    failures: tuple[tuple[Path, str], ...]
    stale: tuple[tuple[Path, str], ...]
    damaged: tuple[Path, ...]
    rehearsal: bool

    @property
    def hours_left(self) -> float:
        """From the seconds that units took, with as many workers as there are now; unmeasured stages are left out."""
        seconds = sum(stage.remaining * stage.seconds for stage in self.stages if stage.seconds is not None)
        return seconds / 3600 / max(1, self.workers)


def read_status(out: Path) -> Status:
    """Look at a folder of results.

    Parameters
    ----------
    out
        As given to `movrecon run --out`.

    Raises
    ------
    StoreError
        If no run has begun in it.
    """
    rehearsal, planned = _plan(out)
    present = {path: None for folder in ("encoders", "store") for path in _files(out, out / folder)}
    claimed = running(out / CLAIMS)
    stages, failed_logs = [], []
    wanted = {path for stage in planned for path in stage.get("files", [])}
    names = {_unit(path): path for path in wanted}
    failed_units = set()
    for failure in failures(out / LOGS):
        lacking = {unit for unit in failure.units if unit in names and names[unit] not in present}
        if lacking:
            failed_units |= lacking
            failed_logs.append((failure.log, failure.error))
    for stage in planned:
        files = stage.get("files", [])
        done = [path for path in files if path in present]
        units = {_unit(path) for path in files}
        stages.append(
            StageStatus(
                stage["stage"],
                len(done),
                len(units.intersection(claimed)),
                len(units & failed_units),
                stage.get("count", len(files)) - len(done),
                _median_seconds(out, done),
            )
        )
    tasks = sum(log_of(out / LOGS, unit).is_file() for unit in claimed)
    damaged = tuple(out / path for path in present if path.endswith(".damaged"))
    return Status(
        tuple(stages), tasks, tuple(failed_logs), tuple(_stale(out, planned, present, wanted)), damaged, rehearsal
    )


def set_damaged_aside(out: Path) -> None:
    """Read all results and compare their checksums; damaged ones get another name, and are computed by the next run.

    Raises
    ------
    StoreError
        If a file cannot be read or renamed.
    """
    present = [path for folder in ("encoders", "store") for path in _files(out, out / folder)]
    wanted = [path for path in present if path.endswith((".zarr.zip", ".pth"))]
    with Progress(len(wanted), "results: checksums", "file") as progress:
        for path in wanted:
            if not _is_sound(out / path):
                set_aside(out / path)
            progress.step()


def _is_sound(path: Path) -> bool:
    try:
        if path.suffix == ".pth":
            with zipfile.ZipFile(path) as file:
                return file.testzip() is None
        opened(path.read_bytes())
        return True
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror or error})") from None
    except Exception:  # zipfile raises anything on a damaged file
        return False


def report(status: Status, out: Path) -> str:
    """A status in words: a table, then what needs attention."""
    head = ["a rehearsal: its results mean nothing"] if status.rehearsal else []
    rows = [("stage", "done", "running", "failed", "remaining")]
    rows += [(s.name, str(s.done), str(s.running), str(s.failed), str(s.remaining)) for s in status.stages]
    lines = head + [f"{name:<24}" + "".join(f"{value:>11}" for value in values) for name, *values in rows]
    unmeasured = [stage.name for stage in status.stages if stage.remaining and stage.seconds is None]
    at_work = f"{max(1, status.workers)} worker{'s' if status.workers > 1 else ''}"
    lines.append(f"hours left: {status.hours_left:.2f} with {at_work}")
    if unmeasured:
        lines[-1] += f", besides {', '.join(unmeasured)}: not measured yet"
    lines += [f"failed: {error} (log: {log.relative_to(out)})" for log, error in status.failures]
    lines += [f"stale: {path.relative_to(out)}: {reason}; not used" for path, reason in status.stale]
    lines += [f"damaged, set aside: {path.relative_to(out)}" for path in status.damaged]
    return "\n".join(lines)


def _plan(out: Path) -> tuple[bool, list[dict[str, Any]]]:
    """Whether it is a rehearsal, and its stages."""
    try:
        plan = json.loads((out / PLAN).read_text("utf-8"))
        stages, rehearsal = plan["stages"], plan.get("rehearsal") is True
        for stage in stages:
            if not isinstance(stage["stage"], str) or not isinstance(stage.get("count", 0), int):
                raise TypeError
            if not all(isinstance(path, str) for path in stage.get("files", [])):
                raise TypeError
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise StoreError(f"{out / PLAN}: no run has begun here; `movrecon run --out {out}` begins one") from None
    return rehearsal, list(stages)


def _files(out: Path, folder: Path) -> Iterator[str]:
    """Paths of all files below a folder, relative to the results."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _files(out, Path(entry.path))
                elif not entry.name.startswith("."):
                    yield entry.path[len(str(out)) + 1 :]
    except OSError:
        return


def _unit(path: str) -> str:
    """Name of a unit, ``kind/name``, from its file."""
    return path.removeprefix("store/").removesuffix(".zarr.zip").removesuffix(".pth")


def _median_seconds(out: Path, done: list[str]) -> float | None:
    sampled = done[:: max(1, len(done) // _SAMPLED)]
    found = [_attributes(out / path).get("seconds") for path in sampled]
    seconds = [value for value in found if isinstance(value, int | float)]
    return statistics.median(seconds) if seconds else None


def _attributes(path: Path) -> Mapping[str, Any]:
    """What is noted in a unit's file, or beside an encoder."""
    if path.suffix != ".pth":
        return attributes_of(path)
    try:
        cost = json.loads(path.with_suffix(".cost.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return cost if isinstance(cost, dict) else {}


def _stale(
    out: Path, planned: list[dict[str, Any]], present: Mapping[str, None], wanted: set[str]
) -> Iterator[tuple[Path, str]]:
    """Files with the label of a planned unit and another digest."""
    labels = {_unit(path)[:-_DIGEST]: stage.get("code") for stage in planned for path in stage.get("files", [])}
    for path in present:
        label = _unit(path)[:-_DIGEST]
        if path not in wanted and label in labels and path.endswith((".zarr.zip", ".pth")):
            yield out / path, _difference(attributes_of(out / path), labels[label])


def _difference(attributes: Mapping[str, Any], code: Any) -> str:
    try:
        was = json.loads(attributes["definition"])["code"]
    except (KeyError, ValueError, TypeError):
        return "of other code, parameters or data"
    return "of other parameters or data" if was == code else f"of other code ({was}, now {code})"
