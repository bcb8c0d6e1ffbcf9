"""A profile's rehearsal: what it keeps and what it makes few; and that its folder holds nothing else."""

import json
from pathlib import Path

import numpy as np
import pytest

from movrecon_core.errors import ProfileError
from movrecon_core.recordings import Recording
from movrecon_core.recordings.folds import split_trials
from movrecon_core.recordings.part import few_trials, part_of
from movrecon_core.simulation import SimulationConfig, simulate_mouse
from movrecon_core.storage.paths import PROFILES
from movrecon_core.study.profile import Profile, load_profile, parse_profile
from movrecon_core.study.rehearsal import Effort, longer, rehearsal_of
from movrecon_core.study.run.pipeline import run_study
from movrecon_core.study.study import Study

EFFORT = Effort(steps=6, batch=1000, iterations=9, mask_iterations=90)


@pytest.fixture(params=["smoke", "demo", "paper"])
def profile(request: pytest.FixtureRequest) -> Profile:
    return load_profile(request.param, PROFILES)


def test_widths_are_the_profiles(profile: Profile) -> None:
    short = rehearsal_of(profile, EFFORT.third, ["simulated-0-2", "simulated-0-3"])
    assert short.rehearsal
    assert (short.encoder, short.batch_trials, short.cluster) == (
        profile.encoder,
        profile.batch_trials,
        profile.cluster,
    )
    assert (short.training.batch, short.training.cache) == (profile.training.batch, profile.training.cache)
    assert short.reconstruction.window_frames == profile.reconstruction.window_frames
    assert short.simulation.mice == profile.simulation.mice
    for mouse in range(profile.simulation.mice):
        own, asked = short.simulation.of_mouse(mouse), profile.simulation.of_mouse(mouse)
        assert (own.neurons, own.frames) == (asked.neurons, asked.frames)
    assert short.baselines.decoders == profile.baselines.decoders
    assert short.notebooks.keys() == profile.notebooks.keys()


def test_the_rest_is_little(profile: Profile) -> None:
    short = rehearsal_of(profile, EFFORT.third, ["simulated-0-2", "simulated-0-3"])
    assert (short.training.steps, short.reconstruction.iterations) == (2, 3)
    assert short.mask.iterations == 30
    assert max(short.simulation.of_mouse(mouse).trials for mouse in range(short.simulation.mice)) <= 28
    assert short.instances <= 2
    assert len(short.noise.stimuli) <= 2 * 2 * 2
    further = longer(short, EFFORT, profile)
    assert (further.training.steps, further.instances) == (6, short.instances)
    assert further.reconstruction.iterations == min(9, profile.reconstruction.iterations)
    assert further.simulation == short.simulation  # the recordings are the same


def test_it_is_a_profile_like_any_other(profile: Profile) -> None:
    short = rehearsal_of(profile, EFFORT, ["simulated-0-2"])
    text = short.model_dump_json()
    assert parse_profile(json.loads(text), "rehearsal").model_dump_json() == text  # 3 and 3.0 define different units


def test_a_batch_that_does_not_fit_is_made_smaller() -> None:
    short = rehearsal_of(load_profile("paper", PROFILES), EFFORT._replace(batch=5), ["a"])
    assert (short.training.batch, short.training.steps) == (5, 6)


def test_a_mask_is_led_as_far() -> None:
    profile = load_profile("paper", PROFILES)
    mask = rehearsal_of(profile, EFFORT, ["a"]).mask
    assert mask.learning_rate * mask.iterations == pytest.approx(profile.mask.learning_rate * profile.mask.iterations)


@pytest.mark.parametrize("rehearsal", [False, True])
def test_a_folder_holds_a_rehearsal_or_a_study(tmp_path: Path, rehearsal: bool) -> None:
    other = load_profile("smoke", PROFILES).model_copy(update={"rehearsal": not rehearsal})
    Study(tmp_path, other, (), "fold:0").save()
    with pytest.raises(ProfileError, match=f"holds a {'study' if rehearsal else 'rehearsal'}; give"):
        run_study(other.model_copy(update={"rehearsal": rehearsal}), tmp_path, device="cpu")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    config = SimulationConfig(mice=1, trials=35, neurons=4, frames=90, oracle_trials=1, repeats=3)
    return simulate_mouse(tmp_path_factory.mktemp("recorded"), config, seed=0)


def test_a_part_of_a_recording(recording: Recording, tmp_path: Path) -> None:
    trials = few_trials(recording, "fold:0", None, 14)
    part = part_of(recording, trials, tmp_path)
    assert len(trials) == 14
    assert (part.name, part.trials, part.neurons, part.simulated) == (recording.name, trials, 4, True)
    np.testing.assert_array_equal(part.trial(trials[-1]).responses, recording.trial(trials[-1]).responses)
    split = split_trials(part, "fold:0")
    assert len(split.training) == 11
    whole = split_trials(recording, "fold:0")
    assert set(split.held_out) <= set(whole.held_out)
    assert set(split.training) <= set(whole.training)
    shown = {recording.movie(trial).tobytes() for trial in split.held_out}
    assert len(shown) == len(split.held_out)  # each of another movie


def test_a_part_is_made_anew(recording: Recording, tmp_path: Path) -> None:
    part_of(recording, (0, 1, 2), tmp_path)
    assert part_of(recording, (3, 4), tmp_path).trials == (3, 4)
