"""A dry run: what it announces is what a run then stores."""

from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from movrecon_core.cli import app
from movrecon_core.storage.paths import PROFILES
from movrecon_core.study import open_study
from movrecon_core.study.profile import load_profile
from movrecon_core.study.run.forecast import StageForecast, forecast

CPU = torch.device("cpu")


def of_smoke(out: Path, with_recordings: bool) -> dict[str, StageForecast]:
    recordings = open_study(out).recordings if with_recordings else ()
    return {stage.name: stage for stage in forecast(load_profile("smoke", PROFILES), recordings, CPU)}


@pytest.mark.parametrize("with_recordings", [False, True])
def test_as_many_units_as_files(smoke_study: Path, with_recordings: bool) -> None:
    """Of every stage, against the files that the run left."""
    expected, store = of_smoke(smoke_study, with_recordings), smoke_study / "store"
    stored = {folder.name: len(list(folder.glob("*.zarr.zip"))) for folder in store.iterdir()}
    del stored["simulations"]  # the recordings, which are no stage's
    for stage, count in stored.items():
        assert expected[stage].units == count, stage
    own = [path for path in (smoke_study / "encoders").glob("*.pth") if path.name.startswith("instance-")]
    assert expected["encoders"].units == len(own) == 2
    # 2 mice of 2 movies, found from recorded and predicted responses by 2 instances; of one movie a mouse 5 variations
    # by 2 instances and 1 by both together, 2 fractions in 2 readings, from noise-free responses by 2 instances, and
    # from these and recorded ones through the neurons; for one mouse 2 × 2 noise movies in both phases and 2 × 2
    # gratings, for 2 kinds of targets; of both phases of a noise movie and a grating from the neurons' own responses
    # without and with noise by 2 instances, and once through the neurons; of one phase of them, through the neurons,
    # with noise under the own microscope, another indicator and another scan, and without noise under the latter.
    natural = 2 * 2 * 2 * 2 + 2 * (5 * 2 + 1) + 2 * 4 * 2 + 2 * (2 + 2)
    # By one instance, of one movie a mouse: six ways of choosing neurons, noise-free responses of a part of them,
    # responses without shared noise of a part and of all, and behaviour that is not the movie's own, in two ways.
    natural += 2 * (6 + 1 + 2 + 2)
    assert stored["reconstructions"] == natural + (8 + 4) * 2 * 2 + (2 + 1) * (2 * 2 + 1) + 2 * 4


def test_gigabytes_of_the_stored_arrays(smoke_study: Path) -> None:
    expected, study = of_smoke(smoke_study, True), open_study(smoke_study)
    units = study.units()
    movies = sum(study.store.require(unit)["movie"].nbytes for unit in units["reconstructions"])
    responses = sum(
        variable.astype(np.float32).nbytes
        for unit in units["responses"]
        for name, variable in study.store.require(unit).data_vars.items()
        if name in ("recorded", "predicted")
    )
    assert expected["reconstructions"].gigabytes == pytest.approx(movies / 1e9)
    assert expected["responses"].gigabytes == pytest.approx(responses / 1e9)
    weights = sum(path.stat().st_size for path in study.checkpoints) / 1e9
    assert expected["encoders"].gigabytes == pytest.approx(weights, rel=0.2)  # the files hold names, too


def test_the_paper_profile_needs_no_recordings_to_be_counted() -> None:
    profile = load_profile("paper", PROFILES)
    quick = profile.model_copy(update={"encoder": load_profile("smoke", PROFILES).encoder})
    quick = quick.model_copy(update={"simulation": profile.simulation.model_copy(update={"neurons": 20})})
    units = {stage.name: stage.units for stage in forecast(quick, (), CPU)}
    # 5 mice, 10 movies, 7 instances: recorded, two predictions, two masks, shuffled, six population conditions; 50
    # movies found by all instances together; of simulated mice noise-free ones, two through the neurons, and the mean
    # over repeats of three movies, and 15 synthetic ones from their own neurons' responses; noise 7 x 7 x 5 x 2 for
    # three mice and gratings 4 x 4 x 7 for one, two targets.
    simulated = 5 * 10 * (7 + 2) + 5 * 3 * 7 + 15 * (2 * 7 + 1)
    # 9 of them, in one phase: noisy under the own microscope, 2 indicators and 2 scans, noise-free under these scans.
    simulated += 9 * (1 + 2 + 2 * 2)
    # By one instance: six ways of choosing three parts, these without noise, these and all without shared noise.
    simulated += 5 * 10 * (6 * 3 + 3 + 4)
    assert units["reconstructions"] == 5 * 10 * 7 * 12 + 50 + simulated + (490 * 3 + 112) * 2 * 7
    assert units["responses"] == 50


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "results"
    shown = CliRunner().invoke(app, ["run", "--profile", "smoke", "--dry-run", "--out", str(out)])
    assert shown.exit_code == 0, shown.output
    assert "reconstructions" in shown.output
    assert "GB" in shown.output
    assert not out.exists()
