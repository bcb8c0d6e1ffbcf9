"""A rehearsal from beginning to end, as a user runs it: a table at the end, and nothing that passes for a result."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

TINY = """
trials_per_mouse: 3
instances: 3
simulation: {mice: 1, trials: 35, neurons: 30, frames: 90, oracle_trials: 0}
training: {batch: 2, segment_frames: 64, segments_per_epoch: 40, warm_up_epochs: 1, cosine_epochs: 4,
           learning_rate: 3.0e-3, mixed_precision: false}
mask: {iterations: 60, learning_rate: 300.0}
reconstruction: {iterations: 30, window_frames: null}
variations: {trials_per_mouse: 0}
population: {trials_per_mouse: 0}
noise: {samples: 0}
gratings: {mice: 0}
notebooks: {fig2_performance: {}}
"""


def movrecon(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "movrecon_core.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rehearsed") / "tiny"
    profile = out.with_suffix(".yaml")
    profile.write_text(TINY)
    done = movrecon("run", "--profile", profile, "--rehearse", "--out", out, "--device", "cpu", "--scheduler", "local")
    assert done.returncode == 0, done.stderr
    (out / "printed.txt").write_text(done.stdout)
    return out


def test_it_ends_with_a_table(rehearsed: Path) -> None:
    printed = (rehearsed / "printed.txt").read_text()
    assert "rehearsal of profile tiny, cpu, simulated recordings" in printed
    assert "to change: " in printed
    found = pd.read_csv(rehearsed / "costs.csv").set_index("stage")
    assert {"simulation", "recordings", "encoders", "masks", "reconstructions", "responses", "all"} <= set(found.index)
    # 3 instances; 3 movies from recorded and predicted responses by 3 instances.
    assert found.loc[["encoders", "reconstructions"], "units, whole"].tolist() == [3, 18]
    assert (found["hours, whole"] > 0).all()
    assert (found["peak memory (GB)"] > 0).all()


def test_everything_says_that_it_is_a_rehearsal(rehearsed: Path) -> None:
    assert json.loads((rehearsed / "summary.json").read_text())["rehearsal"] is True
    assert "a rehearsal" in (rehearsed / "printed.txt").read_text()
    assert "a rehearsal" in movrecon("status", "--out", rehearsed).stdout
    assert "rehearsal: means nothing" in (rehearsed / "figures" / "fig2_performance.svg").read_text()
    book = rehearsed / "book"
    for page in ("introduction", "status", "notebooks/fig2_performance"):
        assert (
            "means nothing" in (book / f"{page}.html").read_text()
            or "mean nothing" in (book / f"{page}.html").read_text()
        )
    assert "hours, whole" in (book / "costs.html").read_text()


def test_its_folder_takes_no_study(rehearsed: Path) -> None:
    done = movrecon("reconstruct", "--profile", rehearsed.with_suffix(".yaml"), "--out", rehearsed)
    assert done.returncode == 1
    assert "holds a rehearsal" in done.stderr
