"""A study on disk: the names of all its units of work, and their results."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.errors import ReconstructionError, StoreError
from movrecon_core.reconstruction import ReconstructionConfig, evaluation_mask, training_mask
from movrecon_core.recordings import open_recordings
from movrecon_core.stimuli import GratingStimulus, NoiseStimulus, synthetic_movie
from movrecon_core.study.conditions import (
    MASK_THRESHOLDS,
    PREDICTED,
    RECORDED,
    VARIATIONS,
    Condition,
    MaskKind,
    Movie,
    movie_name,
    stimulus_definition,
)
from movrecon_core.study.encoder_units import (
    other_movies,
    other_reconstruction_unit,
    physiology_unit,
    quality_unit,
)
from movrecon_core.study.files import read_json
from movrecon_core.study.fingerprints import checkpoint_digest, code_fingerprint, digest
from movrecon_core.study.paths import STUDY_FILE
from movrecon_core.study.planning_units import planning_units
from movrecon_core.study.profile import parse_profile
from movrecon_core.study.recorded import ROLES, RecordedStudy
from movrecon_core.study.store import Unit

__all__ = ["ROLES", "Study", "open_study"]

# Which code decides a unit's result, besides its inputs.
_ENCODER_CODE = ("encoders", "recording_cache.py", "recordings.py")
_MASK_CODE = ("encoders", "reconstruction")
_FIELD_CODE = ("encoders", "analysis/receptive_fields.py", "stimuli/sparse_noise.py")
_MOVIE_CODE = (*_MASK_CODE, "study/conditions.py", "study/stages/targets.py")
_STIMULUS_CODE = ("stimuli/gaussian_noise.py", "stimuli/gratings.py")
_RESPONSE_CODE = ("encoders", "reconstruction/ensemble.py", "analysis/metrics.py", "study/stages/responses.py")


@dataclass(frozen=True)
class Study(RecordedStudy):
    """One run's settings and results; attributes as in `RecordedStudy`."""

    # Encoders ---------------------------------------------------------------------------------------------------

    @property
    def checkpoints(self) -> tuple[Path, ...]:
        """Checkpoint of every instance."""
        return tuple(self.checkpoint(instance) for instance in range(self.profile.instances))

    def checkpoint(self, instance: int) -> Path:
        return self.out / "encoders" / f"{self.encoder_unit(instance).name}.pth"

    def encoder_unit(self, instance: int) -> Unit:
        """All that decides an encoder: data, architecture, training, seed. It is kept as a checkpoint."""
        return Unit("encoders", f"instance-{instance}", {**self._encoder_inputs, "seed": self.profile.seed + instance})

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

    def encoder_digests(self) -> list[str]:
        """Of all instances."""
        return [self.encoder_digest(instance) for instance in range(self.profile.instances)]

    def evaluation_unit(self, mouse: int) -> Unit:
        """How well the encoders predict a mouse's held-out responses."""
        definition = {
            "mouse": mouse,
            "encoders": self.encoder_digests(),
            "trials": self.digests.of_trials(self.recordings[mouse], self.trials_with(mouse, "held-out")),
            "code": code_fingerprint("encoders"),
        }
        return Unit("evaluations", self.mice[mouse], definition)

    # Masks, receptive fields ------------------------------------------------------------------------------------

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
            "encoders": self.encoder_digests()[: settings.instances],
            "pixel_step": settings.pixel_step,
            "trials": self.digests.of_trials(self.recordings[mouse], self.trials_with(mouse, "training")),
            "code": code_fingerprint(*_FIELD_CODE),
        }
        return Unit("receptive-fields", self.mice[mouse], definition)

    # Reconstructions --------------------------------------------------------------------------------------------

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Those of every natural movie."""
        return (RECORDED, PREDICTED) if self.profile.from_predicted else (RECORDED,)

    @property
    def fractions(self) -> tuple[float, ...]:
        """Fractions of the population that are reconstructed from, besides the whole."""
        return self.profile.population.fractions

    @property
    def noise_stimuli(self) -> tuple[NoiseStimulus, ...]:
        return self.profile.noise.stimuli

    @property
    def grating_stimuli(self) -> tuple[GratingStimulus, ...]:
        return self.profile.gratings.stimuli

    def movies(self) -> Iterator[tuple[int, int]]:
        """Mouse and trial of every natural movie that is reconstructed."""
        for mouse in self.reconstructed_mice:
            for trial in self.reconstructed_trials(mouse):
                yield mouse, trial

    def wanted(self) -> Iterator[tuple[int, Movie, Condition]]:
        """Mouse, movie and condition of all reconstructions that the profile asks for."""
        for mouse, trial in self.movies():
            for condition in self.conditions:
                yield mouse, trial, condition
        for mouse in self.reconstructed_mice:
            for trial in self.variation_trials(mouse):
                for condition in VARIATIONS:
                    yield mouse, trial, condition
            for trial in self.population_trials(mouse):
                for dropped in self.profile.population.dropped:
                    for fraction in self.fractions:
                        yield mouse, trial, Condition(neurons=fraction, dropped=dropped)
        for settings in (self.profile.noise, self.profile.gratings):
            for mouse in self.reconstructed_mice[: settings.mice]:
                for target in settings.targets:
                    for stimulus in settings.stimuli:
                        yield mouse, stimulus, Condition(target=target)

    def reconstruction_units(self, mouse: int, movie: Movie, condition: Condition) -> list[Unit]:
        """One unit an instance; a single one where all instances' gradients make one movie."""
        if condition.gradients == "ensemble":
            return [self.reconstruction_unit(mouse, movie, None, condition)]
        return [self.reconstruction_unit(mouse, movie, i, condition) for i in range(self.profile.instances)]

    def reconstruction_unit(self, mouse: int, movie: Movie, instance: int | None, condition: Condition) -> Unit:
        """One movie, found with one encoder, or with all where `instance` is None."""
        all_encoders = instance is None or condition.target == "ensemble"
        definition = {
            "mouse": mouse,
            "instance": instance,
            "condition": asdict(condition),
            "movie": self._movie_definition(mouse, movie),
            "encoders": self.encoder_digests() if all_encoders else [self.encoder_digest(instance or 0)],
            "mask": self._mask_name(mouse),
            "reconstruction": _as_json(self.reconstruction_config(movie)),
            "seed": self.profile.seed if condition.neurons < 1 or condition.shuffled else None,
            "code": code_fingerprint(*_MOVIE_CODE),
        }
        found_with = "all-instances" if instance is None else f"instance-{instance}"
        label = f"{self.mice[mouse]}-{movie_name(movie)}-{found_with}-{condition.name}"
        return Unit("reconstructions", label, definition)

    def reconstruction_config(self, movie: Movie) -> ReconstructionConfig:
        """How a movie is found: synthetic ones without smoothed gradients, which would decide what is found there.

        The published scripts, too, filter natural movies alone (method page, reconstruction, ensemble).
        """
        config = self.profile.reconstruction
        return config if isinstance(movie, int) else replace(config, gradient_blur=(0.0, 0.0))

    def _movie_definition(self, mouse: int, movie: Movie) -> dict[str, Any]:
        if isinstance(movie, int):
            return {"trial": movie, "content": self.digests.of_trial(self.recordings[mouse], movie)}
        if mouse not in self._training_digests:
            trials = self.trials_with(mouse, "training")
            self._training_digests[mouse] = self.digests.of_trials(self.recordings[mouse], trials)
        return {
            **stimulus_definition(movie),
            "seed": self.profile.seed if isinstance(movie, NoiseStimulus) else None,
            "behavior": self._training_digests[mouse],
            "code": code_fingerprint(*_STIMULUS_CODE),
        }

    def _mask_name(self, mouse: int) -> str:
        """Name of the mask's unit; thousands of reconstructions ask for it."""
        if mouse not in self._mask_names:
            self._mask_names[mouse] = self.mask_unit(mouse).name
        return self._mask_names[mouse]

    @cached_property
    def _mask_names(self) -> dict[int, str]:
        return {}

    @cached_property
    def _training_digests(self) -> dict[int, str]:
        return {}

    def response_unit(self, mouse: int, trial: int) -> Unit:
        """Responses that are predicted for a movie and for its reconstructions."""
        found = [unit for condition in self.conditions for unit in self.reconstruction_units(mouse, trial, condition)]
        definition = {
            "reconstructions": [unit.name for unit in found],
            "mask": self._mask_name(mouse),
            "encoders": self.encoder_digests(),
            "code": code_fingerprint(*_RESPONSE_CODE),
        }
        return Unit("responses", f"{self.mice[mouse]}-{movie_name(trial)}", definition)

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
        code = code_fingerprint("analysis", "plotting", "study", "recordings.py")
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


def _as_json(settings: Any) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return plain
