"""How far a long piece of work is: a bar in a terminal, plain lines in a log."""

import multiprocessing
import sys
import time
from types import TracebackType
from typing import Self

from tqdm import tqdm

LINE_INTERVAL = 10.0
"""Seconds between two lines of a log."""


class Progress:
    """Counts finished steps; used as a context.

    Parameters
    ----------
    total
        Number of steps.
    label
        What is being done.
    unit
        What one step is.
    initial
        Steps that were done before; they count, but not for the rate.
    """

    def __init__(self, total: int, label: str, unit: str = "unit", initial: int = 0) -> None:
        self._total, self._label = total, label
        self._units = unit if total == 1 else {"mouse": "mice"}.get(unit, f"{unit}s")
        self._initial = self._done = initial
        self._started = self._last = time.monotonic()
        # Bars of several processes would overwrite each other.
        alone = multiprocessing.parent_process() is None and sys.stderr.isatty()
        self._bar = tqdm(total=total, initial=initial, desc=label, unit=unit, file=sys.stderr) if alone else None

    def __enter__(self) -> Self:
        if self._bar is None:
            self._print(f"{self._label}: {self._total} {self._units}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()
        elif kind is None:
            self._print(f"{self._label}: done in {duration(time.monotonic() - self._started)}")

    def step(self, count: int = 1) -> None:
        """Count finished steps and, in a log, say so every ten seconds."""
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        elif time.monotonic() - self._last >= LINE_INTERVAL:
            self._last = time.monotonic()
            rate = (self._done - self._initial) / (self._last - self._started)
            left = duration((self._total - self._done) / rate) if rate else "unknown time"
            self._print(f"{self._label}: {self._done}/{self._total} {self._units}, {rate:.2f}/s, {left} left")

    def _print(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds in words: ``42 s``, ``3 min 5 s``, ``2 h 10 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
