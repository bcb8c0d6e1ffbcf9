"""Which trials and mice a study uses: tiers, the article's fifty movies, masks' own movies, names, seeds."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from example_recording import write_example

from movrecon_core.errors import ProfileError, RecordingError
from movrecon_core.figures import published
from movrecon_core.recordings import Recording
from movrecon_core.recordings.folds import used_trials
from movrecon_core.storage.paths import PROFILES
from movrecon_core.study.conditions import Condition
from movrecon_core.study.profile import load_profile, parse_profile
from movrecon_core.study.run.schedulers import run_stages
from movrecon_core.study.run.schedulers.local import Local
from movrecon_core.study.stages.masks import FEWEST_MOVIES, mask_trials
from movrecon_core.study.stages.recordings import RECORDINGS
from movrecon_core.study.study import Study
from movrecon_core.study.targets import kept_neurons

TRIALS = 24


@pytest.fixture
def mouse(tmp_path: Path) -> Path:
    return write_example(tmp_path / "dynamic1-2", trials=TRIALS)


def split(mice: list[Path], out: Path, rule: str = "tier:oracle", **profile: object) -> Study:
    study = Study(out, parse_profile({"name": "test", **profile}, "test"), tuple(map(Recording, mice)), rule)
    run_stages((RECORDINGS,), study, Local(torch.device("cpu")))
    return study


def set_tiers(mouse: Path, *tiers: str) -> None:
    assert len(tiers) == TRIALS
    np.save(mouse / "meta/trials/tiers.npy", np.array(tiers))


def test_only_trials_of_the_tiers_that_the_profile_names_are_used(mouse: Path, tmp_path: Path) -> None:
    tiers = ["train"] * 12 + ["oracle"] * 4 + ["live_test_main"] * 4 + ["none"] * 4
    set_tiers(mouse, *tiers)
    recording = Recording(mouse)
    assert used_trials(recording) == tuple(range(24))
    assert used_trials(recording, ["train", "oracle"]) == tuple(range(16))
    assert used_trials(recording, ["-none"]) == tuple(range(20))
    with pytest.raises(RecordingError, match=r"no trial of tier final.*may name live_test_main, none, oracle, train"):
        used_trials(recording, ["final"])
    study = split([mouse], tmp_path / "out", tiers={"dynamic1": ["train", "oracle"], "dynamic": ["-none"]})
    assert set(study.trials.of_role(0, "training")) == set(range(12))
    assert set(study.trials.of_role(0, "held-out")) <= set(range(12, 16))
    assert study.trials.of_role(0, "not used") == tuple(range(16, 24))


def test_the_real_mice_have_trials_without_stimulus_among_the_earlier_five_alone() -> None:
    """Stimulus identities are −1 in 69 trials of the earlier mice, none of the later; `none` is left out there."""
    profile = load_profile("paper", PROFILES)
    later, earlier = published("data_set.mice"), published("data_set.earlier_release_mice")
    mice = tuple(Recording(Path(f"{name}-Video-x")) for name in (*earlier, *later))
    study = Study(Path("none"), profile, mice, "fold:0")
    assert [study.of_mouse("tiers", mouse) for mouse in range(5)] == [("-none",)] * 5
    assert [study.of_mouse("tiers", mouse) for mouse in range(5, 10)] == [("train", "oracle")] * 5
    assert [list(study.of_mouse("reconstructed_trials", m)) for m in study.reconstructed_mice] == published(
        "data_set.reconstructed_trials_in_fold_0"
    )
    # Sorted by their names the earlier mice come first; the article's mice 1 to 5 are the later ones.
    assert study.in_order == (5, 6, 7, 8, 9, 0, 1, 2, 3, 4)
    assert [study.label(mouse) for mouse in range(10)] == [f"mouse {n}" for n in (6, 7, 8, 9, 10, 1, 2, 3, 4, 5)]


def test_named_places_choose_the_movies_near_duplicates_or_not(mouse: Path, tmp_path: Path) -> None:
    set_tiers(mouse, *["train"] * 16, *["oracle"] * 8)
    twin = np.load(mouse / "data/videos/17.npy")
    twin[:2, :2] = 0
    np.save(mouse / "data/videos/3.npy", twin)
    study = split([mouse], tmp_path / "out", trials_per_mouse=3)
    assert study.trials.of_role(0, "excluded") == (17,)
    assert study.trials.reconstructed(0) == (16, 18, 19)
    assert study.trials.of_fold(0) == tuple(range(16, 24))
    named = split([mouse], tmp_path / "out", trials_per_mouse=3, reconstructed_trials={"dynamic1-2": [7, 1, 0, 2]})
    assert named.trials.reconstructed(0) == (23, 17, 16)
    assert named.trials.showings(0, 17) == (17,)
    assert not list(named.asked.repeated_trials(0))  # each was shown once
    assert 3 not in {t for part in mask_trials(named, 0) for t in part}  # the twin of a reconstructed movie
    far = split([mouse], tmp_path / "out", reconstructed_trials={"dynamic1": [8]})
    with pytest.raises(ProfileError, match=r"place 8 \(from 0\) for dynamic1-2, of which 'tier:oracle' holds out 8"):
        far.trials.reconstructed(0)


def movies(study: Study, trials: tuple[int, ...]) -> set[bytes]:
    return {study.recordings[0].movie(t).tobytes() for t in trials}


@pytest.mark.parametrize("oracle", [2, 20])
def test_masks_see_no_reconstructed_movie(mouse: Path, tmp_path: Path, oracle: int) -> None:
    """Not as a repeat under another number either; training movies join where others are too few."""
    set_tiers(mouse, *["train"] * (TRIALS - oracle), *["oracle"] * oracle)
    shutil.copy(mouse / f"data/videos/{TRIALS - oracle}.npy", mouse / "data/videos/23.npy")  # shown again
    study = split([mouse], tmp_path / "out", trials_per_mouse=2)
    found, reconstructed = mask_trials(study, 0), study.trials.reconstructed(0)
    assert not movies(study, reconstructed) & movies(study, found.unseen + found.trained_on)
    assert set(found.unseen) <= set(study.trials.of_role(0, "held-out"))
    assert set(found.trained_on) <= set(study.trials.of_role(0, "training"))
    assert len(found.unseen) + len(found.trained_on) >= FEWEST_MOVIES
    assert (found.trained_on == ()) == (oracle == 20)


def test_a_movie_that_was_shown_again_is_reconstructed_once(mouse: Path, tmp_path: Path) -> None:
    set_tiers(mouse, *["train"] * 16, *["oracle"] * 8)
    shutil.copy(mouse / "data/videos/16.npy", mouse / "data/videos/17.npy")
    study = split([mouse], tmp_path / "out", trials_per_mouse=3)
    assert study.trials.reconstructed(0) == (16, 18, 19)
    assert study.trials.showings(0, 17) == (16, 17)


def test_masks_can_see_all_movies_that_were_trained_on_and_no_other(mouse: Path, tmp_path: Path) -> None:
    set_tiers(mouse, *["train"] * 16, *["oracle"] * 8)
    study = split([mouse], tmp_path / "out", trials_per_mouse=2, masks={"movies": "training"})
    found, reconstructed = mask_trials(study, 0), study.trials.reconstructed(0)
    twins = {int(t) for t in study.trials.split(0)["closest"].sel(trial=list(reconstructed))}
    assert found == ((), tuple(t for t in study.trials.of_role(0, "training") if t not in twins))


def test_masks_of_another_encoder_take_the_fold_that_it_held_out(mouse: Path, tmp_path: Path) -> None:
    folds = split([mouse], tmp_path / "out").trials.split(0)["fold"].values
    fold = Counter(folds.tolist()).most_common(1)[0][0]
    other = next(f for f in range(7) if f != fold and (folds == f).any())
    study = split([mouse], tmp_path / "out", f"fold:{other}", masks={"fold": int(fold), "checkpoint": "other.pth"})
    found = mask_trials(study, 0)
    assert set(found.unseen) <= set(np.flatnonzero(folds == fold).tolist())
    assert len(found.unseen) >= (folds == fold).sum() - len(study.trials.reconstructed(0))
    assert not set(found.unseen) & set(study.trials.of_fold(0))


def test_populations_are_drawn_by_place_in_the_fold_and_among_the_later_mice(mouse: Path, tmp_path: Path) -> None:
    """Scripts: uniform numbers of the seed (index in the fold's list + 1) · (index among the later mice + 1)."""
    set_tiers(mouse, *["train"] * 16, *["oracle"] * 8)
    earlier = Path(shutil.copytree(mouse, tmp_path / "dynamic0-9"))
    second = Path(shutil.copytree(mouse, tmp_path / "dynamic2-9"))
    names = {"reconstructed_mice": ["dynamic1-2", "dynamic2-9"], "trials_per_mouse": 2}
    study = split([earlier, mouse, second], tmp_path / "out", **names)
    for trial, place in ((16, 0), (17, 1), (23, 7)):
        for recording, number in ((1, 1), (2, 2)):
            uniform = torch.rand(5, generator=torch.Generator().manual_seed((place + 1) * number)).numpy()
            kept = kept_neurons(study, recording, trial, Condition(neurons=0.5))
            np.testing.assert_array_equal(kept, uniform >= 0.5)


def test_synthetic_stimuli_come_with_the_stored_means_maximum_over_time(mouse: Path, tmp_path: Path) -> None:
    study = split([mouse], tmp_path / "out")
    stored = np.load(mouse / "meta/statistics/behavior/all/mean.npy")
    assert stored.shape == (2, 84)
    before = study.trials.behavior_digest(0)
    np.testing.assert_array_equal(study.trials.mean_behavior(0)[0], [max(row) for row in stored.tolist()])
    np.save(mouse / "meta/statistics/pupil_center/all/mean.npy", np.array([[1, np.nan, 3], [7, 5, 6]], np.float32))
    other = Study(study.out, study.profile, study.recordings, study.held_out)
    np.testing.assert_array_equal(other.trials.mean_behavior(0)[1], [3, 7])
    assert other.trials.behavior_digest(0) != before
    np.save(mouse / "meta/statistics/behavior/all/mean.npy", np.zeros((3, 4)))
    with pytest.raises(RecordingError, match=r"behavior/all/mean.npy: expected numbers of shape \(2, frames\)"):
        Study(study.out, study.profile, study.recordings, study.held_out).trials.mean_behavior(0)
