"""Recordings of the in-silico mouse: their layout, their ceiling by an independent correlation, the same bits."""

import json

import numpy as np
import pytest
import torch

from movrecon_core.analysis import neuron_correlation
from movrecon_core.errors import ProfileError, RecordingError
from movrecon_core.recordings import SIMULATED_MARKER, Recording, open_recordings
from movrecon_core.recordings.checks import check_recording
from movrecon_core.recordings.folds import held_out_trials, split_trials
from movrecon_core.simulation import (
    TRUTH,
    SimulatedNeurons,
    SimulationConfig,
    known_truth,
    noise_free_file,
    simulate_recordings,
)

SMALL = SimulationConfig(mice=2, trials=21, frames=90, neurons=40, oracle_trials=3, repeats=2)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return simulate_recordings(tmp_path_factory.mktemp("simulated"), SMALL, seed=3)


def truth(mouse, trial):
    return np.load(mouse.path / TRUTH / f"noise_free_responses/{trial}.npy")


def test_layout_is_readable_and_without_problems(simulated):
    assert len(simulated) == 2
    for mouse in simulated:
        assert check_recording(mouse.path) == []
        assert mouse.simulated
        assert len(mouse.trials) == SMALL.trials + SMALL.oracle_trials
        trial = mouse.trial(4)
        assert (trial.responses.shape, trial.movie.shape) == ((40, 90), (90, 36, 64))
        assert trial.negative_responses == 0
    assert [m.name for m in open_recordings([simulated[0].path.parent])] == [m.name for m in simulated]


@pytest.mark.parametrize("rule", ["fold:0", "tier:oracle"])
def test_ceiling_is_as_stated(simulated, rule):
    """Measured again with np.corrcoef, a neuron at a time."""
    for mouse in simulated:
        stated = json.loads((mouse.path / SIMULATED_MARKER).read_text())["ceilings"]
        trials = [t for t in held_out_trials(mouse, rule) if t < SMALL.trials]  # first showings
        expected = np.concatenate([truth(mouse, t) for t in trials], axis=1)
        found = np.concatenate([mouse.trial(t).responses for t in trials], axis=1)
        measured = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(expected, found, strict=True)])
        assert measured == pytest.approx(stated[rule], abs=1e-4)
        assert np.mean(list(stated.values())) == pytest.approx(0.45, abs=0.02)


def test_a_seventh_is_held_out_and_shows_scenes_of_its_own(simulated):
    for mouse in simulated:
        split = split_trials(mouse, "fold:0")
        again = SMALL.oracle_trials * (SMALL.repeats - 1)
        assert len(split.held_out) == SMALL.trials // 7 + again
        assert split.excluded == ()
        assert len(mouse.trials_of_tier("oracle")) == SMALL.oracle_trials + again
        assert set(mouse.trials_of_tier("oracle")) <= set(split.held_out)  # no showing of a movie is trained on
    # No frame of a held-out movie is one of any training movie, nor of another mouse's.
    frames = [m.movie(t, frames=1)[0].ravel() for m in simulated for t in m.trials[: SMALL.trials]]
    correlation = np.corrcoef(np.stack(frames))
    assert np.abs(correlation[np.triu_indices_from(correlation, 1)]).max() < 0.95


def test_noise_free_responses_are_no_part_of_the_layout(simulated):
    mouse = simulated[0]
    assert {p.name for p in (mouse.path / "data").iterdir()} == {"videos", "responses", "behavior", "pupil_center"}
    assert truth(mouse, 0).shape == (40, 90)
    assert not np.allclose(truth(mouse, 0), mouse.trial(0).responses)


def test_same_seed_same_bits(simulated, tmp_path):
    again = simulate_recordings(tmp_path, SMALL, seed=3)
    for old, new in zip(simulated, again, strict=True):
        files = sorted(p.relative_to(old.path) for p in old.path.rglob("*") if p.is_file())
        assert files == sorted(p.relative_to(new.path) for p in new.path.rglob("*") if p.is_file())
        assert all((old.path / f).read_bytes() == (new.path / f).read_bytes() for f in files)


def test_mice_of_unequal_sizes(simulated, tmp_path):
    other = {"trials": 16, "frames": 84, "neurons": 31}
    config = SimulationConfig.model_validate({**SMALL.model_dump(), "others": [other]})
    first, second = simulate_recordings(tmp_path, config, seed=3)
    assert check_recording(second.path) == []
    assert (len(second.trials), second.trial(2).responses.shape) == (19, (31, 84))
    assert (first.path / "data/responses/4.npy").read_bytes() == simulated[0].file("responses", 4).read_bytes()
    assert SimulatedNeurons(second).rates(second.movie(0)).shape == (31, 84)
    with pytest.raises(ValueError, match="2 further mice, but there are 2"):
        SimulationConfig.model_validate({**SMALL.model_dump(), "others": [other, {}]})


def test_truth_is_known_of_own_recordings_alone(simulated, tmp_path):
    mouse = simulated[0]
    assert known_truth(mouse)
    assert np.array_equal(np.load(noise_free_file(mouse, 4)), truth(mouse, 4))
    assert not known_truth(Recording(tmp_path))
    (tmp_path / SIMULATED_MARKER).parent.mkdir()
    (tmp_path / SIMULATED_MARKER).write_text('{"by": "another simulator"}')
    assert not known_truth(Recording(tmp_path))


def test_a_second_showing_is_noise_around_the_same_rates(simulated):
    """Another showing has other noise; the mean of many follows the expected rates."""
    neurons = SimulatedNeurons(simulated[0])
    rates = neurons.rates(simulated[0].movie(3))
    shown = [neurons.recorded(rates, np.random.default_rng(i)) for i in range(200)]
    assert shown[0].shape == rates.shape
    assert np.array_equal(shown[0], neurons.recorded(rates, np.random.default_rng(0)))
    mean = np.mean(shown, axis=0)
    # A response is some two frames behind its spikes.
    single, many = (np.nanmean(neuron_correlation(x[:, 2:], rates[:, :-2])) for x in (shown[0], mean))
    assert single < 0.5
    assert many > 0.85


def test_noise_of_their_own_is_not_shared(simulated):
    """Mean responses of two neurons rise and fall together over showings, unless each has a gain of its own."""
    neurons = SimulatedNeurons(simulated[0])
    neurons.values["shared_gain"] = np.ones(40)
    rates = np.full((40, 90), 100, np.float32)

    def in_common(shared):
        randoms = (np.random.default_rng(seed) for seed in range(100))
        means = [neurons.recorded(rates, random, shared=shared).mean(axis=1) for random in randoms]
        return np.corrcoef(means, rowvar=False)[np.triu_indices(40, 1)].mean()

    assert in_common(shared=True) > 0.3
    assert abs(in_common(shared=False)) < 0.03


def test_another_seed_is_another_mouse(tmp_path, simulated):
    config = SimulationConfig(mice=1, trials=7, frames=82, neurons=40, oracle_trials=1)
    mouse = simulate_recordings(tmp_path, config, seed=4)[0]
    other = simulated[0]
    name = TRUTH / "neurons/x.npy"
    assert not np.allclose(np.load(mouse.path / name), np.load(other.path / name))
    assert not np.allclose(mouse.movie(0, frames=1), other.movie(0, frames=1))


def test_recording_that_is_there_is_kept_but_never_mistaken(simulated):
    folder = simulated[0].path.parent
    before = simulated[0].file("responses", 0).stat().st_mtime_ns
    assert simulate_recordings(folder, SMALL, seed=3) == simulated
    assert simulated[0].file("responses", 0).stat().st_mtime_ns == before
    with pytest.raises(RecordingError, match="exists already"):
        simulate_recordings(folder, SMALL.model_copy(update={"neurons": 41}), seed=3)


def test_ceiling_out_of_reach_is_an_error(tmp_path):
    config = SMALL.model_copy(update={"mice": 1, "ceiling": 0.94})
    with pytest.raises(ProfileError, match="cannot be reached"):
        simulate_recordings(tmp_path, config, seed=0)
    assert list(tmp_path.iterdir()) == []


def test_unknown_parameters_are_errors():
    with pytest.raises(ValueError, match="neurones"):
        SimulationConfig.model_validate({"neurones": 3})
    with pytest.raises(ValueError, match="colour"):
        SimulationConfig.model_validate({"movie": {"colour": 3}})


def test_the_number_of_threads_is_left_as_it_was(tmp_path):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        simulate_recordings(tmp_path, SMALL.model_copy(update={"mice": 3, "trials": 14}), seed=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
