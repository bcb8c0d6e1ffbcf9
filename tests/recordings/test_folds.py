"""Folds equal to the published hash, held-out movies, and near-duplicates."""

import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from example_recording import write_example

from movrecon_core.errors import RecordingError
from movrecon_core.recordings import Recording
from movrecon_core.recordings.folds import closest_matches, fold_of, held_out_trials, movie_hash, split_trials


@pytest.fixture
def mouse(tmp_path: Path) -> Recording:
    return Recording(write_example(tmp_path / "mouse", trials=20))


def show(mouse: Recording, trial: int, movie) -> None:
    np.save(mouse.file("videos", trial), np.moveaxis(movie, 0, -1), allow_pickle=False)


def test_hashes_and_folds_are_golden(golden):
    expected = json.loads((golden / "folds.json").read_text())
    videos = np.load(golden / "folds_videos.npz", allow_pickle=False)
    assert len(expected["clips"]) == len(videos["videos"]) > 0
    for clip in expected["clips"]:
        stored = np.moveaxis(videos["videos"][clip["clip"]], -1, 0)
        for movie in (stored, stored[: videos["frames"][clip["clip"]]], stored[: clip["real_frames"]]):
            assert movie_hash(movie) == int(clip["video_hash"]), clip["description"]
            assert fold_of(movie) == clip["fold"] == int(clip["video_hash"]) % expected["num_folds"]


def test_movie_too_short_to_hash_is_an_error():
    with pytest.raises(RecordingError, match="needs 5 frames, found 3"):
        movie_hash(np.zeros((3, 36, 64)))


def test_every_trial_is_in_exactly_one_fold(mouse):
    folds = []
    for fold in range(7):
        with suppress(RecordingError):  # a fold that holds out no movie
            folds += held_out_trials(mouse, f"fold:{fold}")
    assert sorted(folds) == list(mouse.trials)


def test_a_tier_is_held_out_and_the_rest_trains(mouse):
    split = split_trials(mouse, "tier:oracle")
    assert split.held_out == mouse.trials_of_tier("oracle") == (18, 19)
    assert split.training == tuple(range(18))
    assert split.excluded == ()


def test_repeats_of_a_movie_share_its_fold_and_are_kept(mouse):
    movie = mouse.movie(0)
    for trial in (5, 11):
        show(mouse, trial, movie)
    assert {0, 5, 11} <= set(held_out_trials(mouse, f"fold:{fold_of(movie)}"))


@pytest.mark.parametrize("rule", ["fold:7", "fold:", "fold0", "oracle", "", "tier:", "tier:live", "fold:-1"])
def test_a_rule_that_holds_out_nothing_names_the_choices(mouse, rule):
    with pytest.raises(RecordingError, match=r"fold:0 .* tier:oracle, tier:train") as error:
        held_out_trials(mouse, rule)
    assert "\n" not in str(error.value)


def test_all_movies_held_out_is_an_error(mouse):
    np.save(mouse.path / "meta/trials/tiers.npy", np.array(["oracle"] * 20))
    with pytest.raises(RecordingError, match="no trial with responses to train on"):
        split_trials(mouse, "tier:oracle")


def test_trials_without_responses_are_in_no_part(mouse):
    for trial in (0, 19):
        mouse.file("responses", trial).unlink()
    split = split_trials(mouse, "tier:oracle")
    assert split.held_out == (18,)
    assert split.training == tuple(range(1, 18))


def test_near_duplicate_excludes_the_held_out_movie(mouse):
    """The article replaced the held-out movies that had a twin in the training folds."""
    movie = np.array(mouse.movie(18))
    movie[:, :2, :2] = 0
    show(mouse, 7, movie)
    split = split_trials(mouse, "tier:oracle")
    assert split.held_out == (19,)
    assert split.excluded == (18,)
    assert 7 in split.training
    match = next(m for m in split.closest if m.trial == 18)
    assert match.training_trial == 7
    assert match.correlation == pytest.approx(
        np.corrcoef(mouse.movie(18)[0].ravel(), movie[0].ravel())[0, 1], abs=1e-12
    )
    assert split_trials(mouse, "tier:oracle", threshold=1.0).held_out == (18, 19)


def test_only_near_duplicates_held_out_is_an_error(mouse):
    for held_out, training in ((18, 3), (19, 4)):
        show(mouse, training, mouse.movie(held_out))
    with pytest.raises(RecordingError, match="all 2 movies of 'tier:oracle' have a near-duplicate"):
        split_trials(mouse, "tier:oracle")


def test_golden_near_duplicates_are_found(golden, mouse):
    """The published failure: a few changed pixels move a clip into another fold."""
    clips = json.loads((golden / "folds.json").read_text())["clips"]
    videos = np.load(golden / "folds_videos.npz", allow_pickle=False)["videos"]
    pairs = [(c["clip"], c["near_duplicate_of"]) for c in clips if c["near_duplicate_of"] >= 0]
    assert pairs
    for trial, clip in enumerate(clips):
        show(mouse, trial, np.moveaxis(videos[clip["clip"]], -1, 0))
    copies = [copy for copy, _ in pairs]
    originals = [clip["clip"] for clip in clips if clip["clip"] not in copies]
    for match in closest_matches(mouse, copies, originals):
        assert (match.trial, match.training_trial) in pairs
        assert match.correlation > 0.98


def test_frame_without_contrast_matches_nothing(mouse):
    show(mouse, 18, np.full((66, 36, 64), 100.0))
    assert closest_matches(mouse, [18], range(10))[0].correlation == 0
