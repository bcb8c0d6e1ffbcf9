"""The names of a study's units of work: each says all that decides it."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from movrecon_core.reconstruction import ReconstructionConfig
from movrecon_core.stimuli import GratingStimulus, NoiseStimulus
from movrecon_core.study.conditions import (
    PREDICTED,
    RECORDED,
    VARIATIONS,
    Condition,
    Movie,
    movie_name,
    stimulus_definition,
)
from movrecon_core.study.fingerprints import checkpoint_digest, code_fingerprint
from movrecon_core.study.recorded import RecordedStudy
from movrecon_core.study.store import Unit

# Which code decides a unit's result, besides its inputs.
_ENCODER_CODE = ("encoders", "recording_cache.py", "recordings.py")
_MASK_CODE = ("encoders", "reconstruction")
_FIELD_CODE = ("encoders", "analysis/receptive_fields.py", "stimuli/sparse_noise.py")
_MOVIE_CODE = (*_MASK_CODE, "study/conditions.py", "study/stages/targets.py")
_STIMULUS_CODE = ("stimuli/gaussian_noise.py", "stimuli/gratings.py")
_RESPONSE_CODE = ("encoders", "reconstruction/ensemble.py", "analysis/metrics.py", "study/stages/responses.py")


@dataclass(frozen=True)
class NamedStudy(RecordedStudy):
    """What one run stores; attributes as in `RecordedStudy`."""

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
            "precision": self.precision,
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
            "precision": self.precision,
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
            "precision": self.precision,
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
            "precision": self.precision,
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
            "precision": self.precision,
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
            "precision": self.precision,
            "code": code_fingerprint(*_RESPONSE_CODE),
        }
        return Unit("responses", f"{self.mice[mouse]}-{movie_name(trial)}", definition)


def _as_json(settings: Any) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return plain
