"""The ten real mice's numbers, the same of a recording by numpy, and the default mice among them."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from movrecon_core.analysis.real_mice import STATISTICS, distance, real_mice, real_selectivity, recording_statistics
from movrecon_core.analysis.selectivity import SHOWINGS, direction_tuning, gabor_trials, selectivity
from movrecon_core.figures.real_mice import FARTHEST
from movrecon_core.recordings import Recording
from movrecon_core.recordings.folds import split_trials
from movrecon_core.simulation import (
    SimulatedNeurons,
    SimulationConfig,
    VariabilityConfig,
    simulate_mouse,
    simulate_recordings,
)
from movrecon_core.storage.paths import PROFILES
from movrecon_core.study.profile import load_profile


def test_the_table_has_the_statistics_of_ten_mice():
    table = real_mice()
    assert list(table.columns) == list(STATISTICS)
    assert len(table) == 10
    # Public figures of the releases: neurons of the article's mice 1 to 5.
    assert table["neurons"].tolist()[5:] == [7863, 7908, 8202, 7939, 8122]
    assert (real_selectivity().diff().iloc[1:] >= 0).all(axis=None)


@pytest.mark.parametrize("shift", [0.0, 0.1, 1.0])
def test_distance_is_that_of_kolmogorov_and_smirnov(shift):
    random = np.random.default_rng(0)
    values, others = random.normal(shift, 1, 400), random.standard_normal(20_000)
    found = distance(values, np.quantile(others, np.linspace(0, 1, 201)))
    assert found == pytest.approx(ks_2samp(values, others).statistic, abs=0.006)


def test_statistics_are_those_of_all_frames(tmp_path):
    mouse = simulate_mouse(tmp_path, SimulationConfig(trials=14, frames=90, neurons=30, oracle_trials=2, repeats=3), 0)
    trials = split_trials(mouse, "fold:0").training
    found = recording_statistics(mouse, trials)
    read = [mouse.trial(t) for t in trials]
    responses = np.concatenate([trial.responses for trial in read], axis=1, dtype=np.float64)
    mean = responses.mean(axis=1)
    assert found["response_spread"] == pytest.approx(np.median(responses.std(axis=1) / mean), rel=1e-5)
    assert found["response_spread_low"] == pytest.approx(np.percentile(responses.std(axis=1) / mean, 10), rel=1e-5)
    assert found["response_maximum"] == pytest.approx(np.median(responses.max(axis=1) / mean), rel=1e-5)
    assert found["response_median"] == pytest.approx(np.median(np.median(responses, axis=1) / mean), abs=1e-4)
    behaviour = np.concatenate([trial.behavior for trial in read], axis=1)
    assert found["pupil_dilation"] == pytest.approx(behaviour[0].mean())
    assert found["running_spread"] == pytest.approx(behaviour[1].std())
    assert found["grey_spread"] == pytest.approx(np.std([trial.movie for trial in read]), rel=1e-4)
    assert (found["movies_once"], found["movies_repeated"], found["planes"]) == (12, 2, 10)


def test_selectivity_of_known_tuning():
    """A neuron that answers one direction alone, one that answers both of an orientation, and one that answers all."""
    curves = np.stack([np.eye(8)[0], np.eye(8)[0] + np.eye(8)[4], np.ones(8)])
    orientation, direction = selectivity(curves)
    np.testing.assert_allclose(orientation, [1, 1, 0], atol=1e-12)
    np.testing.assert_allclose(direction, [1, 0, 0], atol=1e-12)


def test_tuning_is_the_mean_over_the_frames_of_a_direction():
    movies, shown = gabor_trials(np.random.default_rng(0))
    answers = {
        movie.tobytes(): np.repeat(directions, 25)[None] for movie, directions in zip(movies, shown, strict=True)
    }
    found = direction_tuning(lambda movie: [answers[movie.tobytes()]] * 2, np.random.default_rng(0))
    np.testing.assert_allclose(found, [np.arange(8)])


def outside(mouse: Recording) -> dict[str, tuple[float, float, float]]:
    """Statistics beyond the range of the real mice, but for sizes that are chosen: value and range."""
    real = real_mice()
    return {
        name: (value, real[name].min(), real[name].max())
        for name, value in recording_statistics(mouse, split_trials(mouse, "fold:0").training).items()
        if not (STATISTICS[name].chosen or real[name].min() <= round(value, 4) <= real[name].max())
    }


def farthest(mouse: Recording, seed: int) -> dict[tuple[str, str], float]:
    """Distance of selectivity from each of the real mice that have it."""
    random, neurons = np.random.default_rng(seed), SimulatedNeurons(mouse)
    tuning = direction_tuning(lambda movie: neurons.showings(movie, random, SHOWINGS), random)
    return {
        (kind, real_mouse): distance(values, quantiles.to_numpy())
        for kind, values in zip(("orientation", "direction"), selectivity(tuning), strict=True)
        for real_mouse, quantiles in real_selectivity().xs(kind, axis=1, level="kind").items()
    }


def test_the_default_mice_are_among_the_real_ones(tmp_path):
    """Every statistic of every mouse of the demo's recording."""
    demo = load_profile("demo", PROFILES)
    for number, mouse in enumerate(simulate_recordings(tmp_path, demo.simulation, demo.seed)):
        assert outside(mouse) == {}, mouse.name
        # Other showings change a distance by up to 0.01.
        found = farthest(mouse, number)
        assert max(found.values()) <= FARTHEST + 0.01, (mouse.name, found)


def test_a_mouse_whose_neurons_have_gains_is_among_the_real_ones(tmp_path):
    """The other noise model at the default length, with fewer neurons for the time that it takes."""
    config = SimulationConfig(neurons=400, repeats=1, variability=VariabilityConfig(kind="gain"))
    mouse = simulate_mouse(tmp_path, config, seed=0)
    assert outside(mouse) == {}
    found = farthest(mouse, 0)
    assert max(found.values()) <= FARTHEST + 0.01, found
