"""A study on disk: its settings, its recordings, what each trial is used for, and its results."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from itertools import islice
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis import Judged
from movrecon_core.encoders.checkpoints import checkpoint_digest
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.encoders.precision import Precision
from movrecon_core.errors import CheckpointError, ProfileError, ReconstructionError, StoreError
from movrecon_core.reconstruction import SMOOTHING, ensemble, evaluation_mask, training_mask
from movrecon_core.recordings import (
    SIMULATED_MARKER,
    TIERS_FILE,
    Recording,
    Trial,
    is_trial_name,
    load_array,
    open_recordings,
)
from movrecon_core.simulation import known_truth, noise_free_file
from movrecon_core.stimuli import synthetic_movie
from movrecon_core.storage.archive import attributes_of
from movrecon_core.storage.files import read_json, set_aside, write_json
from movrecon_core.storage.fingerprints import FileDigests, digest
from movrecon_core.storage.paths import DIGESTS_FILE, STUDY_FILE
from movrecon_core.storage.store import Store, Unit, labels
from movrecon_core.study.asked import Asked
from movrecon_core.study.conditions import (
    MASK_THRESHOLDS,
    PREDICTED,
    RECORDED,
    Condition,
    MaskKind,
    Movie,
)
from movrecon_core.study.profile import Profile, parse_profile

ROLES = ("training", "held-out", "excluded", "not used")
"""What a trial is used for, in the order of the stored codes; the last has no responses, or a tier that is not used."""

P = ParamSpec("P")
T = TypeVar("T")

Key = tuple[Any, ...]
"""What tells the units of a stage apart: a mouse, an instance, a movie, a condition."""


class Units(Protocol):
    """What a study knows of a stage."""

    @property
    def name(self) -> str: ...
    def asked(self, study: "Study") -> Sequence[Key]: ...
    def unit(self, study: "Study", *key: Any) -> Unit: ...


def kept(find: Callable[Concatenate["Study", P], T]) -> Callable[Concatenate["Study", P], T]:
    """Let a study keep what it is first given for a key: thousands of units ask for the same."""

    @wraps(find)
    def first_found(study: "Study", *key: P.args, **named: P.kwargs) -> T:
        asked = (find, key, *named.items())
        if asked not in study._found:
            study._found[asked] = find(study, *key, **named)
        found: T = study._found[asked]
        return found

    return first_found


_STAGES: dict[str, Units] = {}


def introduce(stages: Sequence[Units]) -> None:
    """Let studies know their stages, which know them."""
    _STAGES.update({stage.name: stage for stage in stages})


@dataclass(frozen=True)
class Study:
    """One run's settings and results.

    Attributes
    ----------
    out
        Folder of the results.
    profile
        Sizes and parameters.
    recordings
        The mice, in the order of the encoders' readouts.
    held_out
        Rule that decides which movies no encoder is trained on: ``fold:0`` or ``tier:oracle``.
    precision
        What is used where bfloat16 is asked for: that, or float32 where it is faster.
    """

    out: Path
    profile: Profile
    recordings: tuple[Recording, ...]
    held_out: str
    precision: Precision = "float32"

    @cached_property
    def store(self) -> Store:
        return Store(self.out / "store")

    @cached_property
    def digests(self) -> FileDigests:
        return FileDigests(self.out / DIGESTS_FILE)

    @property
    def simulated(self) -> bool:
        return any(recording.simulated for recording in self.recordings)

    @property
    def mice(self) -> list[str]:
        """Short names of the mice, in order."""
        return [recording.name for recording in self.recordings]

    def label(self, mouse: int) -> str:
        """Name of a mouse in figures and tables, by its place `in_order`."""
        return f"mouse {self.in_order.index(mouse) + 1}"

    @property
    def in_order(self) -> tuple[int, ...]:
        """All mice: as in the article those that are reconstructed come first."""
        others = (mouse for mouse in range(len(self.mice)) if mouse not in self.reconstructed_mice)
        return (*self.reconstructed_mice, *others)

    @cached_property
    def reconstructed_mice(self) -> tuple[int, ...]:
        """Indices of the mice whose movies are reconstructed, in the order in which the profile names them.

        Raises
        ------
        ProfileError
            If the profile names a mouse that is not there.
        """
        wanted = self.profile.reconstructed_mice
        if wanted is None:
            return tuple(range(len(self.recordings)))
        for name in wanted:
            if not any(mouse.startswith(name) for mouse in self.mice):
                raise ProfileError(f"reconstructed_mice: no recording begins with '{name}'; found {self.mice}")
        found = (i for name in wanted for i, mouse in enumerate(self.mice) if mouse.startswith(name))
        return tuple(dict.fromkeys(found))

    def of_mouse(self, key: str, mouse: int) -> Any:
        """What a mapping of the profile, from the beginnings of mice's names, holds for a mouse; None: nothing."""
        given: dict[str, Any] = getattr(self.profile, key)
        return next((value for name, value in given.items() if self.mice[mouse].startswith(name)), None)

    def save(self) -> None:
        """Note the settings, so that a notebook can open the study by its folder alone."""
        write_json(self.out / STUDY_FILE, self.settings())

    def settings(self) -> dict[str, Any]:
        """All but the folder, as JSON."""
        return {
            "profile": json.loads(self.profile.model_dump_json()),
            "held_out": self.held_out,
            "precision": self.precision,
            "recordings": [self._short(recording.path) for recording in self.recordings],
        }

    def _short(self, path: Path) -> str:
        return str(path.relative_to(self.out)) if path.is_relative_to(self.out) else str(path)

    def require_given(self) -> None:
        """Stop before anything is computed at mice, masks or checkpoints that the profile names and are not there.

        Raises
        ------
        ProfileError
            Names them.
        """
        mice, masks = self.reconstructed_mice, self.profile.masks
        if masks.files and len(masks.files) != len(mice):
            raise ProfileError(f"masks.files: {len(masks.files)}, but {len(mice)} mice are reconstructed")
        checkpoints = [*self.profile.encoders.checkpoints, *([masks.checkpoint] if masks.checkpoint else [])]
        for path in (*checkpoints, *masks.files):
            if not path.is_file():
                raise ProfileError(
                    f"profile '{self.profile.name}': {path}: no such file; the article's come with "
                    "`movrecon fetch --weights`"
                )

    def given_mask(self, mouse: int) -> Path | None:
        """File of a mouse's transparency mask, where the profile names those; None: it is trained."""
        files = self.profile.masks.files
        return files[self.reconstructed_mice.index(mouse)] if files else None

    # Units ------------------------------------------------------------------------------------------------------

    def unit(self, stage: str, *key: Any) -> Unit:
        """A unit of a stage, ``study.unit("masks", 0)``; its name is found once, thousands of others ask for it.

        Raises
        ------
        MovreconError
            If what decides it is not there yet: a unit of an earlier stage.
        """
        if (stage, key) not in self._units:
            self._units[stage, key] = _STAGES[stage].unit(self, *key)
        return self._units[stage, key]

    @cached_property
    def _units(self) -> dict[tuple[str, Key], Unit]:
        return {}

    @cached_property
    def _found(self) -> dict[Key, Any]:
        """What `kept` keeps."""
        return {}

    def units(self) -> dict[str, list[Unit]]:
        """Every unit of the study by stage; needs the encoders."""
        return {name: [self.unit(name, *key) for key in stage.asked(self)] for name, stage in _STAGES.items()}

    def result(self, stage: str, *key: Any) -> xr.Dataset:
        """What a unit of a stage stored.

        Raises
        ------
        StoreError
            If it is missing or damaged.
        """
        return self.store.require(self.unit(stage, *key))

    def path(self, unit: Unit) -> Path:
        """Where a unit is: an encoder's checkpoint, or a file of the store."""
        return self.out / self.file(unit)

    def file(self, unit: Unit) -> str:
        """As `path`, below the folder of the results."""
        return f"encoders/{unit.name}.pth" if unit.kind == "encoders" else f"{self.store.root.name}/{unit.file}"

    def lacking(self, units: Sequence[Unit]) -> list[Unit]:
        """Units, of one kind, that are not there; an encoder that cannot be read is set aside and counts as such."""
        if not units or units[0].kind == "encoders":
            return [unit for unit in units if not self._has_encoder(unit)]
        present = self.store.names(units[0].kind)
        return [unit for unit in units if unit.name not in present]

    def _has_encoder(self, unit: Unit) -> bool:
        path = self.path(unit)
        if not path.is_file():
            return False
        try:
            return bool(self.digests.of(path, checkpoint_digest))  # read only where it is new or has changed
        except CheckpointError:
            set_aside(path)
            return False

    def superseded(self, units: Sequence[Unit]) -> int:
        """How many units, of one kind, are there under their label with another digest: of another version."""
        there = labels(self.path(units[0]).parent)
        return sum(unit.label in there for unit in units)

    def cost(self, unit: Unit) -> dict[str, Any]:
        """What was noted of a unit's computing: seconds, peak memory; empty where it is not there."""
        path = self.path(unit)
        if unit.kind != "encoders":
            return attributes_of(path)
        found = read_json(cost_file(path))
        return found if isinstance(found, dict) else {}

    def content_fingerprint(self, code: str) -> str:
        """Changes with all results, and with the fingerprint of the code that makes something of them."""
        names = [unit.name for units in self.units().values() for unit in units]
        return digest({"units": names, "code": code})

    @cached_property
    def asked(self) -> Asked:
        """What the profile asks for: all reconstructions, and the part that each figure has in them."""
        return Asked(self)

    # Trials -----------------------------------------------------------------------------------------------------

    @kept
    def split(self, mouse: int) -> xr.Dataset:
        """Use of every trial: ``role`` (index into `ROLES`), ``fold``, ``closest``, ``correlation``."""
        return self.result("recordings", mouse)

    def trials_with(self, mouse: int, role: str) -> tuple[int, ...]:
        """Trials of a mouse in one role: ``training``, ``held-out``, ``excluded``."""
        split = self.split(mouse)
        return tuple(int(t) for t in split["trial"].values[split["role"].values == ROLES.index(role)])

    @kept
    def trial_digest(self, mouse: int, trial: int) -> str:
        """Digest of everything that was recorded in one trial."""
        recording = self.recordings[mouse]
        return digest({signal: self.digests.of(recording.file(signal, trial)) for signal in recording.signals})

    @kept
    def trials_digest(self, mouse: int, role: str) -> str:
        """Digest of all trials of a mouse in one role, with their numbers."""
        return digest({str(trial): self.trial_digest(mouse, trial) for trial in self.trials_with(mouse, role)})

    def recording_digest(self, mouse: int) -> str:
        """Digest of every file of a recording that the study reads."""
        recording = self.recordings[mouse]
        # Signal by signal: a folder may be a link, which a search below `data` would not follow.
        folders = [recording.path / "data" / signal for signal in recording.signals]
        files = [f for folder in folders for f in sorted(folder.glob("*.npy")) if is_trial_name(f.stem)]
        files.append(recording.path / TIERS_FILE)
        return digest({str(file.relative_to(recording.path)): self.digests.of(file) for file in files})

    def fold_trials(self, mouse: int) -> tuple[int, ...]:
        """All trials that the rule holds out, near-duplicates of training movies included: the article's list."""
        return tuple(sorted(self.trials_with(mouse, "held-out") + self.trials_with(mouse, "excluded")))

    def reconstructed_trials(self, mouse: int) -> tuple[int, ...]:
        """The first held-out trials, each of another movie, or those that the profile names; as many as it says.

        Raises
        ------
        ProfileError
            If it names places that the list has not.
        """
        places = self.of_mouse("reconstructed_trials", mouse)
        if places is None:
            first_shown = (t for t in self.trials_with(mouse, "held-out") if self.showings(mouse, t)[0] == t)
            return tuple(islice(first_shown, self.profile.trials_per_mouse))
        listed = self.fold_trials(mouse)
        if max(places) >= len(listed):
            raise ProfileError(
                f"reconstructed_trials: place {max(places)} (from 0) for {self.mice[mouse]}, of which "
                f"'{self.held_out}' holds out {len(listed)} movies"
            )
        return tuple(listed[place] for place in places[: self.profile.trials_per_mouse])

    def showings(self, mouse: int, trial: int) -> tuple[int, ...]:
        """Held-out trials in which the movie of one of them was shown, that one included."""
        digests = self._held_out_movies(mouse)
        return tuple(t for t, found in digests.items() if found == digests[trial])

    @kept
    def _held_out_movies(self, mouse: int) -> dict[int, str]:
        """Digest of the movie of every held-out trial."""
        recording = self.recordings[mouse]
        return {t: self.digests.of(recording.file("videos", t)) for t in self.trials_with(mouse, "held-out")}

    def other_behavior(self, mouse: int, movie: Movie) -> int:
        """The training trial whose behaviour stands for that of a movie's own trial where they are exchanged."""
        trials = self.trials_with(mouse, "training")
        return trials[self.fold_trials(mouse).index(movie) % len(trials)] if isinstance(movie, int) else trials[0]

    def truth_known(self, mouse: int) -> bool:
        """Whether a mouse is simulated, or will be where there is no recording yet."""
        return not self.recordings or known_truth(self.recordings[mouse])

    def noise_free(self, mouse: int, trial: int) -> NDArray[np.float32]:
        """Responses (N, T) of a simulated trial as they would have been recorded without noise."""
        return load_array(noise_free_file(self.recordings[mouse], trial))

    def truth_digest(self, mouse: int, movie: Movie) -> list[str]:
        """Digests of what a simulation knows of a mouse and, where it was shown, of one movie."""
        recording = self.recordings[mouse]
        shown = [noise_free_file(recording, movie)] if isinstance(movie, int) else []
        return [self.digests.of(file) for file in (recording.path / SIMULATED_MARKER, *shown)]

    def trial(self, mouse: int, trial: int) -> Trial:
        return self.recordings[mouse].trial(trial)

    def movie(self, mouse: int, movie: Movie) -> NDArray[np.float32]:
        """The movie (T, 36, 64) that was shown to a mouse, or is shown to its encoders."""
        if isinstance(movie, int):
            return self.trial(mouse, movie).movie
        return synthetic_movie(movie, self.profile.seed)

    @kept
    def mean_behavior(self, mouse: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """A mouse's behaviour (2,) and pupil position (2,) for synthetic stimuli.

        The largest value over time of the recording's own mean over trials (scripts); where it has none, the mean
        over frames of the training trials.
        """
        means = []
        recording = self.recordings[mouse]
        for signal in ("behavior", "pupil_center"):
            if (stored := recording.stored_mean(signal)) is not None:
                means.append(stored.max(axis=1))
                continue
            trials = self.trials_with(mouse, "training") if signal in recording.signals else ()
            values = [load_array(recording.file(signal, trial)) for trial in trials] or [np.zeros((2, 1))]
            known = np.concatenate(values, axis=1)
            known[list(recording.missing[signal])] = 0
            means.append(np.nanmean(known, axis=1).astype(np.float32))  # the end of a trial is padded with NaN
        return means[0], means[1]

    @kept
    def behavior_digest(self, mouse: int) -> str:
        """Digest of all that decides `mean_behavior`."""
        files = [self.recordings[mouse].stored_mean_file(signal) for signal in ("behavior", "pupil_center")]
        stored = {file.parts[-3]: self.digests.of(file) for file in files if file.exists()}
        return digest({"trials": self.trials_digest(mouse, "training"), **stored})

    # Encoders, masks --------------------------------------------------------------------------------------------

    @property
    def checkpoints(self) -> tuple[Path, ...]:
        """Checkpoint of every instance."""
        return tuple(self.checkpoint(instance) for instance in range(self.profile.instances))

    def checkpoint(self, instance: int) -> Path:
        return self.path(self.unit("encoders", instance))

    def encoder_digest(self, unit: Unit) -> str:
        """Digest of a trained encoder's network and weights."""
        if unit.name not in self._encoder_digests:
            self._encoder_digests[unit.name] = self.digests.of(self.path(unit), checkpoint_digest)
        return self._encoder_digests[unit.name]

    @cached_property
    def _encoder_digests(self) -> dict[str, str]:
        return {}

    def encoder_digests(self, count: int | None = None) -> list[str]:
        """Of all instances, or the first `count` of them."""
        return [self.encoder_digest(self.unit("encoders", i)) for i in range(self.profile.instances)[:count]]

    def alpha(self, mouse: int) -> NDArray[np.float32]:
        """Transparency mask (64, 64) of a mouse, unthresholded."""
        return self.result("masks", mouse)["alpha"].values

    def training_mask(self, mouse: int, kind: MaskKind = "standard") -> NDArray[np.bool_]:
        """Pixels (64, 64) of a mouse's movies that may change.

        Raises
        ------
        ReconstructionError
            If there is none.
        """
        threshold = MASK_THRESHOLDS[kind]
        return self._checked(mouse, training_mask(self.alpha(mouse), threshold), threshold)

    def evaluation_mask(self, mouse: int) -> NDArray[np.bool_]:
        """Pixels (64, 64) in which a mouse's movies are judged.

        Raises
        ------
        ReconstructionError
            If there is none.
        """
        return self._checked(mouse, evaluation_mask(self.alpha(mouse)), 1)

    def _checked(self, mouse: int, mask: NDArray[np.bool_], threshold: float) -> NDArray[np.bool_]:
        if not crop_movie(mask).any():
            raise ReconstructionError(
                f"{self.mice[mouse]}: no pixel of the transparency mask reaches {threshold:g}; the encoder may have "
                "learned too little of this mouse, or mask.iterations and mask.learning_rate are too small"
            )
        return mask

    # Reconstructions --------------------------------------------------------------------------------------------

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Those of every natural movie."""
        return (RECORDED, PREDICTED) if self.profile.from_predicted else (RECORDED,)

    @property
    def fractions(self) -> tuple[float, ...]:
        """Fractions of the population that are reconstructed from, besides the whole."""
        return self.profile.population.fractions

    def movies(self) -> Iterator[tuple[int, int]]:
        """Mouse and trial of every natural movie that is reconstructed."""
        for mouse in self.reconstructed_mice:
            for trial in self.reconstructed_trials(mouse):
                yield mouse, trial

    def instances(self, condition: Condition) -> tuple[int | None, ...]:
        """Those that find a movie each; None alone where all instances' gradients, or the neurons, make one movie."""
        if condition.gradients == "ensemble" or condition.inverted == "neurons":
            return (None,)
        return tuple(range(1 if condition.first_instance else self.profile.instances))

    def used_instances(self, instance: int | None) -> tuple[int, ...]:
        """The encoders of one of `instances`: itself, or all."""
        return tuple(range(self.profile.instances)) if instance is None else (instance,)

    def reconstruction_units(self, mouse: int, movie: Movie, condition: Condition) -> list[Unit]:
        """One unit for each of `instances`."""
        return [self.unit("reconstructions", mouse, movie, i, condition) for i in self.instances(condition)]

    def instance_movies(self, mouse: int, movie: Movie, condition: Condition = RECORDED) -> NDArray[np.float32]:
        """Movies (instance, time, 64, 64) that the instances found; one alone with gradient ensembling."""
        units = self.reconstruction_units(mouse, movie, condition)
        return np.stack([self.store.require(unit)["movie"].values for unit in units])

    def reconstruction(
        self,
        mouse: int,
        movie: Movie,
        condition: Condition = RECORDED,
        *,
        instances: Sequence[int] | None = None,
        smoothed: bool | None = None,
    ) -> NDArray[np.float32]:
        """The instances' movies averaged and smoothed (T, 36, 64), not masked.

        Parameters
        ----------
        mouse
            Its index.
        movie
            A trial or a synthetic stimulus.
        condition
            How it was reconstructed.
        instances
            Which of the instances' movies are averaged; None: all.
        smoothed
            Whether the Gaussian filter follows; None: for natural movies alone, as in the article.
        """
        found = self.instance_movies(mouse, movie, condition)
        chosen = found if instances is None else found[list(instances)]
        filtered = isinstance(movie, int) if smoothed is None else smoothed
        return crop_movie(ensemble(list(chosen), SMOOTHING if filtered else None)).astype(np.float32)

    def judged(
        self,
        mouse: int,
        movie: Movie,
        condition: Condition = RECORDED,
        *,
        instances: Sequence[int] | None = None,
        smoothed: bool | None = None,
    ) -> Judged:
        """A movie, its reconstruction and the pixels in which they are compared; arguments as for `reconstruction`."""
        found = self.reconstruction(mouse, movie, condition, instances=instances, smoothed=smoothed)
        return Judged(self.movie(mouse, movie), found, crop_movie(self.evaluation_mask(mouse)))

    def other_movies(self, mouse: int, trial: int, *, smoothed: bool = True) -> dict[str, NDArray[np.float32]]:
        """A movie (T, 36, 64) by every other method, and, with ``(oracle)``, where the truth would have stopped it.

        The Gaussian filter of `reconstruction` follows, or, not `smoothed`, is left out.
        """
        found, smoothing = {}, SMOOTHING if smoothed else None
        for name in self.profile.baselines.methods:
            stored = self.result("other-methods", mouse, trial, name)
            for movie, end in (("movie", ""), ("oracle", " (oracle)")):
                found[f"{name}{end}"] = crop_movie(ensemble([stored[movie].values], smoothing)).astype(np.float32)
        return found

    def orders(self, mouse: int) -> xr.Dataset:
        """Orders of a mouse's neurons, of which the first ones are kept, for every ``way`` of choosing them.

        ``place`` (way, neuron) in the order; ``signal_correlation`` and ``predictability`` (way, kept) of as many.
        """
        found = self.result("populations", mouse)
        return found.assign_coords(way=found.attrs["ways"])

    def responses(self, mouse: int, trial: int) -> xr.Dataset:
        """Responses to a movie: ``recorded`` (neuron, time), ``predicted`` (stimulus, neuron, time).

        The stimuli are the movie (``true``), the movie with grey outside the training mask (``masked``), the mean of
        the instances' movies, not smoothed (``reconstructed``), and that with the movie's contrast and luminance
        (``matched``), both shown to all instances; each instance's movie, not smoothed and grey outside the evaluation
        mask, shown to that instance alone (``evoked``); where the profile asks for it, those from predicted responses
        shown to all instances (``expected``). The predictions are the instances' mean.

        ``loss`` (instance, movie) is the Poisson loss of each instance's prediction from frame 32 on: of a grey movie,
        and of what evoked ``evoked``.
        """
        found = self.result("responses", mouse, trial)
        return found.assign_coords(stimulus=found.attrs["stimuli"])


def cost_file(checkpoint: Path) -> Path:
    """Where the cost of training an encoder stands."""
    return checkpoint.with_suffix(".cost.json")


def open_study(out: Path | str) -> Study:
    """Open the results of a run.

    Parameters
    ----------
    out
        The folder that was given to `movrecon run --out`.

    Raises
    ------
    StoreError
        If there is no study in it.

    Examples
    --------
    >>> study = mr.run_study(mr.load_profile("smoke"), Path("results"), until="recordings")
    >>> mr.open_study("results").mice
    ['simulated-0-1', 'simulated-0-2']
    """
    out = Path(out).resolve()
    return study_of(out, read_json(out / STUDY_FILE))


def study_of(out: Path, settings: Any) -> Study:
    """A study from what `Study.settings` gave.

    Raises
    ------
    StoreError
        If the settings are none.
    """
    match settings:
        case {
            "profile": dict(),
            "held_out": str(),
            "precision": ("bfloat16" | "float32") as precision,
            "recordings": [*paths],
        } if all(isinstance(x, str) for x in paths):
            recordings = open_recordings([out / path for path in paths])
            profile = parse_profile(settings["profile"], str(out / STUDY_FILE))
            return Study(out, profile, tuple(recordings), settings["held_out"], precision)
    raise StoreError(f"{out / STUDY_FILE}: no study here; `movrecon run --out {out}` makes one")
