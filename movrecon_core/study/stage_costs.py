"""What each stage cost in the run that did the work, read from the units themselves."""

from pathlib import Path
from typing import Any

from movrecon_core.study.encoder_units import other_checkpoint
from movrecon_core.study.files import read_json
from movrecon_core.study.paths import BOOK_COST_FILE, EXECUTED
from movrecon_core.study.planning_units import planned_checkpoint
from movrecon_core.study.stages import cost_file, simulation_unit
from movrecon_core.study.store import unit_attributes
from movrecon_core.study.study import Study


def stage_costs(study: Study) -> dict[str, dict[str, Any]]:
    """Seconds (summed over units), peak memory in bytes (the largest) and number of units of every stage.

    A stage that a run found done keeps the cost of the run that did it.
    """
    units = study.units()
    costs = {
        "recordings": [
            unit_attributes(study.store, unit)
            for unit in [simulation_unit(study.profile), *units["recordings"], *units["physiology"]]
        ],
        "encoders": [read_json(cost_file(path)) or {} for path in study.checkpoints]
        + [unit_attributes(study.store, unit) for unit in units["evaluations"]],
        **{
            stage: [unit_attributes(study.store, unit) for unit in units[stage]]
            for stage in ("masks", "receptive_fields", "reconstructions", "responses")
        },
        "comparison": [read_json(cost_file(path)) or {} for path in [other_checkpoint(study)] if path is not None]
        + [unit_attributes(study.store, unit) for unit in [*units["qualities"], *units["other_reconstructions"]]],
        "planning": [read_json(cost_file(planned_checkpoint(study, c))) or {} for c in study.profile.planning.ceilings]
        + [unit_attributes(study.store, unit) for unit in units["planning"]],
        "notebooks": [_executed(study.out / EXECUTED / f"{name}.ipynb") for name in study.profile.notebooks],
        "book": [_read(study.out / BOOK_COST_FILE)],
    }
    return {stage: _total(found) for stage, found in costs.items()}


def _total(found: list[dict[str, Any]]) -> dict[str, Any]:
    measured = [cost for cost in found if "seconds" in cost]
    return {
        "seconds": round(sum(cost["seconds"] for cost in measured), 1),
        "peak_memory_bytes": max((cost["peak_memory_bytes"] for cost in measured), default=0),
        "units": len(measured),
    }


def _executed(notebook: Path) -> dict[str, Any]:
    """What an executed notebook notes of its cost."""
    return dict(_read(notebook).get("metadata", {}).get("movrecon", {}))


def _read(path: Path) -> dict[str, Any]:
    found = read_json(path)
    return found if isinstance(found, dict) else {}
