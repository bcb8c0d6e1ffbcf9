"""A study's settings, its recordings, and what each trial is used for."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.errors import ProfileError
from movrecon_core.recordings import TIERS_FILE, Recording, Trial, is_trial_name, load_array
from movrecon_core.study.files import write_json
from movrecon_core.study.fingerprints import FileDigests, code_fingerprint, digest
from movrecon_core.study.paths import DIGESTS_FILE, STUDY_FILE
from movrecon_core.study.profile import Profile
from movrecon_core.study.store import Store, Unit

ROLES = ("training", "held-out", "excluded", "no responses")
"""What a trial is used for, in the order of the stored codes."""

_SPLIT_CODE = ("folds.py", "recordings.py", "recording_checks.py", "recording_plausibility.py")


@dataclass(frozen=True)
class RecordedStudy:
    """One run's settings and recordings.

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
        write_json(self.out / STUDY_FILE, self.settings())

    def settings(self) -> dict[str, Any]:
        """All but the folder, as JSON."""
        return {
            "profile": json.loads(self.profile.model_dump_json()),
            "held_out": self.held_out,
            "recordings": [self._short(recording.path) for recording in self.recordings],
        }

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
        # Signal by signal: a folder may be a link, which a search below `data` would not follow.
        folders = [recording.path / "data" / signal for signal in recording.signals]
        files = [f for folder in folders for f in sorted(folder.glob("*.npy")) if is_trial_name(f.stem)]
        files.append(recording.path / TIERS_FILE)
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

    def variation_trials(self, mouse: int) -> tuple[int, ...]:
        """Those of them that are also reconstructed with other masks and with gradient ensembling."""
        return self.reconstructed_trials(mouse)[: self.profile.variations.trials_per_mouse]

    def population_trials(self, mouse: int) -> tuple[int, ...]:
        """Those of them that are also reconstructed from fewer neurons."""
        return self.reconstructed_trials(mouse)[: self.profile.population.trials_per_mouse]

    def trial(self, mouse: int, trial: int) -> Trial:
        return self.recordings[mouse].trial(trial)

    def mean_behavior(self, mouse: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """A mouse's mean behaviour (2,) and pupil position (2,) over its training trials, for synthetic stimuli."""
        if mouse not in self._mean_behavior:
            means = []
            recording = self.recordings[mouse]
            for signal in ("behavior", "pupil_center"):
                trials = self.trials_with(mouse, "training") if signal in recording.signals else ()
                values = [load_array(recording.file(signal, trial)) for trial in trials] or [np.zeros((2, 1))]
                known = np.concatenate(values, axis=1)
                known[list(recording.missing[signal])] = 0
                means.append(np.nanmean(known, axis=1).astype(np.float32))  # the end of a trial is padded with NaN
            self._mean_behavior[mouse] = (means[0], means[1])
        return self._mean_behavior[mouse]

    @cached_property
    def _mean_behavior(self) -> dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]]:
        return {}
