"""Kill a run at random moments, start it again each time, and compare its results with an undisturbed run.

    python benchmarks/survival.py --profile smoke --within 30

writes `survival.json` beside this file. The units of a profile, or (`small`) of the small study that the tests use, up
to the reconstructions, without notebooks. The kills are drawn over an undisturbed run's length, or over the first
`--within` seconds of each attempt; each run goes on where the last one was killed, and a study that is finished before
all kills have been made is begun again.
"""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
import yaml

from movrecon_core.encoders.checkpoints import read_checkpoint
from movrecon_core.storage.store import read_dataset

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from small_study import PROFILE


def start(profile: str, out: Path) -> subprocess.Popen[str]:
    """The run that is killed; in a process group of its own, with all its children."""
    command = [sys.executable, "-m", "movrecon_core.cli", "reconstruct", "--profile", profile, "--out", str(out)]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*command, "--device", "cpu"], start_new_session=True, stderr=subprocess.PIPE, text=True, env=env
    )


def results(out: Path) -> dict[str, str]:
    """Digest of the arrays of every unit and of the weights of every encoder, by file."""
    found = {}
    for file in sorted((out / "store").rglob("*.zarr.zip")):
        values = b"".join(array.to_numpy().tobytes() for array in read_dataset(file).values())
        found[str(file.relative_to(out))] = hashlib.sha256(values).hexdigest()
    for file in sorted((out / "encoders").glob("*.pth")):
        weights = read_checkpoint(file)["nn_state_dict"]
        values = b"".join(weights[name].numpy().tobytes() for name in sorted(weights))
        found[str(file.relative_to(out))] = hashlib.sha256(values).hexdigest()
    return found


def main(
    kills: Annotated[int, typer.Option(help="How many.")] = 50,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 0,
    profile: Annotated[str, typer.Option(help="`small`, or a profile as for `movrecon run`.")] = "small",
    within: Annotated[float, typer.Option(help="Seconds in which an attempt is killed; 0: the run's length.")] = 0,
) -> None:
    """Measure and write."""
    moments = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        used = profile
        if profile == "small":
            used = str(Path(folder) / "small.yaml")
            Path(used).write_text(yaml.safe_dump(PROFILE))
        started = time.monotonic()
        undisturbed = Path(folder) / "undisturbed"
        first = start(used, undisturbed)
        _, error = first.communicate()
        if first.returncode:
            raise SystemExit(f"the undisturbed run failed: {error}")
        length = time.monotonic() - started
        expected = results(undisturbed)
        counts = {"kills": 0, "studies": 0, "with other results": 0, "failed": 0, "temporary or damaged files left": 0}
        while counts["kills"] < kills:
            out, begun = Path(folder) / f"killed-{counts['studies']}", time.monotonic()
            while True:
                run = start(used, out)
                try:
                    moment = (within or length) * moments.random()
                    run.communicate(timeout=moment if counts["kills"] < kills else None)
                    break
                except subprocess.TimeoutExpired:
                    os.killpg(run.pid, signal.SIGKILL)
                    run.communicate()
                    counts["kills"] += 1
            if not within:
                length = min(length, time.monotonic() - begun)  # the computer may have been busier before
            counts["studies"] += 1
            counts["failed"] += run.returncode != 0
            counts["with other results"] += results(out) != expected
            counts["temporary or damaged files left"] += len([*out.rglob("*.tmp.*"), *out.rglob("*.damaged")])
            summary = {
                **counts,
                "files compared": len(expected),
                "profile": profile,
                "killed within, seconds": within or round(length, 1),
                "seed": seed,
            }
            Path(__file__).with_suffix(".json").write_text(json.dumps(summary, indent=2) + "\n")
            print(json.dumps(summary), flush=True)


if __name__ == "__main__":
    typer.run(main)
