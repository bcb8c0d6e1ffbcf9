"""What each part of a study cost in the run that did the work, read from the units themselves."""

from collections import defaultdict
from typing import Any

from movrecon_core.storage.files import read_json
from movrecon_core.storage.paths import BOOK_COST_FILE, EXECUTED
from movrecon_core.study.stages import STAGES
from movrecon_core.study.stages.recordings import simulation_unit
from movrecon_core.study.study import Study


def stage_costs(study: Study) -> dict[str, dict[str, Any]]:
    """Seconds (summed over units), peak memory in bytes (the largest) and number of units of every part.

    What a run found done keeps the cost of the run that did it.
    """
    costs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    costs["recordings"].append(study.cost(simulation_unit(study.profile)))
    for stage in STAGES:
        costs[stage.part] += [study.cost(study.unit(stage.name, *key)) for key in stage.asked(study)]
    executed = [read_json(study.out / EXECUTED / f"{name}.ipynb") for name in study.profile.notebooks]
    costs["notebooks"] = [_noted(notebook) for notebook in executed]
    costs["book"] = [read_json(study.out / BOOK_COST_FILE) or {}]
    return {part: _total(found) for part, found in costs.items()}


def _noted(notebook: Any) -> dict[str, Any]:
    """What an executed notebook says that it cost."""
    match notebook:
        case {"metadata": {"movrecon": dict(noted)}}:
            return noted
    return {}


def _total(found: list[dict[str, Any]]) -> dict[str, Any]:
    measured = [cost for cost in found if isinstance(cost, dict) and "seconds" in cost]
    return {
        "seconds": round(sum(cost["seconds"] for cost in measured), 1),
        "peak_memory_bytes": max((cost["peak_memory_bytes"] for cost in measured), default=0),
        "units": len(measured),
    }
