"""What a piece of work cost: seconds and peak memory, children included."""

import threading
import time
from dataclasses import dataclass
from types import TracebackType

import psutil


@dataclass
class Cost:
    """Measured while a ``with`` block runs.

    Attributes
    ----------
    seconds
        Wall time.
    peak_memory_bytes
        Largest resident memory of this process and its children, seen every 50 ms.
    """

    seconds: float = 0.0
    peak_memory_bytes: int = 0

    def __enter__(self) -> "Cost":
        self._stop = threading.Event()
        self._started = time.monotonic()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._watcher.join()
        self.seconds = time.monotonic() - self._started

    def attributes(self, share: int = 1) -> dict[str, float | int]:
        """As attributes of a stored unit; the seconds are divided where several units were computed together."""
        return {"seconds": round(self.seconds / share, 3), "peak_memory_bytes": self.peak_memory_bytes}

    def _watch(self) -> None:
        process = psutil.Process()
        while True:
            self.peak_memory_bytes = max(self.peak_memory_bytes, resident_memory(process))
            if self._stop.wait(0.05):
                return


def resident_memory(process: psutil.Process) -> int:
    """Resident bytes of a process and all its children."""
    total = process.memory_info().rss
    for child in process.children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.Error:  # it ended between the two calls
            continue
    return int(total)
