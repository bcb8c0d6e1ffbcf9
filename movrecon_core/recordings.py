"""A recording in the Sensorium 2023 layout, read lazily: one directory a mouse, one file a trial and signal."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import RecordingError

FRAME_HEIGHT, FRAME_WIDTH = 36, 64
FRAME_RATE = 30.0
SIGNALS = ("videos", "responses", "behavior", "pupil_center")
_AXES = {
    "videos": ("36", "64", "frames"),
    "responses": ("neurons", "frames"),
    "behavior": ("2", "frames"),
    "pupil_center": ("2", "frames"),
}
SIMULATED_MARKER = Path("meta", "simulated.json")
"""Present in a recording that was simulated; figures and tables say so where it is."""


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
    """

    recording: str
    index: int
    movie: NDArray[np.float32]
    responses: NDArray[np.float32]
    behavior: NDArray[np.float32]
    pupil_center: NDArray[np.float32]
    negative_responses: int = 0

    @property
    def frames(self) -> int:
        return self.movie.shape[0]


@dataclass(frozen=True)
class Recording:
    """One mouse: where its files are, its trials and tiers. Arrays are read when they are asked for."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def simulated(self) -> bool:
        return (self.path / SIMULATED_MARKER).is_file()

    def file(self, signal: str, trial: int) -> Path:
        return self.path / "data" / signal / f"{trial}.npy"

    @cached_property
    def trials(self) -> tuple[int, ...]:
        """Trial numbers that have a movie, in increasing order."""
        folder = self.path / "data" / "videos"
        if not folder.is_dir():
            raise RecordingError(f"{folder}: no such directory; a recording has data/videos/<trial>.npy")
        return tuple(sorted(int(p.stem) for p in folder.glob("*.npy") if p.stem.isdigit()))

    @cached_property
    def tiers(self) -> NDArray[np.str_]:
        """Tier of every trial, indexed by trial number."""
        file = self.path / "meta" / "trials" / "tiers.npy"
        tiers = load_array(file)
        if tiers.ndim != 1 or tiers.dtype.kind not in "US":
            raise RecordingError(f"{file}: expected one name a trial, found {tiers.dtype} of shape {tiers.shape}")
        return tiers.astype(str)

    @cached_property
    def neurons(self) -> int:
        first = next((t for t in self.trials if self.file("responses", t).is_file()), None)
        if first is None:
            raise RecordingError(f"{self.path}: no trial has responses")
        return int(load_array(self.file("responses", first), mmap=True).shape[0])

    def trials_of_tier(self, tier: str) -> tuple[int, ...]:
        return tuple(t for t in self.trials if t < len(self.tiers) and self.tiers[t] == tier)

    def has_responses(self, trial: int) -> bool:
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
            infinity inside the valid length.
        """
        arrays = {signal: self._numbers(signal, index) for signal in SIGNALS}
        if arrays["videos"].shape[:2] != (FRAME_HEIGHT, FRAME_WIDTH):
            raise RecordingError(
                f"{self.file('videos', index)}: expected (36, 64, frames), found {arrays['videos'].shape}"
            )
        frames = valid_length(arrays["responses"])
        for signal, array in arrays.items():
            if array.shape[-1] < frames:
                raise RecordingError(
                    f"{self.file(signal, index)}: expected at least {frames} frames, found shape {array.shape}"
                )
            if not np.isfinite(array[..., :frames]).all():
                raise RecordingError(
                    f"{self.file(signal, index)}: NaN or infinity within the {frames} valid frames; "
                    "only the end of a trial may be padded with NaN"
                )
        responses = arrays["responses"][:, :frames]
        return Trial(
            recording=self.name,
            index=index,
            movie=np.ascontiguousarray(np.moveaxis(arrays["videos"][..., :frames], -1, 0), dtype=np.float32),
            responses=np.maximum(responses, 0, dtype=np.float32),
            behavior=arrays["behavior"][:, :frames].astype(np.float32),
            pupil_center=arrays["pupil_center"][:, :frames].astype(np.float32),
            negative_responses=int((responses < 0).sum()),
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
    """Recordings of several mice; a path is one mouse's directory or a folder of such directories.

    Raises
    ------
    RecordingError
        If a path does not exist or holds no recording.
    """
    found: list[Recording] = []
    for path in paths:
        if not path.is_dir():
            raise RecordingError(f"{path}: no such directory")
        # Hidden ones are recordings whose writing was interrupted.
        inside = sorted(p for p in path.iterdir() if (p / "data").is_dir() and not p.name.startswith("."))
        mice = [path] if (path / "data").is_dir() else inside
        if not mice:
            raise RecordingError(f"{path}: no recording here; expected <mouse>/data/videos and <mouse>/meta")
        found += [Recording(mouse.resolve()) for mouse in mice]
    return found


def valid_length(responses: NDArray[np.floating]) -> int:
    """Frames before the padding, in which every neuron is NaN.

    Parameters
    ----------
    responses
        (N, T).
    """
    recorded = np.flatnonzero(~np.isnan(responses).all(axis=0))
    return int(recorded[-1]) + 1 if recorded.size else 0


def load_array(path: Path, mmap: bool = False) -> NDArray:
    """Read a .npy file without unpickling.

    Raises
    ------
    RecordingError
        If the file is missing, truncated, or not an array of numbers or text.
    """
    if not path.exists():
        raise RecordingError(f"{path}: no such file")
    if not path.is_file():
        raise RecordingError(f"{path}: not a file")
    try:
        array = np.lib.format.open_memmap(path, mode="r")
        return array if mmap else np.array(array)
    except Exception as error:  # numpy raises anything on a header that it cannot read
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RecordingError(f"{path}: not a readable .npy file ({reason[:200]})") from None
