"""A study on disk: its settings, its recordings, and the names of all its units of work."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.errors import ProfileError, ReconstructionError, StoreError
from movrecon_core.reconstruction import evaluation_mask, training_mask
from movrecon_core.recordings import Recording, Trial, open_recordings
from movrecon_core.study.files import read_json, write_json
from movrecon_core.study.fingerprints import FileDigests, checkpoint_digest, code_fingerprint, digest
from movrecon_core.study.paths import DIGESTS_FILE, STUDY_FILE
from movrecon_core.study.profile import Profile, parse_profile
from movrecon_core.study.store import Store, Unit

Condition = Literal["recorded", "predicted"]
CONDITIONS: tuple[Condition, ...] = ("recorded", "predicted")

# Which code decides a unit's result, besides its inputs.
_SPLIT_CODE = ("folds.py", "recordings.py")
_ENCODER_CODE = ("encoders", "recordings.py")
_MASK_CODE = ("encoders", "reconstruction")
_FIELD_CODE = ("encoders", "analysis/receptive_fields.py", "stimuli.py")


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
    """

    out: Path
    profile: Profile
    recordings: tuple[Recording, ...]
    held_out: str

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
        """Name of a mouse in figures and tables, as in the article."""
        return f"mouse {mouse + 1}"

    @cached_property
    def reconstructed_mice(self) -> tuple[int, ...]:
        """Indices of the mice whose movies are reconstructed.

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
        return tuple(i for i, mouse in enumerate(self.mice) if mouse.startswith(tuple(wanted)))

    def save(self) -> None:
        """Note the settings, so that a notebook can open the study by its folder alone."""
        settings = {
            "profile": json.loads(self.profile.model_dump_json()),
            "held_out": self.held_out,
            "recordings": [self._short(recording.path) for recording in self.recordings],
        }
        write_json(self.out / STUDY_FILE, settings)

    def _short(self, path: Path) -> str:
        return str(path.relative_to(self.out)) if path.is_relative_to(self.out) else str(path)

    # Trials -----------------------------------------------------------------------------------------------------

    def split_unit(self, mouse: int) -> Unit:
        """Folds, near-duplicates and the use of every trial of a mouse."""
        recording = self.recordings[mouse]
        return Unit(
            "trials",
            recording.name,
            {
                "recording": self.recording_digest(mouse),
                "held_out": self.held_out,
                "code": code_fingerprint(*_SPLIT_CODE),
            },
        )

    def recording_digest(self, mouse: int) -> str:
        """Digest of every file of a recording that the study reads."""
        recording = self.recordings[mouse]
        files = [*sorted((recording.path / "data").rglob("*.npy")), recording.path / "meta" / "trials" / "tiers.npy"]
        return digest({str(file.relative_to(recording.path)): self.digests.of(file) for file in files})

    def split(self, mouse: int) -> xr.Dataset:
        """As `split_unit`; variables ``role`` (index into `ROLES`), ``fold``, ``closest``, ``correlation``."""
        if mouse not in self._splits:
            self._splits[mouse] = self.store.require(self.split_unit(mouse))
        return self._splits[mouse]

    @cached_property
    def _splits(self) -> dict[int, xr.Dataset]:
        return {}

    def trials_with(self, mouse: int, role: str) -> tuple[int, ...]:
        """Trials of a mouse in one role: ``training``, ``held-out``, ``excluded``."""
        split = self.split(mouse)
        return tuple(int(t) for t in split["trial"].values[split["role"].values == ROLES.index(role)])

    def reconstructed_trials(self, mouse: int) -> tuple[int, ...]:
        """The first held-out trials of a mouse, as many as the profile says."""
        return self.trials_with(mouse, "held-out")[: self.profile.trials_per_mouse]

    def trial(self, mouse: int, trial: int) -> Trial:
        return self.recordings[mouse].trial(trial)

    # Encoders ---------------------------------------------------------------------------------------------------

    @property
    def checkpoints(self) -> tuple[Path, ...]:
        """Checkpoint of every instance."""
        return tuple(self.checkpoint(instance) for instance in range(self.profile.instances))

    def checkpoint(self, instance: int) -> Path:
        name = Unit("encoders", f"instance-{instance}", self.encoder_definition(instance)).name
        return self.out / "encoders" / f"{name}.pth"

    def encoder_definition(self, instance: int) -> dict[str, Any]:
        """All that decides an encoder: data, architecture, training, seed."""
        return {**self._encoder_inputs, "seed": self.profile.seed + instance}

    @cached_property
    def _encoder_inputs(self) -> dict[str, Any]:
        trials = [
            self.digests.of_trials(recording, self.trials_with(mouse, "training"))
            for mouse, recording in enumerate(self.recordings)
        ]
        return {
            "trials": trials,
            "encoder": json.loads(self.profile.encoder.model_dump_json()),
            "training": _as_json(self.profile.training),
            "code": code_fingerprint(*_ENCODER_CODE),
        }

    def encoder_digest(self, instance: int) -> str:
        return self.digests.of(self.checkpoint(instance), checkpoint_digest)

    def evaluation_unit(self, mouse: int) -> Unit:
        """How well the encoders predict a mouse's held-out responses."""
        definition = {
            "mouse": mouse,
            "encoders": [self.encoder_digest(i) for i in range(self.profile.instances)],
            "trials": self.digests.of_trials(self.recordings[mouse], self.trials_with(mouse, "held-out")),
            "code": code_fingerprint("encoders"),
        }
        return Unit("evaluations", self.mice[mouse], definition)

    # Masks, receptive fields, reconstructions -------------------------------------------------------------------

    def mask_unit(self, mouse: int) -> Unit:
        """Transparency mask of a mouse, trained with instance 0 on its held-out movies (method, Transparency mask)."""
        definition = {
            "mouse": mouse,
            "encoder": self.encoder_digest(0),
            "trials": self.digests.of_trials(self.recordings[mouse], self.trials_with(mouse, "held-out")),
            "mask": _as_json(self.profile.mask),
            "segments": self.profile.mask_segments,
            "seed": self.profile.seed,
            "code": code_fingerprint(*_MASK_CODE),
        }
        return Unit("masks", self.mice[mouse], definition)

    def receptive_field_unit(self, mouse: int) -> Unit:
        """On and Off responses of a mouse's neurons to sparse noise, in silico."""
        settings = self.profile.receptive_fields
        definition = {
            "mouse": mouse,
            "encoders": [self.encoder_digest(i) for i in range(min(settings.instances, self.profile.instances))],
            "pixel_step": settings.pixel_step,
            "trials": self.digests.of_trials(self.recordings[mouse], self.trials_with(mouse, "training")),
            "code": code_fingerprint(*_FIELD_CODE),
        }
        return Unit("receptive-fields", self.mice[mouse], definition)

    def reconstruction_unit(self, mouse: int, trial: int, instance: int, condition: Condition) -> Unit:
        """One movie, found by one encoder from recorded or from its own predicted responses."""
        definition = {
            "mouse": mouse,
            "condition": condition,
            "trial": self.digests.of_trial(self.recordings[mouse], trial),
            "encoder": self.encoder_digest(instance),
            "mask": self.mask_unit(mouse).name,
            "reconstruction": _as_json(self.profile.reconstruction),
            "code": code_fingerprint(*_MASK_CODE),
        }
        label = f"{self.mice[mouse]}-trial-{trial}-instance-{instance}-{condition}"
        return Unit("reconstructions", label, definition)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return CONDITIONS if self.profile.from_predicted else CONDITIONS[:1]

    def movies(self) -> Iterator[tuple[int, int]]:
        """Mouse and trial of every movie that is reconstructed."""
        for mouse in self.reconstructed_mice:
            for trial in self.reconstructed_trials(mouse):
                yield mouse, trial

    def units(self) -> dict[str, list[Unit]]:
        """Every stored unit of the study by stage; needs the encoders."""
        mice = range(len(self.recordings))
        return {
            "recordings": [self.split_unit(mouse) for mouse in mice],
            "evaluations": [self.evaluation_unit(mouse) for mouse in mice],
            "masks": [self.mask_unit(mouse) for mouse in self.reconstructed_mice],
            "receptive_fields": [self.receptive_field_unit(mouse) for mouse in self.reconstructed_mice],
            "reconstructions": [
                self.reconstruction_unit(mouse, trial, instance, condition)
                for mouse, trial in self.movies()
                for instance in range(self.profile.instances)
                for condition in self.conditions
            ],
        }

    def content_fingerprint(self) -> str:
        """Changes with anything that a notebook can show: results, and the code that analyses and draws them."""
        names = [unit.name for units in self.units().values() for unit in units]
        code = code_fingerprint("analysis", "plotting", "study", "recordings.py")
        return digest({"units": names, "code": code})

    # Results ----------------------------------------------------------------------------------------------------

    def alpha(self, mouse: int) -> NDArray[np.float32]:
        """Transparency mask (64, 64) of a mouse, unthresholded."""
        return self.store.require(self.mask_unit(mouse))["alpha"].values

    def training_mask(self, mouse: int) -> NDArray[np.bool_]:
        """Pixels (64, 64) of a mouse's movies that may change.

        Raises
        ------
        ReconstructionError
            If there is none.
        """
        return self._checked(mouse, training_mask(self.alpha(mouse)), 0.5)

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
                f"{self.mice[mouse]}: no pixel of the transparency mask reaches {threshold}; the encoder may have "
                "learned too little of this mouse, or mask.iterations and mask.learning_rate are too small"
            )
        return mask

    def instance_movies(self, mouse: int, trial: int, condition: Condition) -> NDArray[np.float32]:
        """Movies (instance, time, 64, 64) that the instances found."""
        units = [self.reconstruction_unit(mouse, trial, i, condition) for i in range(self.profile.instances)]
        return np.stack([self.store.require(unit)["movie"].values for unit in units])


ROLES = ("training", "held-out", "excluded", "no responses")
"""What a trial is used for, in the order of the stored codes."""


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
    """
    out = Path(out).resolve()
    settings = read_json(out / STUDY_FILE)
    if not isinstance(settings, dict) or not {"profile", "held_out", "recordings"} <= settings.keys():
        raise StoreError(f"{out / STUDY_FILE}: no study here; `movrecon run --out {out}` makes one")
    profile = parse_profile(settings["profile"], str(out / STUDY_FILE))
    recordings = open_recordings([out / path for path in settings["recordings"]])
    return Study(out, profile, tuple(recordings), settings["held_out"])


def _as_json(settings: Any) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return plain
