"""Training trials of one mouse in a few memory-mapped arrays, frame after frame, so that a stretch is one short read.

A recording keeps a trial in files of some 10 MB whose last axis is time: 16 frames of it touch every page. The cache
is made once, knows the content of every file that it was made from, and is made again when one of them changes.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from movrecon_core.errors import RecordingError
from movrecon_core.recordings.recording import FRAME_HEIGHT, FRAME_WIDTH, Recording, Trial
from movrecon_core.storage.files import renaming, renaming_folder
from movrecon_core.storage.locks import acquire

Precision = Literal["exact", "half"]
"""``exact``: what the recording holds. ``half``: half the room; responses to 2^-11 of their value (0.05 %), movies to
1/16 of a grey level unless their grey levels are whole, which are exact either way."""

_MANIFEST = "manifest.json"
_VERSION = 1
_BEHAVIOR = 4
_LARGEST_HALF = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class TrialCache:
    """Trials of one mouse, end to end.

    Attributes
    ----------
    recording
        The mouse.
    starts, lengths
        First frame and number of frames of each trial, by trial number.
    movies
        (frames, 36, 64), grey levels 0..255: bytes where they are whole.
    responses
        (frames, N), >= 0.
    behavior
        (frames, 4), pupil dilation, running speed, pupil x and y.
    """

    recording: Recording
    starts: dict[int, int]
    lengths: dict[int, int]
    movies: NDArray
    responses: NDArray
    behavior: NDArray[np.float32]

    def stretch(self, trial: int, first: int, span: int, step: int = 1) -> tuple[NDArray, NDArray, NDArray]:
        """Every step-th frame of a stretch: movie (T, 36, 64), responses (T, N), behaviour (T, 4), as stored."""
        frames = slice(self.starts[trial] + first, self.starts[trial] + first + span, step)
        return self.movies[frames], self.responses[frames], self.behavior[frames]

    def trials(self) -> Iterator[Trial]:
        """Whole trials, one by one."""
        for index, frames in self.lengths.items():
            movie, responses, behavior = (x.astype(np.float32) for x in self.stretch(index, 0, frames))
            yield Trial(self.recording.name, index, movie, responses.T, behavior.T[:2], behavior.T[2:])


def cached_trials(
    recording: Recording, trials: Sequence[int], folder: Path, precision: Precision = "exact"
) -> TrialCache:
    """Open the cache of some trials; make it first where it is missing, damaged or out of date.

    Parameters
    ----------
    recording
        The mouse.
    trials
        Trial numbers; no other trial is read.
    folder
        Where caches lie; processes that want the same one wait for each other.
    precision
        See `Precision`.

    Raises
    ------
    RecordingError
        If a trial cannot be read, or the cache cannot be written.
    """
    # A signal's folder may be a link, or be added later: another place is another cache.
    places = [os.path.realpath(recording.path / "data" / signal) for signal in recording.signals]
    name = hashlib.sha256(repr((places, sorted(trials), precision, _VERSION)).encode()).hexdigest()[:12]
    path = folder / f"{recording.name}-{name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{path.name}.lock", fallback_to_soft=False)
        acquire(lock)
        try:
            manifest = _sound_manifest(path, recording)
            if manifest is None:
                manifest = _make(path, recording, trials, precision)
        finally:
            lock.release()
    except OSError as error:
        raise RecordingError(f"{path}: the cache cannot be written ({error.strerror or error})") from None
    return _open(path, recording, manifest)


def _sound_manifest(path: Path, recording: Recording) -> dict[str, Any] | None:
    """What a cache says of itself; None where it cannot be used.

    A source file whose size and time of change are those of then counts as unchanged; of another its content decides.
    """
    try:
        manifest: dict[str, Any] = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
        for name, array in manifest["arrays"].items():
            size = int(np.prod(array["shape"])) * np.dtype(array["dtype"]).itemsize
            if (path / f"{name}.raw").stat().st_size != size:
                return None
        touched = False
        for name, seen in manifest["sources"].items():
            file = recording.path / name
            status = file.stat()
            if [status.st_size, status.st_mtime_ns] != seen[:2]:
                if status.st_size != seen[0] or hashlib.sha256(file.read_bytes()).hexdigest() != seen[2]:
                    return None
                seen[1], touched = status.st_mtime_ns, True
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if touched:
        _write_manifest(path, manifest)
    return manifest


class _FractionalGreyLevelsError(Exception):
    """A movie whose grey levels are not whole: none of the mouse's is stored as bytes."""


def _make(path: Path, recording: Recording, trials: Sequence[int], precision: Precision) -> dict[str, Any]:
    half = precision == "half"
    with renaming_folder(path) as partial:
        try:
            return _fill(partial, recording, trials, np.dtype(np.uint8), half)
        except _FractionalGreyLevelsError:
            return _fill(partial, recording, trials, np.dtype(np.float16 if half else np.float32), half)


def _fill(partial: Path, recording: Recording, trials: Sequence[int], grey: np.dtype, half: bool) -> dict[str, Any]:
    """Write all trials to a folder and say what was written."""
    single = np.dtype(np.float32)
    dtypes = {"movies": grey, "responses": np.dtype(np.float16) if half else single, "behavior": single}
    sources: dict[str, list[Any]] = {}
    lengths: dict[int, int] = {}
    with ExitStack() as stack:
        files: dict[str, BinaryIO] = {
            name: stack.enter_context((partial / f"{name}.raw").open("wb")) for name in dtypes
        }
        for index in sorted(trials):
            trial = _read(recording, index, sources)
            if grey == np.uint8 and not np.array_equal(trial.movie, np.rint(np.clip(trial.movie, 0, 255))):
                raise _FractionalGreyLevelsError
            if half and trial.responses.size and trial.responses.max() > _LARGEST_HALF:
                raise RecordingError(
                    f"{recording.file('responses', index)}: a response of {trial.responses.max():g} does not fit half "
                    f"precision, which ends at {_LARGEST_HALF:g}; set training.cache to 'exact'"
                )
            behavior = np.concatenate([trial.behavior, trial.pupil_center])
            for name, values in (("movies", trial.movie), ("responses", trial.responses.T), ("behavior", behavior.T)):
                files[name].write(np.ascontiguousarray(values, dtype=dtypes[name]).data)
            lengths[index] = trial.frames
    frames = sum(lengths.values())
    shapes: dict[str, tuple[int, ...]] = {
        "movies": (frames, FRAME_HEIGHT, FRAME_WIDTH),
        "responses": (frames, recording.neurons),
    }
    shapes["behavior"] = (frames, _BEHAVIOR)
    manifest = {
        "arrays": {name: {"dtype": str(dtypes[name]), "shape": shapes[name]} for name in dtypes},
        "lengths": {str(index): length for index, length in lengths.items()},
        "sources": sources,
    }
    _write_manifest(partial, manifest)
    return manifest


def _read(recording: Recording, index: int, sources: dict[str, list[Any]]) -> Trial:
    """Read a trial, and note what its files looked like."""
    for signal in recording.signals:
        file = recording.file(signal, index)
        try:
            content, status = file.read_bytes(), file.stat()
        except OSError as error:
            raise RecordingError(f"{file}: cannot be read ({error.strerror})") from None
        name = str(file.relative_to(recording.path))
        sources[name] = [status.st_size, status.st_mtime_ns, hashlib.sha256(content).hexdigest()]
    return recording.trial(index)


def _write_manifest(path: Path, manifest: dict[str, Any]) -> None:
    with renaming(path / _MANIFEST) as temporary:
        temporary.write_text(json.dumps(manifest), encoding="utf-8")


def _open(path: Path, recording: Recording, manifest: dict[str, Any]) -> TrialCache:
    arrays = {
        name: np.memmap(path / f"{name}.raw", dtype=array["dtype"], mode="r", shape=tuple(array["shape"]))
        for name, array in manifest["arrays"].items()
    }
    lengths = {int(index): length for index, length in manifest["lengths"].items()}
    ends = np.cumsum([0, *lengths.values()])
    starts = {index: int(end) for index, end in zip(lengths, ends[:-1], strict=True)}
    return TrialCache(recording, starts, lengths, **arrays)
