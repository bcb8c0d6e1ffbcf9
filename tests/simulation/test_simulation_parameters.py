"""Parameters of a planned experiment do what they say: neurons, noise, coverage, indicator, frame rate, repeats."""

from pathlib import Path

import numpy as np
import pytest

from movrecon_core.recordings import Recording
from movrecon_core.recordings.checks import check_recording
from movrecon_core.simulation import TRUTH, ImagingConfig, NeuronConfig, SimulationConfig, simulate_mouse
from movrecon_core.simulation.imaging import calcium, recorded

BASE = {"trials": 14, "frames": 90, "neurons": 30, "oracle_trials": 2, "repeats": 1}


def simulated(folder: Path, seed: int = 0, **changes: object) -> Recording:
    return simulate_mouse(folder, SimulationConfig(**{**BASE, **changes}), seed)


def single_trial_ceiling(mouse: Recording) -> float:
    truth, found = (
        np.concatenate([np.load(folder / f"{t}.npy") for t in range(14)], axis=1)
        for folder in (mouse.path / TRUTH / "noise_free_responses", mouse.path / "data" / "responses")
    )
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(truth, found, strict=True) if a.std() > 0]))


def test_neurons_and_trials_are_counted(tmp_path: Path) -> None:
    mouse = simulated(tmp_path, neurons=17, trials=15)
    assert mouse.neurons == 17
    assert len(mouse.trials) == 15


def test_a_seed_is_a_mouse(tmp_path: Path) -> None:
    first, second = (simulated(tmp_path, seed) for seed in (0, 1))
    assert not np.array_equal(first.trial(0).movie, second.trial(0).movie)
    places = [np.load(mouse.path / TRUTH / "neurons" / "x.npy") for mouse in (first, second)]
    assert not np.allclose(*places)


def test_given_noise_is_that_of_every_sample_and_lowers_the_ceiling(tmp_path: Path) -> None:
    ceilings = []
    for noise in (0.3, 3.0, 12.0):
        mouse = simulated(tmp_path / str(noise), noise=noise, noise_spread=0.0, sharpness=1.5)
        np.testing.assert_allclose(np.load(mouse.path / TRUTH / "neurons" / "noise.npy"), noise)
        ceilings.append(single_trial_ceiling(mouse))
    assert ceilings[0] > ceilings[1] + 0.03 > ceilings[2] + 0.06


def test_noise_of_the_samples_without_spikes() -> None:
    """A silent neuron under white noise: its activity grows in proportion to the noise."""
    quiet = [
        recorded(np.random.default_rng(0), np.zeros((200, 355), np.float32), np.zeros(200), np.full(200, noise), 45,
                 ImagingConfig()).mean()
        for noise in (0.5, 1.0)
    ]  # fmt: skip
    assert quiet[1] == pytest.approx(2 * quiet[0], rel=1e-3)


def test_coverage_is_the_spread_of_the_fields(tmp_path: Path) -> None:
    mouse = simulated(tmp_path, neurons=400, trials=7, neuron=NeuronConfig(spread=(4.0, 2.5)))
    x, y = (np.load(mouse.path / TRUTH / "neurons" / f"{name}.npy") for name in "xy")
    assert x.std() == pytest.approx(4.0, rel=0.1)
    assert y.std() == pytest.approx(2.5, rel=0.1)


@pytest.mark.parametrize(("rise", "decay"), [(0.07, 0.8), (0.015, 0.2)])
def test_an_indicator_rises_and_decays_as_given(rise: float, decay: float) -> None:
    spike = np.zeros((1, 400), np.float32)
    spike[0, 10] = 1
    trace = calcium(spike, ImagingConfig(rise=rise, decay=decay))[0]
    peak = trace.argmax()
    # A difference of exponentials peaks at ln(decay / rise) / (1 / rise - 1 / decay).
    assert (peak - 10) / 30 == pytest.approx(np.log(decay / rise) / (1 / rise - 1 / decay), abs=1.5 / 30)
    late = trace[peak + 30 : peak + 60]
    assert -1 / (30 * np.polyfit(np.arange(30), np.log(late), 1)[0]) == pytest.approx(decay, rel=0.02)


@pytest.mark.parametrize("rate", [4.0, 8.0, 15.0])
def test_frames_are_taken_at_the_given_rate(rate: float) -> None:
    """Between two samples the responses at 30 Hz lie on a line: they bend once a sample."""
    random = np.random.default_rng(0)
    spikes = random.poisson(random.uniform(0.2, 2, (20, 355))).astype(np.float32)
    found = recorded(random, spikes, random.random(20), np.full(20, 0.5), 45, ImagingConfig(sampling_rate=rate))
    samples = 300 * rate / 30
    bends = np.abs(np.diff(found, n=2, axis=1)) > 1e-3 * found.std()
    # A sample between two frames bends the line at both of them, unless the activity is 0 on both sides.
    assert 0.5 * samples < bends.sum(axis=1).mean() <= 2 * samples + 2


def test_repeats_leave_the_other_trials_as_they_are(tmp_path: Path) -> None:
    once, thrice = simulated(tmp_path / "1"), simulated(tmp_path / "3", repeats=3)
    assert len(thrice.trials) == 14 + 2 * 2
    for signal in ("videos", "responses", "behavior", "pupil_center"):
        for trial in range(14):
            assert once.file(signal, trial).read_bytes() == thrice.file(signal, trial).read_bytes()
    assert not check_recording(thrice.path)
    oracle = thrice.trials_of_tier("oracle")
    assert len(oracle) == 6
    first = [trial for trial in oracle if trial < 14]
    for trial, again in zip(first, (14, 15), strict=True):
        a, b, c = (thrice.trial(t) for t in (trial, again, again + 2))
        np.testing.assert_array_equal(a.movie, b.movie)
        np.testing.assert_array_equal(a.movie, c.movie)
        assert not np.array_equal(b.responses, c.responses)
        assert not np.array_equal(b.behavior, c.behavior)


def test_repeats_respond_alike_as_far_as_the_movie_decides(tmp_path: Path) -> None:
    mouse = simulated(tmp_path, repeats=4, trials=21, neurons=60)
    truth = {t: np.load(mouse.path / TRUTH / "noise_free_responses" / f"{t}.npy") for t in mouse.trials}

    def likeness(pairs: list[tuple[int, int]]) -> float:
        return float(np.nanmean([np.corrcoef(truth[a].ravel(), truth[b].ravel())[0, 1] for a, b in pairs]))

    first = [t for t in mouse.trials_of_tier("oracle") if t < 21]
    same = [(first[i], 21 + i + 2 * k) for i in range(2) for k in range(3)]
    other = [(first[i], 21 + (1 - i) + 2 * k) for i in range(2) for k in range(3)]
    assert likeness(same) > likeness(other) + 0.2
