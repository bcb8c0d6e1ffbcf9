"""The whole study, small: from a simulated recording to the book, as a user runs it."""

import json
import re
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from movrecon_core.encoders.precision import used_precision
from movrecon_core.storage.store import read_dataset
from movrecon_core.study import open_study

FIGURES = (
    "recordings",
    "encoders",
    "fig1_method",
    "fig1s1_ethogram",
    "fig1s2_variations",
    "fig1s3_masks",
    "fig2_performance",
    "fig2s1_correlates",
    "baselines",
    "fig3_ensembling",
    "fig4_gaussian_noise",
    "fig4s1_gratings",
    "fig5_population",
    "fig6_error_maps",
    "videos",
    "planning",
    "quality_loss",
    "same_neurons",
    "error_origins",
    "redundancy",
    "resolution",
    "architectures",
    "summary",
)
ESTIMATES = ("video_correlation", "mean_frame_correlation", "random_control", "video_correlation_from_predicted")
TIMES = ("seconds", "peak_memory_bytes")
STAGES = {
    "recordings",
    "encoders",
    "comparison",
    "masks",
    "receptive_fields",
    "reconstructions",
    "responses",
    "baselines",
    "notebooks",
    "book",
}

TINY = """
trials_per_mouse: 2
instances: 2
batch_trials: 2
simulation: {mice: 1, trials: 14, neurons: 30, frames: 90, oracle_trials: 0}
training: {batch: 2, segment_frames: 64, segments_per_epoch: 16, warm_up_epochs: 1, cosine_epochs: 2,
           learning_rate: 3.0e-3, ema_decay: 0.9, mixed_precision: false}
mask: {iterations: 20, learning_rate: 300.0}
receptive_fields: {pixel_step: 4}
reconstruction: {iterations: 4, window_frames: null}
variations: {trials_per_mouse: 1}
population: {trials_per_mouse: 1, fractions: [0.5]}
noise: {lengths: [2.0], durations: [2.0], samples: 1, targets: [predicted]}
gratings: {directions: [0.0], spatial_frequencies: [0.0625], temporal_frequencies: [1.875], targets: [predicted]}
"""


def movrecon(*arguments: object, timeout: float | None = None) -> None:
    """Run the command as a user does; after `timeout` seconds it is killed and TimeoutExpired is raised."""
    command = [sys.executable, "-m", "movrecon_core.cli", *map(str, arguments), "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)
    assert done.returncode == 0, done.stderr


def summary_of(out: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((out / "summary.json").read_text())
    return summary


def test_summary(smoke_study: Path) -> None:
    summary = summary_of(smoke_study)
    for name in ESTIMATES:
        estimate = summary[name]
        assert estimate["n"] == 4
        assert -1 <= estimate["ci95"][0] <= estimate["mean"] <= estimate["ci95"][1] <= 1.5
    encoder = summary["encoder_single_trial_correlation"]
    assert encoder["mean"] == pytest.approx(np.mean(list(encoder["mice"].values())), abs=1e-5)
    assert set(encoder["mice"]) == {"mouse 1", "mouse 2"}
    for name in TIMES:
        assert set(summary[name]) >= STAGES
        assert all(value > 0 for value in summary[name].values())
    assert (summary["profile"], summary["seed"], summary["device"], summary["simulated"]) == ("smoke", 0, "cpu", True)
    assert summary["precision"] == used_precision("bfloat16", torch.device("cpu"))


def test_headline(smoke_study: Path) -> None:
    printed = (smoke_study / "printed.txt").read_text()
    assert f"{summary_of(smoke_study)['video_correlation']['mean']:.3f} (95 % CI" in printed
    assert "random other movie" in printed
    assert "minutes" in printed
    assert Path(re.search(r"^book +(\S+)", printed, re.MULTILINE)[1]).is_file()


def test_summary_agrees_with_the_source_data(smoke_study: Path) -> None:
    table = pd.read_csv(smoke_study / "figures" / "fig2_performance_B.csv")
    own = table[(table["metric"] == "video correlation") & (table["against"] == "own movie")]["correlation"]
    estimate = summary_of(smoke_study)["video_correlation"]
    assert estimate["mean"] == pytest.approx(own.mean(), abs=1e-6)
    # Student's t of three degrees of freedom: 3.182446 (any table)
    margin = 3.182446 * own.std(ddof=1) / 2
    assert estimate["ci95"] == pytest.approx([own.mean() - margin, own.mean() + margin], abs=1e-5)


def test_correlation_from_the_stored_arrays(smoke_study: Path) -> None:
    """The first movie's correlation once more, from the files and the method page alone."""
    from scipy.ndimage import gaussian_filter

    study = open_study(smoke_study)
    trial = study.trials.reconstructed(0)[0]
    truth = study.trial(0, trial).movie
    digest = "?" * 12  # other conditions have longer names
    files = sorted((smoke_study / "store" / "reconstructions").glob(f"*-1-trial-{trial}-*-recorded-{digest}.zarr.zip"))
    assert len(files) == 2
    mean = np.mean([read_dataset(file)["movie"].values for file in files], axis=0)
    found = gaussian_filter(mean, 0.5)[:, 14:50]
    inside = study.results.alpha(0)[14:50] >= 1
    expected = np.corrcoef(truth[30:, inside].ravel(), found[30:, inside].ravel())[0, 1]
    table = pd.read_csv(smoke_study / "figures" / "fig2_performance_B.csv")
    own = table.query(
        "mouse == 'mouse 1' and trial == @trial and metric == 'video correlation' and against == 'own movie'"
    )
    assert own["correlation"].item() == pytest.approx(expected, abs=1e-5)


def test_figures_and_source_data(smoke_study: Path) -> None:
    for name in FIGURES:
        assert {path.suffix for path in (smoke_study / "figures").glob(f"{name}.*")} == {".svg", ".pdf", ".png"}
        assert "simulated data" in (smoke_study / "figures" / f"{name}.svg").read_text()
        assert list((smoke_study / "figures").glob(f"{name}_*.csv"))
        executed = (smoke_study / "notebooks" / f"{name}.ipynb").read_text()
        assert str(smoke_study) not in executed
        assert str(Path.home()) + "/" not in executed


def test_a_second_run_computes_nothing(smoke_study: Path) -> None:
    folders = ("store", "encoders", "notebooks", "figures", "book", "recordings")
    files = {f: f.stat().st_mtime_ns for name in folders for f in (smoke_study / name).rglob("*") if f.is_file()}
    first = summary_of(smoke_study)
    started = time.monotonic()
    movrecon("run", "--profile", "smoke", "--out", smoke_study)
    assert time.monotonic() - started < 120
    assert {file: file.stat().st_mtime_ns for file in files} == files
    assert summary_of(smoke_study) == first


def test_killed_at_any_point_it_goes_on(tmp_path: Path) -> None:
    """SIGKILL again and again, a little later each time: the results are those of an undisturbed run."""
    profile = tmp_path / "tiny.yaml"
    profile.write_text(TINY)
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    movrecon("reconstruct", "--profile", profile, "--out", undisturbed)

    for patience in (5.0, 15.0):
        with suppress(subprocess.TimeoutExpired):
            movrecon("reconstruct", "--profile", profile, "--out", killed, timeout=patience)
            assert patience > 5, "nothing was killed"
    movrecon("reconstruct", "--profile", profile, "--out", killed)
    found, expected = arrays(killed), arrays(undisturbed)
    assert found.keys() == expected.keys()
    assert not [name for name in expected if found[name] != expected[name]]
    assert not list(killed.rglob(".*.tmp.*"))


def arrays(out: Path) -> dict[str, bytes]:
    """All stored arrays by unit, without the attributes, in which times stand."""
    return {
        str(file.relative_to(out)): b"".join(values.to_numpy().tobytes() for values in read_dataset(file).values())
        for file in sorted((out / "store").rglob("*.zarr.zip"))
    }


BARE = """
trials_per_mouse: 1
instances: 1
from_predicted: false
simulation: {mice: 1, trials: 14, neurons: 30, frames: 90, oracle_trials: 0}
training: {batch: 2, segment_frames: 64, segments_per_epoch: 16, warm_up_epochs: 1, cosine_epochs: 2,
           learning_rate: 3.0e-3, ema_decay: 0.9, mixed_precision: false}
mask: {iterations: 20, learning_rate: 300.0}
receptive_fields: {pixel_step: 4}
reconstruction: {iterations: 4, window_frames: null}
variations: {trials_per_mouse: 0}
population: {trials_per_mouse: 0}
noise: {samples: 0}
gratings: {mice: 0}
notebooks: {fig1s2_variations: {}, fig2_performance: {}, fig3_ensembling: {}, fig4_gaussian_noise: {},
            fig4s1_gratings: {}, fig5_population: {}, fig6_error_maps: {}, planning: {}}
"""


def test_a_profile_that_asks_for_little_ends_with_a_book(tmp_path: Path) -> None:
    """Figures that have nothing to show say so on their page; one with an empty panel says so there."""
    profile, out = tmp_path / "bare.yaml", tmp_path / "out"
    profile.write_text(BARE)
    movrecon("run", "--profile", profile, "--out", out)
    drawn = {path.stem for path in (out / "figures").glob("*.svg")}
    assert drawn == {"fig2_performance", "fig3_ensembling"}
    assert "nothing to show" in (out / "figures" / "fig3_ensembling.svg").read_text()
    pages = {path.stem: path.read_text() for path in (out / "book" / "notebooks").glob("*.html")}
    silent = {name for name, page in pages.items() if "Nothing to show: " in page}
    assert silent == set(pages) - drawn
    assert "give its section" in pages["fig4_gaussian_noise"]
