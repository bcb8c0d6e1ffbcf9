"""Write a recording in the Sensorium 2023 layout: complete under its name, or not there at all."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from movrecon_core.errors import RecordingError
from movrecon_core.recordings.recording import require_name
from movrecon_core.storage.files import renaming_folder

GREY_LEVELS = 256
NEURONS = 256
"""Of which all responses are looked at together."""


class RecordingWriter:
    """Takes the arrays of one mouse one by one; use it through `recording_writer`.

    Attributes
    ----------
    path
        Directory that is being filled; renamed to its final name at the end.
    """

    def __init__(self, path: Path, stopped: Callable[[], bool] = lambda: False) -> None:
        self.path = path
        self._stopped = stopped
        self._grey_levels = np.zeros(GREY_LEVELS, np.int64)
        self._signals: dict[str, list[NDArray[np.float32]]] = {"behavior": [], "pupil_center": []}
        self._responses: list[Path] = []

    def movie(self, trial: int, movie: NDArray[np.floating]) -> None:
        """Write a movie (T, 36, 64), grey levels 0..255."""
        self._grey_levels += np.bincount(movie.astype(np.uint8).ravel(), minlength=GREY_LEVELS)
        self._save(f"data/videos/{trial}.npy", np.moveaxis(movie, 0, -1).astype(np.float32, order="C"))

    def signal(self, name: str, trial: int, array: NDArray[np.floating]) -> None:
        """Write `responses` (N, T), `behavior` (2, T) or `pupil_center` (2, T) of a trial."""
        array = array.astype(np.float32, order="C")
        self._save(f"data/{name}/{trial}.npy", array)
        if name == "responses":  # which fill memory
            self._responses.append(self.path / f"data/{name}/{trial}.npy")
        else:
            self._signals[name].append(array)

    def extra(self, name: Path, array: NDArray) -> None:
        """Write an array that the layout does not know."""
        self._save(str(name), array)

    def text(self, name: Path, content: str) -> None:
        """Write a text file that the layout does not know."""
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(content, encoding="utf-8")

    def metadata(
        self, tiers: ArrayLike, unit_ids: ArrayLike | None = None, coordinates: ArrayLike | None = None
    ) -> None:
        """Write tiers (trials,), unit ids (N,), coordinates (N, 3) in micrometres, and the statistics of all trials.

        The statistics' shapes are those of the released recordings: scalars for movies (of whole grey
        levels), one value a neuron for responses, one a frame for behaviour.
        """
        self._save("meta/trials/tiers.npy", np.asarray(tiers, dtype=str))
        if unit_ids is not None:
            self._save("meta/neurons/unit_ids.npy", np.asarray(unit_ids, dtype=np.int64))
        if coordinates is not None:
            self._save("meta/neurons/cell_motor_coordinates.npy", np.asarray(coordinates, dtype=np.float32))
        self._save_statistics("videos", self._movie_statistics())
        self._save_statistics("responses", self._response_statistics())
        for name in filter(self._signals.get, ("behavior", "pupil_center")):  # a recording may lack them
            shortest = min(array.shape[1] for array in self._signals[name])
            stacked = np.stack([array[:, :shortest] for array in self._signals[name]])
            self._save_statistics(name, _statistics(stacked, 0))

    def _movie_statistics(self) -> dict[str, float]:
        level, count = np.arange(GREY_LEVELS), self._grey_levels
        mean = np.average(level, weights=count)
        below = np.cumsum(count)
        middle = [np.searchsorted(below, rank, side="right") for rank in ((below[-1] - 1) // 2, below[-1] // 2)]
        return {
            "mean": mean,
            "std": np.sqrt(np.average((level - mean) ** 2, weights=count)),
            "min": np.flatnonzero(count)[0],
            "max": np.flatnonzero(count)[-1],
            "median": np.mean(middle),
        }

    def _response_statistics(self) -> dict[str, NDArray]:
        """Of some neurons after others, as they were written."""
        trials = [np.load(file, mmap_mode="r", allow_pickle=False) for file in self._responses]
        parts = []
        for first in range(0, len(trials[0]), NEURONS):
            parts.append(_statistics(np.concatenate([trial[first : first + NEURONS] for trial in trials], axis=1), 1))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _save_statistics(self, signal: str, values: Mapping[str, ArrayLike]) -> None:
        for name, value in values.items():
            self._save(f"meta/statistics/{signal}/all/{name}.npy", np.asarray(value, dtype=np.float32))

    def _save(self, name: str, array: NDArray) -> None:
        if self._stopped():
            raise InterruptedError("stopped")
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, array, allow_pickle=False)


def _statistics(values: NDArray[np.float32], axis: int) -> dict[str, NDArray]:
    return {f.__name__: f(values, axis=axis) for f in (np.mean, np.std, np.min, np.max, np.median)}


@contextmanager
def recording_writer(path: Path, stopped: Callable[[], bool] = lambda: False) -> Iterator[RecordingWriter]:
    """Fill a recording's directory under a temporary name and rename it when the block ends without an error.

    Parameters
    ----------
    path
        The mouse's directory; must not exist yet.
    stopped
        Asked before every file; once it is true, the next one raises.

    Raises
    ------
    RecordingError
        If it exists already, its name is too long, or its folder cannot be written to.
    InterruptedError
        If it was stopped; nothing is left of it.
    """
    require_name(path)
    if path.exists():
        raise RecordingError(f"{path}: exists already; remove it or choose another folder")
    try:
        with renaming_folder(path) as partial:
            yield RecordingWriter(partial, stopped)
    except InterruptedError:
        raise
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written ({error.strerror or error}); choose another folder") from None
