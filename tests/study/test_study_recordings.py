"""The first stage of a study: recordings that cannot be used stop it, what is known of the others is told."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from example_recording import write_example

from movrecon_core.errors import RecordingError
from movrecon_core.recordings import Recording
from movrecon_core.study.profile import parse_profile
from movrecon_core.study.provenance import provenance
from movrecon_core.study.run.schedulers import run_stages
from movrecon_core.study.run.schedulers.local import Local
from movrecon_core.study.stages.recordings import RECORDINGS
from movrecon_core.study.study import Study


def split(mouse: Path, out: Path, **profile: object) -> Study:
    study = Study(out, parse_profile({"name": "test", **profile}, "test"), (Recording(mouse),), "tier:oracle")
    run_stages((RECORDINGS,), study, Local(torch.device("cpu")))
    return study


def test_provenance_tells_what_the_check_found(tmp_path: Path) -> None:
    mouse = write_example(tmp_path / "mouse")
    shutil.rmtree(mouse / "data" / "pupil_center")
    behavior = np.load(mouse / "data/behavior/2.npy")
    behavior[0, 5:8] = np.nan
    np.save(mouse / "data/behavior/2.npy", behavior)
    study = split(mouse, tmp_path / "out")
    told = "pupil position not recorded, read as 0; 3 frames of pupil or running interpolated"
    assert provenance(study).loc["mouse 1, check", "value"] == told
    shutil.rmtree(mouse / "meta/statistics")
    means = study.trials.mean_behavior(0)
    expected = np.nanmean(np.concatenate([np.load(mouse / f"data/behavior/{t}.npy") for t in range(8)], axis=1), axis=1)
    np.testing.assert_allclose(means[0], expected, rtol=1e-6)
    np.testing.assert_array_equal(means[1], [0, 0])


def test_provenance_says_nothing_where_there_is_nothing_to_say(tmp_path: Path) -> None:
    study = split(write_example(tmp_path / "mouse"), tmp_path / "out")
    assert not provenance(study).index.str.contains("check").any()


def test_a_single_movie_to_train_on_is_an_error_before_anything_is_computed(tmp_path: Path) -> None:
    mouse = write_example(tmp_path / "mouse")
    np.save(mouse / "meta/trials/tiers.npy", np.array(["train"] + ["oracle"] * 9))
    with pytest.raises(RecordingError, match=r"'tier:oracle' leaves a single movie to train on.*mask_segments"):
        split(mouse, tmp_path / "out")
    assert not (tmp_path / "out" / "encoders").exists()


@pytest.mark.parametrize("frames", [64, 81])
def test_trials_too_short_for_the_mask_are_an_error_before_anything_is_computed(tmp_path: Path, frames: int) -> None:
    mouse = write_example(tmp_path / "mouse")
    for file in (mouse / "data").rglob("*.npy"):
        np.save(file, np.load(file)[..., :frames])
    with pytest.raises(RecordingError, match=f"at least 82 frames before the NaN padding, found {frames} .*9 more"):
        split(mouse, tmp_path / "out")
