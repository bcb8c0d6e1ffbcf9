"""A recording in the Sensorium 2023 layout, read lazily: one directory a mouse, one file a trial and signal."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import RecordingError
from movrecon_core.recordings.npy import TIERS_FILE, load_array, missing_tiers, read_tiers

FRAME_HEIGHT, FRAME_WIDTH = 36, 64
FRAME_RATE = 30.0
DEGREES_PER_PIXEL = 3.4
"""At the centre of the screen (article, Source data)."""
SIGNALS = ("videos", "responses", "behavior", "pupil_center")
BEHAVIOUR = {"behavior": ("pupil dilation", "running speed"), "pupil_center": ("pupil position", "pupil position")}
"""What the two rows of each are; a recording may lack them."""
LONGEST_GAP = 30
"""Frames, a second: shorter gaps (NaN) in pupil or running, such as blinks, are interpolated (chosen)."""
LONGEST_NAME = 128
"""Bytes of a mouse's name; results are files whose names begin with it, and file systems take 255."""
_AXES = {
    "videos": ("36", "64", "frames"),
    "responses": ("neurons", "frames"),
    "behavior": ("2", "frames"),
    "pupil_center": ("2", "frames"),
}
SIMULATED_MARKER = Path("meta", "simulated.json")
"""Present in a recording that was simulated; figures and tables say so where it is."""
ORIGIN = Path("meta", "origin.txt")
"""Where a recording came from and what was done to it, in words; present in one that was imported."""


@dataclass(frozen=True)
class Trial:
    """One movie and what was recorded while it was shown, cut to its valid length of T frames.

    Attributes
    ----------
    recording
        Name of the mouse's directory.
    index
        Trial number, the file name's stem.
    movie
        (T, 36, 64), grey levels 0..255.
    responses
        (N, T), deconvolved activity, >= 0.
    behavior
        (2, T), pupil dilation and running speed.
    pupil_center
        (2, T), pupil position.
    negative_responses
        How many recorded values were below 0 and set to 0 (method: the scripts clip them).
    filled_frames
        How many frames of pupil or running were missing and interpolated.
    missing_signals
        Names of what was not recorded in this mouse and is 0 here, as `Recording.missing_signals`.
    """

    recording: str
    index: int
    movie: NDArray[np.float32]
    responses: NDArray[np.float32]
    behavior: NDArray[np.float32]
    pupil_center: NDArray[np.float32]
    negative_responses: int = 0
    filled_frames: int = 0
    missing_signals: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """Length T, at 30 Hz."""
        return self.movie.shape[0]


@dataclass(frozen=True)
class Recording:
    """One mouse: where its files are, its trials and tiers. Arrays are read when they are asked for."""

    path: Path

    @property
    def name(self) -> str:
        """That of the mouse's directory."""
        return self.path.name

    @property
    def simulated(self) -> bool:
        """Whether it is marked as simulated, which every figure says."""
        return (self.path / SIMULATED_MARKER).is_file()

    def file(self, signal: str, trial: int) -> Path:
        """Where one of `SIGNALS` of a trial is stored."""
        return self.path / "data" / signal / f"{trial}.npy"

    @cached_property
    def trials(self) -> tuple[int, ...]:
        """Trial numbers that have a movie, in increasing order."""
        folder = self.path / "data" / "videos"
        if not folder.is_dir():
            raise RecordingError(f"{folder}: no such directory; a recording has data/videos/<trial>.npy")
        return tuple(sorted(int(p.stem) for p in folder.glob("*.npy") if is_trial_name(p.stem)))

    @cached_property
    def tiers(self) -> NDArray[np.str_]:
        """Tier of every trial, indexed by trial number.

        Raises
        ------
        RecordingError
            If they cannot be read, or there are fewer than trials.
        """
        file = self.path / TIERS_FILE
        tiers = read_tiers(file)
        if self.trials and len(tiers) <= self.trials[-1]:
            raise RecordingError(f"{file}: {missing_tiers(len(tiers), self.trials[-1])}")
        return tiers

    @cached_property
    def missing(self) -> dict[str, tuple[bool, ...]]:
        """Rows of behaviour that were not recorded, and are read as 0: no folder, or NaN throughout the first trial."""
        found: dict[str, tuple[bool, ...]] = {}
        for signal in BEHAVIOUR:
            folder = self.path / "data" / signal
            numbers = sorted(int(p.stem) for p in folder.glob("*.npy") if is_trial_name(p.stem))
            first = self._numbers(signal, numbers[0]) if numbers else np.empty((0, 0))
            absent = not folder.is_dir()
            nothing = [bool(np.isnan(row).all()) for row in first] if len(first) == 2 else [absent, absent]
            found[signal] = tuple(nothing)
        return found

    @property
    def missing_signals(self) -> tuple[str, ...]:
        """Names of what was not recorded: ``pupil dilation``, ``running speed``, ``pupil position``."""
        return behaviour_names(self.missing)

    @property
    def signals(self) -> tuple[str, ...]:
        """Those of `SIGNALS` that have files; behaviour may have none."""
        return tuple(s for s in SIGNALS if s not in BEHAVIOUR or (self.path / "data" / s).is_dir())

    @cached_property
    def neurons(self) -> int:
        """Number N of neurons, the same in all trials."""
        first = next((t for t in self.trials if self.file("responses", t).is_file()), None)
        if first is None:
            raise RecordingError(f"{self.path}: no trial has responses")
        return int(load_array(self.file("responses", first), mmap=True).shape[0])

    def stored_mean(self, signal: str) -> NDArray[np.float32] | None:
        """Mean over trials (2, T) of ``behavior`` or ``pupil_center`` as the recording states it; None: it does not.

        Raises
        ------
        RecordingError
            If the file is no such array, or a row of it has no number at all.
        """
        file = self.stored_mean_file(signal)
        if not file.exists():
            return None
        mean = load_array(file)
        if mean.dtype.kind not in "fiu" or mean.ndim not in (1, 2) or len(mean) != 2:
            raise RecordingError(f"{file}: expected numbers of shape (2, frames), found {mean.dtype} {mean.shape}")
        rows = mean.reshape(2, -1).astype(np.float32)
        rows[list(self.missing[signal])] = 0
        known = rows[:, np.isfinite(rows).all(axis=0)]
        if not known.size:
            raise RecordingError(f"{file}: no frame without NaN or infinity; remove it to use the trials' own mean")
        return known

    def stored_mean_file(self, signal: str) -> Path:
        return self.path / "meta" / "statistics" / signal / "all" / "mean.npy"

    def trials_of_tier(self, tier: str) -> tuple[int, ...]:
        """Numbers of the trials of a tier, such as ``train`` or ``oracle``."""
        return tuple(t for t in self.trials if self.tiers[t] == tier)

    def has_responses(self, trial: int) -> bool:
        """Whether responses to a movie are there; the competition withheld some."""
        return self.file("responses", trial).is_file()

    def movie(self, trial: int, frames: int | None = None) -> NDArray[np.floating]:
        """Movie of a trial (T, 36, 64) as stored, NaN padding included; its first frames only, if so asked.

        Raises
        ------
        RecordingError
            If the file is missing, truncated or has no such shape.
        """
        file = self.file("videos", trial)
        movie = load_array(file, mmap=True)
        if movie.ndim != 3 or movie.shape[:2] != (FRAME_HEIGHT, FRAME_WIDTH):
            raise RecordingError(f"{file}: expected (36, 64, frames), found {movie.shape}")
        return np.moveaxis(movie[..., :frames], -1, 0)

    def trial(self, index: int) -> Trial:
        """Read one trial, cut to its valid length.

        Raises
        ------
        RecordingError
            If a file is missing, truncated, of another shape than its neighbours, or holds NaN or
            infinity inside the valid length; short gaps in pupil and running are interpolated.
        """
        arrays = {signal: self._numbers(signal, index) for signal in self.signals}
        if arrays["videos"].shape[:2] != (FRAME_HEIGHT, FRAME_WIDTH):
            raise RecordingError(
                f"{self.file('videos', index)}: expected (36, 64, frames), found {arrays['videos'].shape}"
            )
        frames = valid_length(arrays["responses"])
        filled = 0
        for signal, array in arrays.items():
            if array.shape[-1] < frames:
                raise RecordingError(
                    f"{self.file(signal, index)}: expected at least {frames} frames, found shape {array.shape}"
                )
            if signal in BEHAVIOUR:
                arrays[signal], count = fill_gaps(array[:, :frames], self.missing[signal])
                array, filled = arrays[signal], filled + count
            if not np.isfinite(array[..., :frames]).all():
                raise RecordingError(
                    f"{self.file(signal, index)}: NaN or infinity within the {frames} valid frames; "
                    "only the end of a trial may be padded with NaN, and only pupil and running may have gaps, "
                    f"of {LONGEST_GAP} frames at most"
                )
        responses = arrays["responses"][:, :frames]
        behavior, pupil_center = (arrays.get(name, np.zeros((2, frames))) for name in BEHAVIOUR)
        return Trial(
            recording=self.name,
            index=index,
            movie=np.ascontiguousarray(np.moveaxis(arrays["videos"][..., :frames], -1, 0), dtype=np.float32),
            responses=np.maximum(responses, 0, dtype=np.float32),
            behavior=behavior[:, :frames].astype(np.float32),
            pupil_center=pupil_center[:, :frames].astype(np.float32),
            negative_responses=int((responses < 0).sum()),
            filled_frames=filled,
            missing_signals=self.missing_signals,
        )

    def _numbers(self, signal: str, trial: int) -> NDArray:
        array = load_array(self.file(signal, trial))
        if array.dtype.kind not in "fiu" or array.ndim != len(_AXES[signal]):
            raise RecordingError(
                f"{self.file(signal, trial)}: expected numbers of shape ({', '.join(_AXES[signal])}), "
                f"found {array.dtype} of shape {array.shape}"
            )
        return array


def open_recordings(paths: Sequence[Path]) -> list[Recording]:
    """Recordings of several mice, each once; a path is one mouse's directory or a folder of such directories.

    Subfolders that may not be read, such as ``lost+found``, are skipped and named.

    Raises
    ------
    RecordingError
        If a path does not exist or holds no recording, or a mouse's name is too long.
    """
    found: list[Recording] = []
    for path in paths:
        if not path.is_dir():
            raise RecordingError(f"{path}: no such directory")
        mice = [path] if (path / "data").is_dir() else _mice_in(path)
        if not mice:
            raise RecordingError(f"{path}: no recording here; expected <mouse>/data/videos and <mouse>/meta")
        found += [recording for mouse in mice if (recording := Recording(mouse.resolve())) not in found]
    for recording in found:
        require_name(recording.path)
    return found


def require_name(mouse: Path) -> None:
    """Stop at a name that leaves no room for those of results.

    Raises
    ------
    RecordingError
        If it is longer than `LONGEST_NAME`.
    """
    if len(os.fsencode(mouse.name)) > LONGEST_NAME:
        raise RecordingError(f"{mouse}: rename it, a mouse's name may have {LONGEST_NAME} bytes at most")


def _mice_in(folder: Path) -> list[Path]:
    mice = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):  # a recording whose writing was interrupted
            continue
        try:
            os.stat(path / "data")
            mice.append(path)
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            print(f"{path}: skipped ({error.strerror})", file=sys.stderr)
    return mice


def is_trial_name(stem: str) -> bool:
    """Whether a file's name without suffix is a trial number as it is written: ``12``, neither ``012`` nor ``²``."""
    return stem.isdecimal() and str(int(stem)) == stem


def behaviour_names(missing: Mapping[str, Sequence[bool]]) -> tuple[str, ...]:
    """Names of the rows of behaviour that `Recording.missing` marks, each once."""
    names = [n for s, rows in missing.items() for n, absent in zip(BEHAVIOUR[s], rows, strict=True) if absent]
    return tuple(dict.fromkeys(names))


def fill_gaps(behaviour: NDArray[np.floating], missing: Sequence[bool] = (False, False)) -> tuple[NDArray, int]:
    """Interpolate gaps in behaviour that are not longer than `LONGEST_GAP`; at an end the nearest value is held.

    Parameters
    ----------
    behaviour
        (2, T), NaN where nothing was recorded.
    missing
        Rows that were not recorded at all: 0 throughout.

    Returns
    -------
    filled, frames
        (2, T), NaN in longer gaps alone; in how many frames something was interpolated.
    """
    filled = behaviour.astype(np.float64)
    filled[list(missing)] = 0
    interpolated = np.zeros(behaviour.shape[1], bool)
    for row in filled:
        lost = np.isnan(row)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], lost, [False]])))
        short = np.zeros_like(lost)
        for first, end in edges.reshape(-1, 2):
            short[first:end] = end - first <= LONGEST_GAP
        if short.any() and not lost.all():
            row[short] = np.interp(np.flatnonzero(short), np.flatnonzero(~lost), row[~lost])
            interpolated |= short
    return filled, int(interpolated.sum())


def valid_length(responses: NDArray[np.floating]) -> int:
    """Frames before the padding, in which every neuron is NaN.

    Parameters
    ----------
    responses
        (N, T).
    """
    recorded = np.flatnonzero(~np.isnan(responses).all(axis=0))
    return int(recorded[-1]) + 1 if recorded.size else 0
