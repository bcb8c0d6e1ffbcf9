"""Names of the units that put two encoders side by side, and of those that look at a mouse as a physiologist would."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from movrecon_core.study.fingerprints import checkpoint_digest, code_fingerprint
from movrecon_core.study.store import Unit

if TYPE_CHECKING:
    from movrecon_core.study.profile import ComparisonSettings
    from movrecon_core.study.study import Study

_QUALITY_CODE = ("encoders", "analysis/encoder_quality.py", "study/stages/comparison.py")
_MOVIE_CODE = ("encoders", "reconstruction", "study/stages/comparison.py")
_PHYSIOLOGY_CODE = ("encoders", "simulation", "analysis/physiology.py", "study/stages/physiology.py")


def other_settings(study: "Study") -> "ComparisonSettings":
    """Of the other encoder; only where the profile has one."""
    settings = study.profile.comparison
    assert settings is not None
    return settings


def other_encoder_unit(study: "Study") -> Unit:
    """All that decides the other encoder: the data of the study's own, its architecture, training and seed."""
    settings = other_settings(study)
    definition = {
        **study.encoder_unit(0).definition,
        "encoder": json.loads(settings.encoder.model_dump_json()),
        "training": json.loads(json.dumps(asdict(settings.training))),
    }
    return Unit("encoders", f"other-{settings.encoder.architecture}", definition)


def other_checkpoint(study: "Study") -> Path | None:
    """Checkpoint of the other encoder; None where the profile has none."""
    if study.profile.comparison is None:
        return None
    return study.out / "encoders" / f"{other_encoder_unit(study).name}.pth"


def compared_encoders(study: "Study") -> dict[str, Path]:
    """Checkpoints of what is compared by architecture: the study's first instance, and the other encoder if any."""
    compared = {study.profile.encoder.architecture: study.checkpoint(0)}
    other = other_checkpoint(study)
    if other is not None:
        name = other_settings(study).encoder.architecture
        compared[name if name not in compared else f"{name} (other)"] = other
    return compared


def quality_unit(study: "Study", mouse: int) -> Unit:
    """How well each of the compared encoders predicts a mouse, beside what can be predicted at all."""
    recording = study.recordings[mouse]
    compared = compared_encoders(study)
    definition: dict[str, Any] = {
        "mouse": mouse,
        "encoders": {name: study.digests.of(path, checkpoint_digest) for name, path in compared.items()},
        "trials": study.digests.of_trials(recording, study.trials_with(mouse, "held-out")),
        "simulated": recording.simulated,
        "precision": study.precision,
        "code": code_fingerprint(*_QUALITY_CODE),
    }
    return Unit("encoder-qualities", study.mice[mouse], definition)


def other_movies(study: "Study") -> Iterator[tuple[int, int]]:
    """Mouse and trial of every movie that is also reconstructed with the other encoder."""
    if study.profile.comparison is not None:
        for mouse in study.reconstructed_mice:
            for trial in study.reconstructed_trials(mouse)[: study.profile.comparison.trials_per_mouse]:
                yield mouse, trial


def other_reconstruction_unit(study: "Study", mouse: int, trial: int) -> Unit:
    """One movie, found with the other encoder from recorded responses."""
    checkpoint = other_checkpoint(study)
    assert checkpoint is not None
    definition = {
        "mouse": mouse,
        "movie": {"trial": trial, "content": study.digests.of_trial(study.recordings[mouse], trial)},
        "encoder": study.digests.of(checkpoint, checkpoint_digest),
        "mask": study.mask_unit(mouse).name,
        "reconstruction": json.loads(json.dumps(asdict(other_settings(study).reconstruction))),
        "precision": study.precision,
        "code": code_fingerprint(*_MOVIE_CODE),
    }
    return Unit("other-reconstructions", f"{study.mice[mouse]}-trial-{trial}", definition)


def physiology_unit(study: "Study", mouse: int) -> Unit:
    """Tuning, sparseness, correlations of a mouse's neurons, and the statistics of its movies."""
    recording = study.recordings[mouse]
    definition = {
        "mouse": mouse,
        "recording": study.recording_digest(mouse),
        "encoder": None if recording.simulated else study.encoder_digest(0),
        "precision": study.precision,
        "code": code_fingerprint(*_PHYSIOLOGY_CODE),
    }
    return Unit("physiology", study.mice[mouse], definition)
