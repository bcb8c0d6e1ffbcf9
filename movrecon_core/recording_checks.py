"""Check a recording before it is used: every problem in one pass, each with its file, what was expected, and found."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import RecordingError
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH, SIGNALS, load_array, valid_length

MINIMAL_FRAMES = 64
"""Two windows of the reconstruction (32 frames each; Methods, Video reconstruction)."""
TIERS_WITH_RESPONSES = ("train", "oracle")
"""Trials of other tiers may lack responses: the competition withheld them."""


@dataclass(frozen=True)
class Problem:
    """One thing that keeps a recording from being used."""

    file: Path
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.file}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True)
class RecordingReport:
    """What a check found.

    Attributes
    ----------
    path
        The mouse's directory.
    problems
        Empty for a recording that can be used.
    trials, trials_with_responses, neurons
        Its size, as far as it could be read.
    negative_responses
        How many recorded values are below 0. They are set to 0 when read, as the method does, and are no problem.
    """

    path: Path
    problems: tuple[Problem, ...]
    trials: int
    trials_with_responses: int
    neurons: int
    negative_responses: int


def check_recording(path: Path) -> list[Problem]:
    """Every problem of one mouse's directory; `report_recording` also counts what is no problem.

    Parameters
    ----------
    path
        The mouse's directory.
    """
    return list(report_recording(path).problems)


def report_recording(path: Path) -> RecordingReport:
    """Read all trials of one mouse's directory and report every problem, never stopping at the first.

    Parameters
    ----------
    path
        The mouse's directory.
    """
    check = _Check(path)
    check.run()
    neurons = check.neuron_counts.most_common(1)
    return RecordingReport(
        path=path,
        problems=tuple(check.problems),
        trials=len(check.files.get("videos", ())),
        trials_with_responses=len(check.files.get("responses", ())),
        neurons=neurons[0][0] if neurons else 0,
        negative_responses=check.negative_responses,
    )


class _Check:
    """One pass over the files of a mouse, which gathers problems as it goes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: dict[str, dict[int, Path]] = {}
        self.problems: list[Problem] = []
        self.neuron_counts: Counter[int] = Counter()
        self.negative_responses = 0

    def run(self) -> None:
        if not self.path.is_dir():
            self.problem(self.path, "a directory with data/ and meta/", "no such directory")
            return
        self.files = {signal: self.trial_files(signal) for signal in SIGNALS}
        tiers = self.tiers()
        trials = set().union(*self.files.values()) | {t for t, tier in enumerate(tiers) if tier != "none"}
        sizes = {trial: self.check_trial(trial, tiers[trial] if trial < len(tiers) else "") for trial in sorted(trials)}
        self.check_neurons({trial: size for trial, size in sizes.items() if size is not None})
        if len(tiers) and trials and len(tiers) <= max(trials):
            self.problem(self.path / "meta/trials/tiers.npy", f"{max(trials) + 1} trials, as in data/", str(len(tiers)))
        if len(tiers) and "train" not in tiers:
            self.problem(self.path / "meta/trials/tiers.npy", "at least one trial of tier train", "none")
        if not set(self.files["videos"]) & set(self.files["responses"]):
            self.problem(self.path / "data", "at least one trial with movie and responses", "none")

    def problem(self, file: Path, expected: str, found: str) -> None:
        self.problems.append(Problem(file, expected, found))

    def trial_files(self, signal: str) -> dict[int, Path]:
        """Files of a signal by trial number."""
        folder = self.path / "data" / signal
        if not folder.is_dir():
            self.problem(folder, "a directory with one file <trial>.npy a trial", "no such directory")
            return {}
        files = {}
        for file in folder.glob("*.npy"):
            if file.stem.isdecimal() and str(int(file.stem)) == file.stem:
                files[int(file.stem)] = file
            else:
                self.problem(file, "a trial number as name, such as 12.npy", file.name)
        return files

    def read(self, file: Path, kinds: str = "fiu") -> NDArray | None:
        """The array, or nothing and a problem where it cannot be read or holds another kind of values."""
        try:
            array = load_array(file)
        except RecordingError as error:
            self.problem(file, "a readable .npy file", str(error).removeprefix(f"{file}: "))
            return None
        if array.dtype.kind not in kinds:
            self.problem(file, "text" if "U" in kinds else "real numbers", f"type {array.dtype}")
            return None
        return array

    def tiers(self) -> list[str]:
        file = self.path / "meta/trials/tiers.npy"
        array = self.read(file, kinds="US")
        if array is None:
            return []
        if array.ndim != 1 or not array.size:
            self.problem(file, "one tier a trial, shape (trials,)", f"shape {array.shape}")
            return []
        return array.astype(str).tolist()

    def check_trial(self, trial: int, tier: str) -> int | None:
        """Check the four arrays of a trial; the number of neurons if it has responses."""
        arrays: dict[str, NDArray] = {}
        for signal in SIGNALS:
            file = self.files[signal].get(trial)
            if file is None:
                self.check_absence(signal, trial, tier)
                continue
            expected = {"videos": (FRAME_HEIGHT, FRAME_WIDTH), "responses": (None,)}.get(signal, (2,))
            array = self.read(file)
            if array is None:
                continue
            shape = array.shape
            if len(shape) != len(expected) + 1 or any(
                e not in (None, n) for e, n in zip(expected, shape, strict=False)
            ):
                names = ", ".join("neurons" if n is None else str(n) for n in expected)
                self.problem(file, f"shape ({names}, frames)", f"{shape}")
            else:
                arrays[signal] = array
        # The valid length is the responses', or the behaviour's where there are none (method, Recording).
        reference = next((s for s in ("responses", "behavior", "pupil_center") if s in arrays), None)
        if reference is not None:
            frames = valid_length(arrays[reference])
            if frames < MINIMAL_FRAMES:
                file = self.files[reference][trial]
                self.problem(file, f"at least {MINIMAL_FRAMES} frames before the NaN padding", str(frames))
            lengths = Counter(array.shape[-1] for array in arrays.values())
            if "responses" in arrays:  # they count twice, so that one array alone is never right against them
                lengths[arrays["responses"].shape[-1]] += 1
            stored = lengths.most_common(1)[0][0]
            for signal, array in arrays.items():
                self.check_frames(self.files[signal][trial], array, frames, stored)
        movie = arrays.get("videos")
        if movie is not None and movie.size and (np.nanmin(movie) < 0 or np.nanmax(movie) > 255):
            found = f"{np.nanmin(movie):g} .. {np.nanmax(movie):g}"
            self.problem(self.files["videos"][trial], "grey levels 0 .. 255", found)
        if "responses" not in arrays:
            return None
        self.negative_responses += int((arrays["responses"] < 0).sum())
        return arrays["responses"].shape[0]

    def check_absence(self, signal: str, trial: int, tier: str) -> None:
        folder = self.path / "data" / signal
        needed = signal != "responses" or tier in (*TIERS_WITH_RESPONSES, "")  # "": no tier could be read
        if needed and folder.is_dir():
            self.problem(
                folder / f"{trial}.npy", f"{signal} of trial {trial}" + f" (tier {tier})" * bool(tier), "no such file"
            )

    def check_frames(self, file: Path, array: NDArray, frames: int, stored: int) -> None:
        """Length and finiteness of one array, given the valid and the stored length of the trial."""
        length = array.shape[-1]
        if length < stored or not np.isnan(array[..., stored:]).all():
            self.problem(file, f"{stored} frames, as most signals of the trial", str(length))
        inside = array[..., :frames]
        invalid = np.flatnonzero(~np.isfinite(inside).all(axis=tuple(range(array.ndim - 1))))
        if invalid.size:
            count = int((~np.isfinite(inside)).sum())
            self.problem(
                file,
                f"finite numbers within the {frames} valid frames",
                f"{count} NaN or infinite, the first in frame {invalid[0]}",
            )

    def check_neurons(self, sizes: dict[int, int]) -> None:
        """Neuron counts of all trials and of the neurons' metadata."""
        metadata = {}
        for name, columns in (("unit_ids", ()), ("cell_motor_coordinates", (3,))):
            file = self.path / "meta/neurons" / f"{name}.npy"
            array = self.read(file)
            if array is not None and array.shape[1:] == columns and array.ndim:
                metadata[file] = array.shape[0]
            elif array is not None:
                self.problem(file, f"shape ({', '.join(['neurons', *map(str, columns)])})", f"{array.shape}")
        self.neuron_counts.update(sizes.values() if sizes else metadata.values())
        if not self.neuron_counts:
            return
        expected = self.neuron_counts.most_common(1)[0][0]
        for file, size in [(self.files["responses"][trial], size) for trial, size in sizes.items()] + [
            *metadata.items()
        ]:
            if size != expected:
                self.problem(file, f"{expected} neurons, as in most files", str(size))
