"""What a unit costs besides its computing: scheduled, claimed, logged, stored; locally and with Dask.

    python benchmarks/scheduling.py

writes `scheduling.json` beside this file. The units compute nothing.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import distributed
import numpy as np
import torch
import xarray as xr

from movrecon_core.storage import PLAN
from movrecon_core.storage.archive import opened, sealed
from movrecon_core.storage.cost import Cost
from movrecon_core.storage.store import Store, Unit
from movrecon_core.study import stages
from movrecon_core.study.profile import Profile
from movrecon_core.study.run.schedulers import Scheduler, run_stages
from movrecon_core.study.run.schedulers.cluster import Cluster
from movrecon_core.study.run.schedulers.local import Local
from movrecon_core.study.stage import Stage, Task, no_encoder
from movrecon_core.study.study import Study, introduce
from movrecon_core.study.worker import Worker

UNITS, STORED, REPEATS = 200, 20_000, 3


def _perform(work: Worker, task: Task) -> None:
    work.save(task.units[0], xr.Dataset({"x": ("i", np.zeros(8, np.float32))}), Cost())


NOTHING = Stage(
    name="nothing",
    label="nothing",
    item="unit",
    part="nothing",
    keys=lambda study: [(i,) for i in range(UNITS)],
    define=lambda study, i: (f"unit-{i}", {"i": i}),
    perform=_perform,
    architectures=no_encoder,
)


def overhead(scheduler: Scheduler) -> float:
    """Milliseconds a unit; the median of some repeats, after one that warms up."""
    times = []
    for _ in range(1 + REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            study = Study(Path(folder), Profile(name="scheduling"), (), "fold:0")
            started = time.monotonic()
            run_stages((NOTHING,), study, scheduler)
            times.append(1000 * (time.monotonic() - started) / UNITS)
    return round(float(np.median(times[1:])), 2)


def queries() -> dict[str, float]:
    """Seconds of `movrecon status`, and of reading a figure's 100 units, with 20,000 in the store."""
    with tempfile.TemporaryDirectory() as folder:
        out, store = Path(folder), Store(Path(folder) / "store")
        units = [Unit("reconstructions", f"trial-{i}", {"code": "a", "i": i}) for i in range(STORED)]
        store.save(units[0], xr.Dataset({"movie": ("time", np.zeros(300, np.float32))}), {"seconds": 2.0})
        members = opened(store.path(units[0]).read_bytes())
        for unit in units:
            root = json.loads(members["zarr.json"])
            root["attributes"]["definition"] = json.dumps(unit.definition, sort_keys=True)
            store.path(unit).write_bytes(sealed({**members, "zarr.json": json.dumps(root).encode()}))
        files = [f"store/{unit.kind}/{unit.name}.zarr.zip" for unit in units]
        (out / PLAN).write_text(json.dumps({"stages": [{"stage": "reconstructions", "code": "a", "files": files}]}))
        command = [sys.executable, "-m", "movrecon_core.cli", "status", "--out", folder]
        times = []
        for _ in range(REPEATS):
            started = time.monotonic()
            subprocess.run(command, check=True, capture_output=True)
            times.append(time.monotonic() - started)
        started = time.monotonic()
        found = [store.require(unit) for unit in units[:: STORED // 100]]
        query = time.monotonic() - started
    return {
        "units": STORED,
        "status_seconds": round(float(np.median(times)), 2),
        "figure_units": len(found),
        "figure_seconds": round(query, 2),
    }


def main() -> None:
    """Measure and write."""
    stages.STAGES = (NOTHING,)
    introduce([NOTHING])
    local = overhead(Local(torch.device("cpu")))
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=None
    ) as cluster:
        dask = overhead(Cluster(cluster.scheduler_address, "cpu"))
    result = {
        "milliseconds_per_unit": {"local": local, "dask": dask},
        "bars": {"local": 20, "dask": 100, "status_seconds": 2, "figure_seconds": 1},
        "store": queries(),
        "units": UNITS,
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
