"""All units that a study has, written down for `movrecon status`, which computes nothing."""

from typing import Any

from movrecon_core.bookkeeping import PLAN
from movrecon_core.errors import MovreconError
from movrecon_core.study.encoder_units import other_encoder_unit
from movrecon_core.study.files import write_json
from movrecon_core.study.planning_units import planned_encoder_unit
from movrecon_core.study.store import SUFFIX, Unit
from movrecon_core.study.study import Study


def write_plan(study: Study) -> bool:
    """Note the files of every stage; before the encoders are there, how many of those that depend on them.

    Returns
    -------
    bool
        Whether every file could be named, so that the plan is final.
    """
    stages = [{"stage": name, **content} for name, content in _stages(study).items()]
    write_json(study.out / PLAN, {"profile": study.profile.name, "stages": stages})
    return "responses" in (stage["stage"] for stage in stages if "files" in stage)


def _stages(study: Study) -> dict[str, Any]:
    stages: dict[str, Any] = {"recordings": _files([study.split_unit(mouse) for mouse in range(len(study.recordings))])}
    try:
        stages["encoders"] = _files(_encoders(study))
    except MovreconError:  # the split is not there yet
        return stages
    try:
        return stages | {stage: _files(units) for stage, units in study.units().items()}
    except MovreconError:  # the encoders are not there yet
        return stages | {stage: {"count": count} for stage, count in _counts(study).items()}


def _encoders(study: Study) -> list[Unit]:
    """All that are trained: the instances, and those that are compared with them or planned with."""
    instances = [study.encoder_unit(instance) for instance in range(study.profile.instances)]
    other = [] if study.profile.comparison is None else [other_encoder_unit(study)]
    return instances + other + [planned_encoder_unit(study, ceiling) for ceiling in study.profile.planning.ceilings]


def _counts(study: Study) -> dict[str, int]:
    mice, reconstructed = len(study.recordings), len(study.reconstructed_mice)
    movies = [1 if c.gradients == "ensemble" else study.profile.instances for _, _, c in study.wanted()]
    return {
        "evaluations": mice,
        "masks": reconstructed,
        "receptive_fields": reconstructed,
        "reconstructions": sum(movies),
        "responses": len(list(study.movies())),
    }


def _files(units: list[Unit]) -> dict[str, Any]:
    """Paths below the results, and the code that computes them."""
    code = next((unit.definition.get("code") for unit in units), None)
    return {"code": code, "files": [_file(unit) for unit in units]}


def _file(unit: Unit) -> str:
    return f"encoders/{unit.name}.pth" if unit.kind == "encoders" else f"store/{unit.kind}/{unit.name}{SUFFIX}"
