"""A store as large as the paper profile's: how long a run takes to begin on it, and what waiting for another run takes.

    python benchmarks/store.py

writes `store.json` beside this file. Recordings and encoders are tiny and all other units copies of one file: they
are counted, named and found as in a whole study, only their arrays are small.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import torch
import xarray as xr
import yaml
from processors import processor

from movrecon_core.encoders.training import TrainingConfig
from movrecon_core.reconstruction import MaskConfig
from movrecon_core.storage import CLAIMS
from movrecon_core.storage.archive import opened, sealed
from movrecon_core.storage.claims import claimed
from movrecon_core.storage.paths import PROFILES
from movrecon_core.storage.store import Unit
from movrecon_core.study.profile import Profile, load_profile
from movrecon_core.study.run.pipeline import run_study
from movrecon_core.study.settings import BaselineSettings, EncoderSettings, ReceptiveFieldSettings
from movrecon_core.study.stages import STAGES
from movrecon_core.study.stages.reconstructions import RECONSTRUCTIONS
from movrecon_core.study.study import Study

WAITED = 45.0
"""Seconds that a run waits while its processor time is counted."""


def small_paper() -> Profile:
    """The paper profile's units, with mice and encoders as small as they go."""
    paper = load_profile("paper", PROFILES)
    size = {"mice": 5, "trials": 21, "neurons": 30, "frames": 90, "oracle_trials": 10, "repeats": 1}
    return paper.model_copy(
        update={
            "name": "store",
            "held_out": "tier:oracle",
            "reconstructed_mice": None,
            "reconstructed_trials": {},
            "simulation": paper.simulation.model_copy(update=size),
            "encoder": EncoderSettings(),
            "training": TrainingConfig(
                batch=2,
                segment_frames=64,
                segments_per_epoch=8,
                warm_up_epochs=1.0,
                cosine_epochs=1.0,
                mixed_precision=False,
            ),
            "mask": MaskConfig(iterations=10, learning_rate=1000.0),
            "receptive_fields": ReceptiveFieldSettings(pixel_step=4),
            "baselines": BaselineSettings(),
            "notebooks": {},
        }
    )


def prepared(profile: Profile, out: Path) -> Study:
    """A study with recordings and encoders, all of them copies of the first."""
    first = run_study(profile.model_copy(update={"instances": 1}), out, device="cpu", until="encoders")
    study = replace(first, profile=profile)
    study.save()
    for instance in range(1, profile.instances):
        shutil.copy2(study.path(study.unit("encoders", 0)), study.path(study.unit("encoders", instance)))
    return study


def fill(study: Study) -> list[Unit]:
    """Store something for every unit that lacks, up to the reconstructions, whose units are given back.

    A mask everywhere, which reconstructions are judged in, is all that is looked at.
    """
    everywhere = xr.Dataset({"alpha": (("y", "x"), np.ones((64, 64), np.float32))})
    for stage in STAGES[: STAGES.index(RECONSTRUCTIONS) + 1]:
        units = [study.unit(stage.name, *key) for key in stage.asked(study)]
        if lacking := study.lacking(units):
            study.store.save(lacking[0], everywhere, {"seconds": 2.0})
            members = opened(study.path(lacking[0]).read_bytes())
        for unit in lacking[1:]:
            root = json.loads(members["zarr.json"])
            root["attributes"]["definition"] = json.dumps(unit.definition, sort_keys=True)
            study.path(unit).write_bytes(sealed({**members, "zarr.json": json.dumps(root).encode()}))
    return units


def begun(command: list[str]) -> dict[str, float]:
    """Seconds, and those of a processor, from a command to its end, where all is there."""
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": round(time.monotonic() - started, 2), "of a processor": round(worked, 2)}


def waiting(command: list[str], study: Study, unit: Unit, settled: float) -> float:
    """Share of a core that a run takes while another one is at the only unit that lacks."""
    study.path(unit).unlink()
    with claimed(study.out / CLAIMS, [unit.full_name]) as mine:
        assert mine
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(settled)
            before = _processor_seconds(run.pid)
            time.sleep(WAITED)
            return (_processor_seconds(run.pid) - before) / WAITED
        finally:
            run.kill()
            run.wait()


def _processor_seconds(pid: int) -> float:
    process = psutil.Process(pid)
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def main() -> None:
    """Measure and write."""
    with tempfile.TemporaryDirectory() as folder:
        out, profile = Path(folder) / "study", Path(folder) / "store.yaml"
        content = small_paper()
        profile.write_text(yaml.safe_dump(json.loads(content.model_dump_json())))
        torch.set_num_threads(1)
        study = prepared(load_profile(str(profile), PROFILES), out)
        units = fill(study)
        study.digests.save()
        run = [sys.executable, str(Path(__file__).resolve()), str(profile), str(out)]
        status = [sys.executable, "-m", "movrecon_core.cli", "status", "--out", str(out)]
        os.environ["OMP_NUM_THREADS"] = "1"
        begin = begun(run)
        result = {
            "about": "A store of as many reconstructions as the paper profile asks for, each of them small.",
            "processor": processor()["kind"],
            "reconstructions": len(units),
            "a run begins": begin,
            "status": begun(status),
            "share of a core while waiting": round(waiting(run, study, units[-1], 2 * begin["seconds"]), 4),
            "bars": {"a run begins, seconds": 10, "share of a core while waiting": 0.01},
        }
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def run_again(profile: str, out: str) -> None:
    """What the measured processes do."""
    run_study(load_profile(profile, PROFILES), Path(out), device="cpu", until=RECONSTRUCTIONS.name)


if __name__ == "__main__":
    run_again(*sys.argv[1:]) if sys.argv[1:] else main()
