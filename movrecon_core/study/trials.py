"""The trials of a study: what each is used for, what was shown in it, and the digests that tell it from others."""

from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.errors import ProfileError
from movrecon_core.recordings import SIMULATED_MARKER, TIERS_FILE, Recording, is_trial_name, load_array
from movrecon_core.simulation import known_truth, noise_free_file
from movrecon_core.storage.fingerprints import FileDigests, digest
from movrecon_core.study.conditions import Movie
from movrecon_core.study.kept import kept
from movrecon_core.study.profile import Profile

ROLES = ("training", "held-out", "excluded", "not used")
"""What a trial is used for, in the order of the stored codes; the last has no responses, or a tier that is not used."""


class Recorded(Protocol):
    """What its trials know of a study."""

    @property
    def profile(self) -> Profile: ...
    @property
    def recordings(self) -> tuple[Recording, ...]: ...
    @property
    def held_out(self) -> str: ...
    @property
    def mice(self) -> list[str]: ...
    @property
    def simulated(self) -> bool: ...
    @property
    def digests(self) -> FileDigests: ...
    def of_mouse(self, key: str, mouse: int) -> Any: ...
    def result(self, stage: str, *key: Any) -> xr.Dataset: ...


@dataclass(frozen=True)
class Trials:
    """Those of all mice of a study, ``study.trials``.

    Attributes
    ----------
    study
        With recordings that were checked and divided.
    """

    study: Recorded

    @cached_property
    def found(self) -> dict[Any, Any]:
        """What `kept` keeps."""
        return {}

    @kept
    def split(self, mouse: int) -> xr.Dataset:
        """Use of every trial: ``role`` (index into `ROLES`), ``fold``, ``closest``, ``correlation``."""
        return self.study.result("recordings", mouse)

    def of_role(self, mouse: int, role: str) -> tuple[int, ...]:
        """Trials of a mouse in one role: ``training``, ``held-out``, ``excluded``."""
        split = self.split(mouse)
        return tuple(int(t) for t in split["trial"].values[split["role"].values == ROLES.index(role)])

    @kept
    def digest_of_trial(self, mouse: int, trial: int) -> str:
        """Digest of everything that was recorded in one trial."""
        recording = self.study.recordings[mouse]
        return digest({signal: self.study.digests.of(recording.file(signal, trial)) for signal in recording.signals})

    @kept
    def digest_of_role(self, mouse: int, role: str) -> str:
        """Digest of all trials of a mouse in one role, with their numbers."""
        return digest({str(trial): self.digest_of_trial(mouse, trial) for trial in self.of_role(mouse, role)})

    def digest_of_recording(self, mouse: int) -> str:
        """Digest of every file of a recording that the study reads."""
        recording = self.study.recordings[mouse]
        # Signal by signal: a folder may be a link, which a search below `data` would not follow.
        folders = [recording.path / "data" / signal for signal in recording.signals]
        files = [f for folder in folders for f in sorted(folder.glob("*.npy")) if is_trial_name(f.stem)]
        files.append(recording.path / TIERS_FILE)
        return digest({str(file.relative_to(recording.path)): self.study.digests.of(file) for file in files})

    def of_fold(self, mouse: int) -> tuple[int, ...]:
        """All trials that the rule holds out, near-duplicates of training movies included: the article's list."""
        return tuple(sorted(self.of_role(mouse, "held-out") + self.of_role(mouse, "excluded")))

    def reconstructed(self, mouse: int) -> tuple[int, ...]:
        """The first held-out trials, each of another movie, or those that the profile names; as many as it says.

        Raises
        ------
        ProfileError
            If it names places that the list has not.
        """
        places = self.study.of_mouse("reconstructed_trials", mouse)
        if places is None:
            first_shown = (t for t in self.of_role(mouse, "held-out") if self.showings(mouse, t)[0] == t)
            return tuple(islice(first_shown, self.study.profile.trials_per_mouse))
        listed = self.of_fold(mouse)
        if max(places) >= len(listed):
            raise ProfileError(
                f"reconstructed_trials: place {max(places)} (from 0) for {self.study.mice[mouse]}, of which "
                f"'{self.study.held_out}' holds out {len(listed)} movies"
            )
        return tuple(listed[place] for place in places[: self.study.profile.trials_per_mouse])

    def showings(self, mouse: int, trial: int) -> tuple[int, ...]:
        """Trials of the fold in which the movie of one of them was shown, that one included."""
        digests = self._movies_of_fold(mouse)
        return tuple(t for t, found in digests.items() if found == digests[trial])

    @kept
    def _movies_of_fold(self, mouse: int) -> dict[int, str]:
        """Digest of the movie of every trial of the fold; equal ones are held out, or excluded, together."""
        recording = self.study.recordings[mouse]
        return {t: self.study.digests.of(recording.file("videos", t)) for t in self.of_fold(mouse)}

    def other_behavior(self, mouse: int, movie: Movie) -> int:
        """The training trial whose behaviour stands for that of a movie's own trial where they are exchanged."""
        trials = self.of_role(mouse, "training")
        return trials[self.of_fold(mouse).index(movie) % len(trials)] if isinstance(movie, int) else trials[0]

    def truth_known(self, mouse: int) -> bool:
        """Whether a mouse is simulated, or will be where there is no recording yet."""
        return not self.study.recordings or known_truth(self.study.recordings[mouse])

    def noise_free(self, mouse: int, trial: int) -> NDArray[np.float32]:
        """Responses (N, T) of a simulated trial as they would have been recorded without noise."""
        return load_array(noise_free_file(self.study.recordings[mouse], trial))

    def truth_digest(self, mouse: int, movie: Movie) -> list[str]:
        """Digests of what a simulation knows of a mouse and, where it was shown, of one movie."""
        recording = self.study.recordings[mouse]
        shown = [noise_free_file(recording, movie)] if isinstance(movie, int) else []
        return [self.study.digests.of(file) for file in (recording.path / SIMULATED_MARKER, *shown)]

    @kept
    def mean_behavior(self, mouse: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """A mouse's behaviour (2,) and pupil position (2,) for synthetic stimuli.

        The largest value over time of the recording's own mean over trials (scripts); where it has none, the mean
        over frames of the training trials.
        """
        means = []
        recording = self.study.recordings[mouse]
        for signal in ("behavior", "pupil_center"):
            if (stored := recording.stored_mean(signal)) is not None:
                means.append(stored.max(axis=1))
                continue
            trials = self.of_role(mouse, "training") if signal in recording.signals else ()
            values = [load_array(recording.file(signal, trial)) for trial in trials] or [np.zeros((2, 1))]
            known = np.concatenate(values, axis=1)
            known[list(recording.missing[signal])] = 0
            means.append(np.nanmean(known, axis=1).astype(np.float32))  # the end of a trial is padded with NaN
        return means[0], means[1]

    @kept
    def behavior_digest(self, mouse: int) -> str:
        """Digest of all that decides `mean_behavior`."""
        files = [self.study.recordings[mouse].stored_mean_file(signal) for signal in ("behavior", "pupil_center")]
        stored = {file.parts[-3]: self.study.digests.of(file) for file in files if file.exists()}
        return digest({"trials": self.digest_of_role(mouse, "training"), **stored})
