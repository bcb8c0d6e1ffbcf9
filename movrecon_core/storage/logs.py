"""A log for every task: where and when it ran, how long it took, or why it failed."""

import os
import socket
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_FAILED = ".failed.log"


@dataclass(frozen=True)
class Failure:
    """A task that failed.

    Attributes
    ----------
    log
        Its file, with the traceback.
    units
        Names of its units, ``kind/name``; some of them may have been stored before.
    error
        What went wrong, in one line.
    """

    log: Path
    units: tuple[str, ...]
    error: str


@contextmanager
def logged(folder: Path, units: Sequence[str], where: str) -> Iterator[None]:
    """Keep a log of what happens in the block, under the name of its first unit.

    A log that cannot be written stops nothing: where the disk is full, the results say so.

    Parameters
    ----------
    folder
        Where the logs are.
    units
        Names of the units, ``kind/name``.
    where
        Device and threads, in words.
    """
    log, failed = folder / f"{units[0]}.log", folder / f"{units[0]}{_FAILED}"
    head = f"{_now()} {socket.gethostname()} process {os.getpid()}, {where}"
    lines = [head, *(f"unit: {unit}" for unit in units)]
    _write(log, lines)
    started = time.monotonic()
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        _write(failed, [*lines, f"{_now()} failed: {reason}", traceback.format_exc()])
        with suppress(OSError):
            log.unlink(missing_ok=True)
        raise
    _write(log, [*lines, f"{_now()} done in {time.monotonic() - started:.1f} s"])
    with suppress(OSError):
        failed.unlink(missing_ok=True)


def failures(folder: Path) -> list[Failure]:
    """Tasks whose last attempt failed."""
    found = []
    for log in sorted(folder.rglob(f"*{_FAILED}")):
        with suppress(OSError):
            lines = log.read_text("utf-8", errors="replace").splitlines()
            units = tuple(line.removeprefix("unit: ") for line in lines if line.startswith("unit: "))
            errors = [line.partition(" failed: ")[2] for line in lines if " failed: " in line]
            found.append(Failure(log, units, errors[0] if errors else "unknown"))
    return found


def log_of(folder: Path, unit: str) -> Path:
    """Log of a task that does not fail, by its first unit."""
    return folder / f"{unit}.log"


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


def _write(path: Path, lines: Sequence[str]) -> None:
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
