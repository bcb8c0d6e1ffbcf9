"""Check a recording before it is used: every problem in one pass, each with its file, what was expected, and found."""

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import RecordingError
from movrecon_core.recordings.conversions import CONVERTED, conversion
from movrecon_core.recordings.npy import TIERS_FILE, load_array, missing_tiers, read_tiers
from movrecon_core.recordings.plausibility import Plausibility
from movrecon_core.recordings.recording import (
    BEHAVIOUR,
    FRAME_HEIGHT,
    FRAME_WIDTH,
    LONGEST_GAP,
    ORIGIN,
    SIGNALS,
    Recording,
    behaviour_names,
    fill_gaps,
    is_trial_name,
    valid_length,
)

MINIMAL_FRAMES = 82
"""The mask is trained on frames 50 to 81 of held-out movies (method page, mask data)."""
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

    @classmethod
    def worded(cls, file: Path, words: str) -> Self:
        """From words that elsewhere make an error: ``expected ..., found ...``."""
        expected, _, found = words.removeprefix("expected ").rpartition(", found ")
        return cls(file, expected, found)


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
        How many recorded values are below 0. They are set to 0 when read, as the method does; a few are no problem.
    silent_neurons
        How many neurons never respond; they count as recorded.
    filled_frames
        How many frames of pupil or running are missing and interpolated when read.
    missing_signals
        What of the behaviour was not recorded and is read as 0: ``pupil dilation``, ``running speed``, ``pupil
        position``.
    ignored_files
        How many hidden files lie among the trials, such as macOS leaves.
    origin
        What an importer noted; empty where none did.
    """

    path: Path
    problems: tuple[Problem, ...]
    trials: int
    trials_with_responses: int
    neurons: int
    negative_responses: int
    silent_neurons: int = 0
    filled_frames: int = 0
    missing_signals: tuple[str, ...] = ()
    ignored_files: int = 0
    origin: str = ""

    def notes(self) -> list[str]:
        """What is no problem and yet worth knowing, each in a few words."""
        counts = {
            "negative responses, read as 0": self.negative_responses,
            "neurons that never respond": self.silent_neurons,
            "frames of pupil or running interpolated": self.filled_frames,
            "hidden files ignored": self.ignored_files,
        }
        missing = [f"{name} not recorded, read as 0" for name in self.missing_signals]
        return [*filter(None, [self.origin]), *missing, *(f"{count} {what}" for what, count in counts.items() if count)]


def check_recording(path: Path) -> list[Problem]:
    """Every problem of one mouse's directory; `report_recording` also counts what is no problem.

    Parameters
    ----------
    path
        The mouse's directory.

    Examples
    --------
    >>> small = mr.SimulationConfig(trials=14, neurons=4, frames=90, oracle_trials=2, repeats=1)
    >>> recording = mr.simulate_mouse(Path("checked"), small, seed=0)
    >>> mr.check_recording(recording.path)
    []
    >>> recording.file("behavior", 3).unlink()
    >>> [problem.expected for problem in mr.check_recording(recording.path)]
    ['behavior of trial 3 (tier train)']
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
        silent_neurons=check.plausibility.silent_neurons,
        filled_frames=check.filled_frames,
        missing_signals=behaviour_names(check.missing),
        ignored_files=check.ignored_files,
        origin=_origin(path),
    )


def _origin(path: Path) -> str:
    try:
        return " ".join((path / ORIGIN).read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError):
        return ""


class _Check:
    """One pass over the files of a mouse, which gathers problems as it goes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: dict[str, dict[int, Path]] = {}
        self.unconverted: set[tuple[str, int]] = set()
        self.transposed = False
        self.problems: list[Problem] = []
        self.neuron_counts: Counter[int] = Counter()
        self.negative_responses = self.filled_frames = self.ignored_files = 0
        self.plausibility = Plausibility(path / "data")
        self.missing: dict[str, tuple[bool, ...]] = {}
        self.partly_missing: set[str] = set()

    def run(self) -> None:
        if not self.path.is_dir():
            self.problem(self.path, "a directory with data/ and meta/", "no such directory")
            return
        self.files = {signal: self.trial_files(signal) for signal in SIGNALS}
        self.missing = self.missing_rows()
        self.transposed = self.check_orientation()
        tiers = self.tiers()
        trials = set().union(*self.files.values()) | {t for t, tier in enumerate(tiers) if tier != "none"}
        sizes = {trial: self.check_trial(trial, tiers[trial] if trial < len(tiers) else "") for trial in sorted(trials)}
        self.check_neurons({trial: size for trial, size in sizes.items() if size is not None})
        if len(tiers) and trials and len(tiers) <= max(trials):
            self.problems.append(Problem.worded(self.path / TIERS_FILE, missing_tiers(len(tiers), max(trials))))
        if len(tiers) and "train" not in tiers:
            found = ", ".join(sorted(set(tiers)))
            self.problem(self.path / TIERS_FILE, "at least one trial of tier 'train', in small letters", found)
        if not self.unconverted and not set(self.files["videos"]) & set(self.files["responses"]):
            self.problem(self.path / "data", "at least one trial with movie and responses", "none")
        for finding in self.plausibility.findings():
            self.problem(*finding)
        self.check_means()

    def problem(self, file: Path, expected: str, found: str) -> None:
        self.problems.append(Problem(file, expected, found))

    def trial_files(self, signal: str) -> dict[int, Path]:
        """Files of a signal by trial number."""
        folder = self.path / "data" / signal
        if not folder.is_dir():
            if signal not in BEHAVIOUR:
                self.problem(folder, "a directory with one file <trial>.npy a trial", "no such directory")
            return {}
        files = {}
        others = Counter[str]()
        for file in sorted(folder.iterdir()):
            if file.name.startswith("."):
                self.ignored_files += 1
            elif file.suffix == ".npy" and is_trial_name(file.stem):
                files[int(file.stem)] = file
            elif file.suffix.lower() == ".npy":
                number = re.search(r"\d+", file.stem)
                wanted = f"{int(number[0])}.npy; rename it" if number else "12.npy for trial 12; rename it"
                self.problem(file, f"a trial number as name: {wanted}", file.name)
            elif file.suffix in CONVERTED:
                others[file.suffix] += 1
                self.unconverted.update((signal, int(number)) for number in re.findall(r"\d+", file.stem)[:1])
        for suffix, count in others.items():
            found = f"{count} files <trial>{suffix}; convert them: {conversion(folder, '*' + suffix)}"
            self.problem(folder, "one file <trial>.npy a trial", found)
        return files

    def check_orientation(self) -> bool:
        """Whether responses are frames x neurons in most trials: one problem; they are turned for the others."""
        shapes = {signal: self.shapes(signal) for signal in SIGNALS}
        turned = 0
        for trial, shape in shapes["responses"].items():
            frames = {shapes[signal][trial][-1] for signal in ("videos", *BEHAVIOUR) if shapes[signal].get(trial)}
            turned += len(shape) == 2 and frames == {shape[0]} != {shape[1]}
        if 2 * turned <= len(shapes["responses"]):
            return False
        folder = self.path / "data" / "responses"
        mended = (
            "from pathlib import Path; import numpy as np; [np.save(f, np.load(f).T.copy()) for f in "
            f"Path({str(folder)!r}).glob('*.npy')]"
        )
        found = f'shape (frames, neurons) in {turned} trials; transpose them: python -c "{mended}"'
        self.problem(folder, "shape (neurons, frames)", found)
        return True

    def shapes(self, signal: str) -> dict[int, tuple[int, ...]]:
        """Of the arrays of a signal by trial number, without those that cannot be read."""
        found = {}
        for trial, file in self.files[signal].items():
            with suppress(RecordingError):
                found[trial] = load_array(file, mmap=True).shape
        return found

    def missing_rows(self) -> dict[str, tuple[bool, ...]]:
        """Rows of behaviour that were not recorded; none where that cannot be told, which is a problem of its own."""
        try:
            return Recording(self.path).missing
        except RecordingError:
            return dict.fromkeys(BEHAVIOUR, (False, False))

    def read(self, file: Path) -> NDArray | None:
        """The array, or nothing and a problem where it cannot be read or holds another kind of values."""
        try:
            array = load_array(file)
        except RecordingError as error:
            self.problem(file, "a readable .npy file", str(error).removeprefix(f"{file}: "))
            return None
        if array.dtype.kind not in "fiu":
            self.problem(file, "real numbers", f"type {array.dtype}")
            return None
        return array

    def tiers(self) -> list[str]:
        file = self.path / TIERS_FILE
        try:
            return [str(tier) for tier in read_tiers(file)]
        except RecordingError as error:
            self.problem(file, "one tier a trial, shape (trials,)", str(error).removeprefix(f"{file}: "))
            return []

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
            array = array.T if signal == "responses" and self.transposed else array
            shape = array.shape
            if len(shape) != len(expected) + 1 or any(
                e not in (None, n) for e, n in zip(expected, shape, strict=False)
            ):
                names = ", ".join("neurons" if n is None else str(n) for n in expected)
                self.problem(file, f"shape ({names}, frames)", f"{shape}")
            else:
                arrays[signal] = array
        # The valid length is the responses', or the behaviour's where there are none (method, Recording).
        known = [s for s in ("responses", *BEHAVIOUR) if s in arrays and not all(self.missing.get(s, (False,)))]
        reference = next(iter(known), None)
        if reference is not None:
            frames = valid_length(arrays[reference])
            if frames < MINIMAL_FRAMES:
                file = self.files[reference][trial]
                self.problem(file, f"at least {MINIMAL_FRAMES} frames before the NaN padding", str(frames))
            lengths = Counter(array.shape[-1] for array in arrays.values())
            if "responses" in arrays:  # they count twice, so that one array alone is never right against them
                lengths[arrays["responses"].shape[-1]] += 1
            (length, most), *others = lengths.most_common()
            decided = not others or ("responses" in arrays and others[0][1] < most)
            stored = length if decided else None  # None of them is right against the others
            for signal, array in arrays.items():
                if signal in BEHAVIOUR:
                    self.check_missing(signal, trial, array)
                    filled, count = fill_gaps(array[:, :frames], self.missing[signal])
                    self.filled_frames += count
                    arrays[signal] = array = np.concatenate([filled, array[:, frames:]], axis=1)
                self.check_frames(self.files[signal][trial], array, frames, stored)
            if "videos" in arrays and frames and arrays["videos"].shape[-1] >= frames:
                self.plausibility.movie(arrays["videos"][..., :frames])
            if "responses" in arrays and frames:
                self.plausibility.responses(arrays["responses"][:, :frames])
        movie = arrays.get("videos")
        if movie is not None and movie.size:
            low, high = np.fmin.reduce(movie, axis=None), np.fmax.reduce(movie, axis=None)  # without NaN
            if low < 0 or high > 255:
                self.problem(self.files["videos"][trial], "grey levels 0 .. 255", f"{low:g} .. {high:g}")
        if "responses" not in arrays:
            return None
        self.negative_responses += int((arrays["responses"] < 0).sum())
        return arrays["responses"].shape[0]

    def check_absence(self, signal: str, trial: int, tier: str) -> None:
        if (signal, trial) in self.unconverted:
            return
        folder = self.path / "data" / signal
        needed = signal != "responses" or tier in (*TIERS_WITH_RESPONSES, "")  # "": no tier could be read
        if needed and folder.is_dir():
            self.problem(
                folder / f"{trial}.npy", f"{signal} of trial {trial}" + f" (tier {tier})" * bool(tier), "no such file"
            )

    def check_missing(self, signal: str, trial: int, array: NDArray) -> None:
        """What is missing in the first trial must be missing in all; said once a signal."""
        for name, row, missing in zip(BEHAVIOUR[signal], array, self.missing[signal], strict=True):
            if missing and signal not in self.partly_missing and np.isfinite(row).any():
                self.partly_missing.add(signal)
                expected = f"no {name}, NaN throughout as in the first trial (or else numbers there)"
                self.problem(self.files[signal][trial], expected, "numbers")

    def check_frames(self, file: Path, array: NDArray, frames: int, stored: int | None) -> None:
        """Length and finiteness of one array, given the trial's valid and stored length (None: signals disagree)."""
        length = array.shape[-1]
        if stored is None:
            self.problem(file, "as many frames as the trial's other signals, which disagree", str(length))
        elif length < stored or not np.isnan(array[..., stored:]).all():
            self.problem(file, f"{stored} frames, as most signals of the trial", str(length))
        inside = array[..., :frames]
        invalid = np.flatnonzero(~np.isfinite(inside).all(axis=tuple(range(array.ndim - 1))))
        if invalid.size:
            count = int((~np.isfinite(inside)).sum())
            gaps = f", but for gaps of {LONGEST_GAP} frames at most" if file.parent.name in BEHAVIOUR else ""
            self.problem(
                file,
                f"finite numbers within the {frames} valid frames{gaps}",
                f"{count} NaN or infinite, the first in frame {invalid[0]}",
            )

    def check_means(self) -> None:
        """What the recording states of its own behaviour, where it does."""
        recording = Recording(self.path)
        for signal in BEHAVIOUR:
            try:
                recording.stored_mean(signal)
            except RecordingError as error:
                file, said = recording.stored_mean_file(signal), str(error)
                words = said.removeprefix(f"{file}: ")
                if words.startswith("expected "):
                    self.problems.append(Problem.worded(file, words))
                elif words != said:  # of other files, which are found above
                    self.problem(file, "numbers of shape (2, frames), or no such file", words)

    def check_neurons(self, sizes: dict[int, int]) -> None:
        """Neuron counts of all trials and of the neurons' metadata."""
        metadata = {}
        for name, columns in (("unit_ids", ()), ("cell_motor_coordinates", (3,))):
            file = self.path / "meta/neurons" / f"{name}.npy"  # nothing needs it: it may be missing
            array = self.read(file) if file.exists() else None
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
