"""A dry run: its units are those of the article's text, and its units and bytes are those of a study that was run."""

import json
from pathlib import Path

import pytest

from movrecon_core.reconstruction import ReconstructionConfig
from movrecon_core.study.forecast import ExpectedStudy, forecast, iterated_frames, unit_counts
from movrecon_core.study.paths import PROFILES
from movrecon_core.study.pipeline import run_study
from movrecon_core.study.profile import load_profile, parse_profile
from movrecon_core.study.store import read_dataset

TINY = {
    "name": "tiny",
    "trials_per_mouse": 1,
    "instances": 2,
    "simulation": {"mice": 1, "trials": 14, "neurons": 300, "frames": 90, "oracle_trials": 0},
    "training": {"batch": 2, "segment_frames": 64, "segments_per_epoch": 8, "warm_up_epochs": 1, "cosine_epochs": 1},
    "mask": {"iterations": 20, "learning_rate": 1000.0},
    "receptive_fields": {"pixel_step": 4},
    "reconstruction": {"iterations": 2, "window_frames": None},
    "population": {"fractions": [0.5]},
    "noise": {"lengths": [2.0], "durations": [2.0], "samples": 1},
    "gratings": {"mice": 0},
}


def test_units_of_the_article() -> None:
    counts = unit_counts(ExpectedStudy(Path("none"), load_profile("paper", PROFILES), (), "fold:0"))
    movies, instances = 50, 7
    natural = 2 * movies * instances  # from recorded and from predicted responses
    variations = movies * (3 * instances + 1)  # no mask, strict mask, shuffled neurons; one of all gradients
    population = movies * 3 * 2 * instances  # three fractions, two readings
    noise = 3 * 7 * 7 * 5 * 2 * 2 * instances  # mice, lengths, durations, samples, phases, readings
    gratings = 4 * 4 * 7 * 2 * instances  # directions, spatial and temporal frequencies, readings
    assert counts["reconstructions"] == natural + variations + population + noise + gratings
    assert (counts["encoders"], counts["masks"], counts["responses"], counts["recordings"]) == (7, 5, 50, 10)


def test_frames_of_a_published_reconstruction() -> None:
    # 35 windows of 32 frames for 300 frames (method page); the last repeats none: 268 is no multiple of 8.
    assert iterated_frames(ReconstructionConfig(), 300) == 1000 * 35 * 32
    assert iterated_frames(ReconstructionConfig(window_frames=None), 300) == 1000 * 300


def test_units_and_storage_are_those_of_a_run(tmp_path: Path) -> None:
    profile = parse_profile(TINY, "test")
    expected = {stage.stage: stage for stage in forecast(profile, tmp_path)}
    run_study(profile, tmp_path, device="cpu", until="reconstructions")
    planned = json.loads((tmp_path / "plan.json").read_text())["stages"]
    assert {stage["stage"]: len(stage["files"]) for stage in planned} == {s: e.units for s, e in expected.items()}
    for stage in ("recordings", "encoders"):
        found = sum(file.stat().st_size for file in (tmp_path / stage).rglob("*") if file.is_file())
        assert expected[stage].storage == pytest.approx(found, rel=0.05), stage
    for stage, arrays in {
        "receptive_fields": ["on", "off", "on_minus_off"],
        "reconstructions": ["movie"],
        "responses": ["recorded", "predicted"],
    }.items():
        files = (tmp_path / "store" / stage.replace("_", "-")).iterdir()
        assert expected[stage].storage == sum(read_dataset(file)[arrays].nbytes for file in files), stage


def test_hours_grow_with_what_is_asked_for() -> None:
    more = {**TINY, "reconstruction": {"iterations": 20, "window_frames": None}}
    one, ten = (forecast(parse_profile(content, "test"), Path("none")) for content in (TINY, more))
    hours = [next(s.hours for s in stages if s.stage == "reconstructions") for stages in (one, ten)]
    assert 3 < hours[1] / hours[0] < 30  # ten, but for the load of the computer
