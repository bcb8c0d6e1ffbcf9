"""A study on disk: all its units of work, and their results."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis import SKIPPED_FRAMES
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.errors import ReconstructionError, StoreError
from movrecon_core.reconstruction import SMOOTHING, ensemble, evaluation_mask, training_mask
from movrecon_core.recordings import open_recordings
from movrecon_core.stimuli import synthetic_movie
from movrecon_core.study.conditions import (
    MASK_THRESHOLDS,
    RECORDED,
    Condition,
    MaskKind,
    Movie,
)
from movrecon_core.study.encoder_units import (
    other_movies,
    other_reconstruction_unit,
    physiology_unit,
    quality_unit,
)
from movrecon_core.study.files import read_json
from movrecon_core.study.fingerprints import code_fingerprint, digest
from movrecon_core.study.named import NamedStudy
from movrecon_core.study.paths import STUDY_FILE
from movrecon_core.study.planning_units import planning_units
from movrecon_core.study.profile import parse_profile
from movrecon_core.study.recorded import ROLES
from movrecon_core.study.store import Unit

__all__ = ["ROLES", "Judged", "Study", "open_study"]


class Judged(NamedTuple):
    """What a reconstruction is judged by; metrics take the three in this order.

    Attributes
    ----------
    truth
        (T, 36, 64), the movie that was shown, grey levels.
    reconstruction
        (T, 36, 64), not masked, grey levels.
    pixels
        (36, 64) bool, the evaluation mask.
    """

    truth: NDArray[np.float32]
    reconstruction: NDArray[np.float32]
    pixels: NDArray[np.bool_]

    @property
    def evaluated(self) -> "Judged":
        """Without the frames before the first that is evaluated: ``video_correlation(*judged.evaluated)``."""
        return Judged(self.truth[SKIPPED_FRAMES:], self.reconstruction[SKIPPED_FRAMES:], self.pixels)


@dataclass(frozen=True)
class Study(NamedStudy):
    """One run's settings and results; attributes as in `RecordedStudy`."""

    def units(self) -> dict[str, list[Unit]]:
        """Every stored unit of the study by stage; needs the encoders."""
        mice = range(len(self.recordings))
        return {
            "recordings": [self.split_unit(mouse) for mouse in mice],
            "evaluations": [self.evaluation_unit(mouse) for mouse in mice],
            "masks": [self.mask_unit(mouse) for mouse in self.reconstructed_mice],
            "receptive_fields": [self.receptive_field_unit(mouse) for mouse in self.reconstructed_mice],
            "reconstructions": [unit for wanted in self.wanted() for unit in self.reconstruction_units(*wanted)],
            "responses": [self.response_unit(mouse, trial) for mouse, trial in self.movies()],
            "qualities": [quality_unit(self, mouse) for mouse in mice],
            "other_reconstructions": [other_reconstruction_unit(self, *movie) for movie in other_movies(self)],
            "physiology": [physiology_unit(self, mouse) for mouse in self.reconstructed_mice],
            "planning": planning_units(self),
        }

    def content_fingerprint(self) -> str:
        """Changes with anything that a notebook can show: results, and the code that analyses and draws them."""
        names = [unit.name for units in self.units().values() for unit in units]
        code = code_fingerprint("analysis", "figures", "plotting", "study", "recordings.py")
        return digest({"units": names, "code": code})

    # Results ----------------------------------------------------------------------------------------------------

    def alpha(self, mouse: int) -> NDArray[np.float32]:
        """Transparency mask (64, 64) of a mouse, unthresholded."""
        return self.store.require(self.mask_unit(mouse))["alpha"].values

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

    def movie(self, mouse: int, movie: Movie) -> NDArray[np.float32]:
        """The movie (T, 36, 64) that was shown to a mouse, or is shown to its encoders."""
        if isinstance(movie, int):
            return self.trial(mouse, movie).movie
        return synthetic_movie(movie, self.profile.seed)

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

    def responses(self, mouse: int, trial: int) -> xr.Dataset:
        """Responses to a movie: ``recorded`` (neuron, time), ``predicted`` (stimulus, neuron, time).

        The stimuli are the movie (``true``), the movie with grey outside the training mask (``masked``), its
        reconstruction from recorded responses (``reconstructed``), and that with the movie's contrast and luminance
        (``matched``); where the profile asks for it, the reconstruction from predicted responses (``expected``). The
        predictions are the instances' mean.
        """
        found = self.store.require(self.response_unit(mouse, trial))
        return found.assign_coords(stimulus=found.attrs["stimuli"])


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
    return study_of(out, read_json(out / STUDY_FILE))


def study_of(out: Path, settings: Any) -> Study:
    """A study from what `Study.settings` gave.

    Raises
    ------
    StoreError
        If the settings are none.
    """
    match settings:
        case {"profile": dict(), "held_out": str(), "recordings": [*paths]} if all(isinstance(x, str) for x in paths):
            recordings = open_recordings([out / path for path in paths])
            profile = parse_profile(settings["profile"], str(out / STUDY_FILE))
            return Study(out, profile, tuple(recordings), settings["held_out"])
    raise StoreError(f"{out / STUDY_FILE}: no study here; `movrecon run --out {out}` makes one")
