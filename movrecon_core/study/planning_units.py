"""Names of the units that plan an experiment: in-silico mice that differ in their noise alone."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from movrecon_core.study.fingerprints import checkpoint_digest, code_fingerprint
from movrecon_core.study.store import Unit

if TYPE_CHECKING:
    from movrecon_core.encoders.training import TrainingConfig
    from movrecon_core.simulation import SimulationConfig
    from movrecon_core.study.study import Study

_CODE = ("encoders", "reconstruction", "simulation", "study/stages/planning.py")


def planned_simulation(study: "Study", ceiling: float) -> "SimulationConfig":
    """The planning mouse at one noise level: the same neurons and movies at each."""
    settings = study.profile.planning
    size = {"mice": 1, "ceiling": ceiling, "neurons": settings.neurons, "trials": settings.trials}
    return study.profile.simulation.of_mouse(0).model_copy(update=size)


def planned_training(study: "Study") -> "TrainingConfig":
    """How its encoders are trained."""
    return study.profile.planning.training or study.profile.training


def planned_encoder_unit(study: "Study", ceiling: float) -> Unit:
    """An encoder of the planning mouse at one noise level."""
    definition = {
        "simulation": planned_simulation(study, ceiling).model_dump(mode="json"),
        "encoder": json.loads(study.profile.encoder.model_dump_json()),
        "training": json.loads(json.dumps(asdict(planned_training(study)))),
        "seed": study.profile.seed,
        "code": code_fingerprint(*_CODE),
    }
    return Unit("encoders", f"planning-{ceiling:g}", definition)


def planned_checkpoint(study: "Study", ceiling: float) -> Path:
    """Checkpoint of that encoder."""
    return study.out / "encoders" / f"{planned_encoder_unit(study, ceiling).name}.pth"


def planned_mask_unit(study: "Study") -> Unit:
    """The mask that all noise levels share, from the least noisy one, so that the same pixels are judged."""
    definition = {
        "encoder": study.digests.of(planned_checkpoint(study, max(study.profile.planning.ceilings)), checkpoint_digest),
        "mask": json.loads(json.dumps(asdict(study.profile.mask))),
        "segments": study.profile.mask_segments,
        "seed": study.profile.seed,
        "code": code_fingerprint(*_CODE),
    }
    return Unit("planning", "mask", definition)


def planning_unit(study: "Study", ceiling: float) -> Unit:
    """Reconstructions at one noise level, from parts of the population."""
    settings = study.profile.planning
    definition: dict[str, Any] = {
        "encoder": study.digests.of(planned_checkpoint(study, ceiling), checkpoint_digest),
        "mask": planned_mask_unit(study).name,
        "reconstruction": json.loads(json.dumps(asdict(study.profile.reconstruction))),
        "fractions": settings.fractions,
        "areas": settings.areas,
        "movies": settings.movies,
        "seed": study.profile.seed,
        "code": code_fingerprint(*_CODE),
    }
    return Unit("planning", f"ceiling-{ceiling:g}", definition)


def planning_units(study: "Study") -> list[Unit]:
    """All of them; none where the profile plans nothing."""
    ceilings = study.profile.planning.ceilings
    return [planned_mask_unit(study), *(planning_unit(study, ceiling) for ceiling in ceilings)] if ceilings else []
