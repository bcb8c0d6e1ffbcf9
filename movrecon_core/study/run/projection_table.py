"""A projection as a table, in words, and as files beside a rehearsal's results."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from movrecon_core.errors import StoreError
from movrecon_core.storage.files import read_json, replacing, write_json
from movrecon_core.study.run.projection import Limit, Projection, StageCost

TABLE_FILE, COSTS_FILE = "costs.csv", "costs.json"
"""In a rehearsal's folder: one row a stage, and all of the projection."""
WORKERS = (2, 8)
"""Numbers of such devices that the hours are also given for."""


def save_projection(projection: Projection, out: Path) -> None:
    """Write the table and all of the projection into a folder of results."""
    with replacing(out / TABLE_FILE) as temporary:
        table(projection).to_csv(temporary, index=False, lineterminator="\n")
    write_json(out / COSTS_FILE, asdict(projection))


def read_projection(out: Path) -> Projection:
    """Read what `save_projection` wrote.

    Raises
    ------
    StoreError
        If there is none.
    """
    found = read_json(out / COSTS_FILE)
    try:
        stages = tuple(StageCost(**stage) for stage in found.pop("stages"))
        limits = tuple(Limit(**limit) for limit in found.pop("limits"))
        return Projection(**found, stages=stages, limits=limits)
    except (AttributeError, KeyError, TypeError):
        raise StoreError(f"{out / COSTS_FILE}: no rehearsal here; `movrecon run --rehearse` makes one") from None


def table(projection: Projection) -> pd.DataFrame:
    """One row a stage, and their sum: what was rehearsed, and hours (of one worker, ± 2 s.d.) and GB of the whole."""
    rows = [_row(stage) for stage in projection.stages]
    found = pd.DataFrame(rows)
    errors = [stage.full_error for stage in projection.stages]
    total = found.select_dtypes("number").sum().to_dict() | {
        "stage": "all",
        "peak memory (GB)": found["peak memory (GB)"].max(),
        "peak device memory (GB)": found["peak device memory (GB)"].max(),
        "± hours": 2 * float(np.hypot.reduce(errors)) / 3600,
    }
    return pd.concat([found, pd.DataFrame([total])], ignore_index=True)[list(found.columns)]


def _row(stage: StageCost) -> dict[str, Any]:
    return {
        "stage": stage.name,
        "units": stage.units,
        "seconds": stage.seconds,
        "peak memory (GB)": stage.peak_memory_bytes / 1e9,
        "peak device memory (GB)": stage.peak_device_bytes / 1e9,
        "written (GB)": stage.bytes / 1e9,
        "units, whole": stage.full_units,
        "hours, whole": stage.full_seconds / 3600,
        "± hours": 2 * stage.full_error / 3600,
        "GB, whole": stage.full_bytes / 1e9,
        **{f"hours, {count} workers": stage.hours(count) for count in WORKERS},
    }


def projection_report(projection: Projection) -> str:
    """A projection in words: the table, and what runs out first."""
    simulated = ", simulated recordings" if projection.simulated else ""
    return "\n".join(
        [
            f"rehearsal of profile {projection.profile}, {projection.device}{simulated}",
            table(projection).to_string(index=False, float_format=lambda value: f"{value:.3g}"),
            *verdict(projection),
            "Hours are those of workers like this one; notebooks and book are not among them.",
        ]
    )


def verdict(projection: Projection) -> list[str]:
    """One line each: what runs out, or is nearest to it, and by how much."""
    first, *others = projection.limits
    end = "runs out first" if first.share > 1 else "is what comes nearest to running out"
    return [
        f"{first.name} {end}: {first.needed:.3g} of {first.there:.3g} {first.unit}; to change: {first.key}",
        *(f"{limit.name}: {limit.needed:.3g} of {limit.there:.3g} {limit.unit}" for limit in others),
    ]
