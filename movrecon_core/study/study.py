"""A study on disk: its settings, its recordings, what each trial is used for, and its results."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.encoders.checkpoints import checkpoint_digest
from movrecon_core.encoders.precision import Precision
from movrecon_core.errors import CheckpointError, ProfileError, StoreError
from movrecon_core.recordings import (
    Recording,
    Trial,
    open_recordings,
)
from movrecon_core.stimuli import synthetic_movie
from movrecon_core.storage.archive import attributes_of
from movrecon_core.storage.files import read_json, set_aside, write_json
from movrecon_core.storage.fingerprints import FileDigests, digest
from movrecon_core.storage.paths import DIGESTS_FILE, STUDY_FILE
from movrecon_core.storage.store import Store, Unit, labels
from movrecon_core.study.asked import Asked
from movrecon_core.study.conditions import (
    PREDICTED,
    RECORDED,
    Condition,
    Movie,
)
from movrecon_core.study.profile import Profile, parse_profile
from movrecon_core.study.results import Results
from movrecon_core.study.trials import Trials

Key = tuple[Any, ...]
"""What tells the units of a stage apart: a mouse, an instance, a movie, a condition."""


class Units(Protocol):
    """What a study knows of a stage."""

    @property
    def name(self) -> str: ...
    def asked(self, study: "Study") -> Sequence[Key]: ...
    def unit(self, study: "Study", *key: Any) -> Unit: ...


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
    def found(self) -> dict[Any, Any]:
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
    def trials(self) -> Trials:
        """What each trial is used for, and what was shown in it."""
        return Trials(self)

    @cached_property
    def results(self) -> Results:
        """What was found: masks, movies, responses."""
        return Results(self)

    @cached_property
    def asked(self) -> Asked:
        """What the profile asks for: all reconstructions, and the part that each figure has in them."""
        return Asked(self)

    # Movies -----------------------------------------------------------------------------------------------------

    def trial(self, mouse: int, trial: int) -> Trial:
        return self.recordings[mouse].trial(trial)

    def movie(self, mouse: int, movie: Movie) -> NDArray[np.float32]:
        """The movie (T, 36, 64) that was shown to a mouse, or is shown to its encoders."""
        if isinstance(movie, int):
            return self.trial(mouse, movie).movie
        return synthetic_movie(movie, self.profile.seed)

    # Encoders ---------------------------------------------------------------------------------------------------

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
            for trial in self.trials.reconstructed(mouse):
                yield mouse, trial

    def instances(self, condition: Condition) -> tuple[int | None, ...]:
        """Those that find a movie each; None alone where all instances' gradients, or the neurons, make one movie."""
        if condition.gradients == "ensemble" or condition.inverted == "neurons":
            return (None,)
        return tuple(range(1 if condition.first_instance else self.profile.instances))

    def used_instances(self, instance: int | None) -> tuple[int, ...]:
        """The encoders of one of `instances`: itself, or all."""
        return tuple(range(self.profile.instances)) if instance is None else (instance,)


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
