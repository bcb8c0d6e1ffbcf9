"""Physiology: measures against closed forms, model neurons of known tuning, and what the simulator planted."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from example_recording import NEURONS, write_example
from scipy import stats

from movrecon_core.analysis import physiology as ph
from movrecon_core.analysis.trials import recorded_physiology
from movrecon_core.encoders.checkpoints import build_encoder
from movrecon_core.figures.physiology import LITERATURE
from movrecon_core.recordings import Recording
from movrecon_core.simulation import TRUTH, SimulatedNeurons, SimulationConfig, simulate_mouse
from movrecon_core.storage.paths import REPOSITORY
from movrecon_core.study.stages.physiology import PHYSIOLOGY, neurons_of

CLIPS = Path(os.environ.get("MOVRECON_CLIPS", REPOSITORY / "tests" / "natural_clips.npz"))


@pytest.fixture(scope="module")
def mouse(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    config = SimulationConfig(trials=21, neurons=80, frames=150, oracle_trials=2)
    return simulate_mouse(tmp_path_factory.mktemp("mouse"), config, 3)


# Measures ---------------------------------------------------------------------------------------------------------


def test_sparseness_of_closed_forms() -> None:
    once = np.eye(5, 100)
    np.testing.assert_allclose(ph.lifetime_sparseness(once), 1)
    np.testing.assert_allclose(ph.lifetime_sparseness(np.full((2, 50), 3.0)), 0, atol=1e-12)
    # An exponential distribution has a mean square of twice the squared mean.
    quantiles = stats.expon.ppf((np.arange(200_000) + 0.5) / 200_000)
    np.testing.assert_allclose(ph.lifetime_sparseness(quantiles[None]), 0.5, atol=1e-3)
    assert np.isnan(ph.lifetime_sparseness(np.zeros((1, 10)))).all()


def test_signal_and_noise_correlations_are_told_apart() -> None:
    random = np.random.default_rng(0)
    shared_signal, shared_noise = random.standard_normal((2, 40, 1, 400))
    signal = np.sqrt(0.6) * shared_signal + np.sqrt(0.4) * random.standard_normal((40, 3, 400))
    noise = np.sqrt(0.2) * shared_noise + np.sqrt(0.8) * random.standard_normal((40, 3, 400))
    found = ph.pair_correlations(list(signal), list(signal + noise), 1)
    np.testing.assert_allclose(found[0], 0.6, atol=0.03)
    np.testing.assert_allclose(found[1], 0.2, atol=0.03)


def test_binning_averages_whole_bins() -> None:
    ramp = np.arange(7.0)[None]
    signal, _ = ph.pair_correlations([np.concatenate([ramp, -ramp, ramp**2])], [np.zeros((3, 7))], 3)
    first, third = np.array([1.0, 4.0]), np.array([5 / 3, 50 / 3])
    np.testing.assert_allclose(signal, [-1, np.corrcoef(first, third)[0, 1], -np.corrcoef(first, third)[0, 1]])


def test_running_ratio() -> None:
    responses = [np.array([[1.0, 1, 3, 3], [0, 0, 1, 1]]), np.array([[1.0, 5], [0, 1]])]
    speeds = [np.array([0.0, 0.5, 2, 9]), np.array([0.2, 4.0])]
    found = ph.running_ratio(responses, speeds)
    assert found[0] == pytest.approx((3 + 3 + 5) / 3)
    assert np.isnan(found[1])  # silent at rest
    assert np.isnan(ph.running_ratio(responses, [np.zeros(4), np.zeros(2)])).all()


@pytest.mark.parametrize("slope", [-1.0, -2.0, -3.0])
def test_slope_of_noise_of_a_known_spectrum(slope: float) -> None:
    random = np.random.default_rng(1)
    frequency = np.hypot(np.fft.fftfreq(36)[:, None], np.fft.fftfreq(64))
    frequency[0, 0] = np.inf
    white = np.fft.fft2(random.standard_normal((400, 36, 64)))
    frames = np.fft.ifft2(white * frequency ** (slope / 2)).real
    assert ph.spectral_slope(*ph.power_spectrum(frames)) == pytest.approx(slope, abs=0.2)


def test_field_diameter_and_coverage_of_a_disc() -> None:
    rows, columns = np.indices((18, 32))
    disc = (np.hypot(rows - 9, columns - 16) <= 5).astype(float)
    maps = np.stack([disc, 0.3 * disc, np.zeros_like(disc)])
    diameter = ph.field_diameter(maps)
    assert diameter[0] == pytest.approx(2 * 5 * ph.SPOT * ph.DEGREES_PER_PIXEL, rel=0.05)
    assert diameter[1] == diameter[0]
    assert np.isnan(diameter[2])
    np.testing.assert_array_equal(ph.coverage(maps), 2 * disc)


# Tuning of neurons whose tuning is known ---------------------------------------------------------------------------


def model_neurons(movie: np.ndarray) -> np.ndarray:
    """A half-rectified and an energy neuron for 90° (upward) gratings of 0.04 cycles/degree, and a blind one."""
    rows = np.arange(36) - 17.5
    envelope = np.exp(-0.5 * (rows / 4) ** 2)
    angle = 2 * np.pi * 0.04 * ph.DEGREES_PER_PIXEL * rows
    contrast = movie.mean(axis=2) / 127.5 - 1  # (T, H): blind to what changes along x
    even, odd = contrast @ (envelope * np.cos(angle)), contrast @ (envelope * np.sin(angle))
    return np.stack([1 + np.maximum(even, 0), 1 + even**2 + odd**2, np.ones(len(movie))])


def test_tuning_of_model_neurons() -> None:
    responses = ph.grating_responses(model_neurons)
    found = ph.tuning(responses)
    np.testing.assert_allclose(responses["spontaneous"], 1)
    assert set(found["preferred_direction"].values[:2] % 180) == {90}
    assert (found["preferred_spatial"][:2] == 0.04).all()
    # Half a rectified sine: mean 1/pi, amplitude 1/2 of the peak; their ratio is pi / 2. An energy does not vary.
    assert found["modulation_ratio"][0] == pytest.approx(np.pi / 2, rel=0.02)
    assert found["modulation_ratio"][1] == pytest.approx(0, abs=0.05)
    assert (found["orientation_selectivity"][:2] > 0.95).all()
    assert (np.abs(found["direction_selectivity"][:2]) < 0.05).all()
    np.testing.assert_allclose(found["direction_curve"][:2, [0, 6]], 1, atol=0.05)
    for name in ("orientation_selectivity", "modulation_ratio", "preferred_spatial", "preferred_direction"):
        assert np.isnan(found[name][2])


def test_gratings_move_where_they_should() -> None:
    right, up = (ph.sine_grating(direction, 0.03, 3.0, 2) for direction in (0, 90))
    pixels = 3.0 / 30 / (0.03 * ph.DEGREES_PER_PIXEL)  # of a frame
    x, y = np.arange(64), np.arange(36)
    np.testing.assert_allclose(right[1, 0, 2:-2], np.interp(x - pixels, x, right[0, 0])[2:-2], atol=2)
    np.testing.assert_allclose(up[1, 2:-2, 0], np.interp(y + pixels, y, up[0, :, 0])[2:-2], atol=2)


def test_spots_find_planted_fields() -> None:
    places = np.array([[6, 10], [20, 40]])

    def respond(movie: np.ndarray) -> np.ndarray:
        on, off = movie[:, 6, 10], 255 - movie[:, 20, 40]
        return np.stack([np.maximum(on - 127.5, 0), np.maximum(off - 127.5, 0)])

    maps = ph.spot_maps(respond)
    for place, one in zip(places, maps, strict=True):
        assert np.unravel_index(one.argmax(), one.shape) == tuple(place // 2)
        assert (one > 0).sum() == 1
        assert one.max() == 127.5


# The simulated mouse ----------------------------------------------------------------------------------------------


def test_probed_neurons_have_the_planted_tuning(mouse: Recording) -> None:
    found = ph.tuning(ph.grating_responses(SimulatedNeurons(mouse).rates))
    planted = {p.stem: np.load(p) for p in (mouse.path / TRUTH / "neurons").glob("*.npy")}
    simple, complex_ = planted["kind"] == "simple", planted["kind"] == "complex"
    modulation = found["modulation_ratio"].values
    assert np.isfinite(modulation).mean() > 0.85  # the others' fields are where no grating drives them
    driven = np.isfinite(modulation)
    simple, complex_, unoriented = (x & driven for x in (simple, complex_, planted["kind"] == "unoriented"))
    assert (modulation[simple] > 1).mean() > 0.9
    assert (modulation[complex_] < 1).mean() > 0.9
    selectivity = found["orientation_selectivity"].values
    assert np.median(selectivity[simple | complex_]) > 0.8 > 0.4 > np.median(selectivity[unoriented])
    selective, index = planted["direction_selective"], found["direction_selectivity"].values
    assert np.median(index[selective & driven]) > 4 * np.median(index[~selective & driven])
    # Image rows count downwards, directions upwards.
    oriented = (simple | complex_) & (selectivity > 0.5)
    wrong = np.deg2rad(2 * (found["preferred_direction"].values + np.rad2deg(planted["orientation"])))[oriented]
    assert np.median(np.cos(wrong)) > 0.8
    ratio = found["preferred_spatial"].values[oriented] / planted["spatial_frequency"][oriented]
    assert np.median(np.abs(np.log2(ratio))) < 0.6


def test_probed_rates_are_those_of_the_recording(mouse: Recording) -> None:
    """At rest and looking straight ahead the recorded truth is what the probe says, but for gain and indicator."""
    neurons, correlation = SimulatedNeurons(mouse), []
    for index in range(6):
        truth = np.load(mouse.path / TRUTH / "noise_free_responses" / f"{index}.npy")
        rates = neurons.rates(mouse.trial(index).movie)
        pairs = [(a[20:], b[20:]) for a, b in zip(truth, rates, strict=True) if min(a[20:].std(), b[20:].std()) > 1e-4]
        correlation += [np.corrcoef(a, b)[0, 1] for a, b in pairs]
    assert np.median(correlation) > 0.75


def test_what_is_said_of_the_recorded_trials(mouse: Recording) -> None:
    trials = [mouse.trial(t) for t in mouse.trials]
    found = recorded_physiology(mouse, trials)
    together = np.concatenate([trial.responses for trial in trials], axis=1)
    np.testing.assert_allclose(found["mean_response"], together.mean(axis=1), rtol=1e-5)
    assert (found["sparseness"] > found["expected_sparseness"]).mean() > 0.8  # noise makes responses sparser
    assert 0 < found["noise_correlation"].mean() < 0.3  # the planted shared gain
    assert found.sizes["pair"] == 80 * 79 // 2
    plain = recorded_physiology(Recording(mouse.path / "elsewhere"), trials)
    assert np.isnan(plain["noise_correlation"]).all()
    assert np.isnan(plain["expected_sparseness"]).all()


def test_blank_trials_have_no_spectrum(mouse: Recording) -> None:
    trials = [mouse.trial(t) for t in mouse.trials]
    blank = replace(trials[0], movie=np.full_like(trials[0].movie, 90))
    found = recorded_physiology(mouse, [blank, *trials[1:]])
    np.testing.assert_allclose(found["power"], recorded_physiology(mouse, trials[1:])["power"])
    assert np.isnan(found["slope"].values).tolist() == [True] + [False] * (len(trials) - 1)
    assert np.isnan(recorded_physiology(mouse, [blank])["power"]).all()


def test_neurons_of_a_real_recording_are_probed_through_the_encoder(tmp_path: Path) -> None:
    recording = Recording(write_example(tmp_path / "mouse"))
    encoder = build_encoder("factorised", {"readout_outputs": (NEURONS,), "features": (4, 4)}).eval()
    still = (np.array([30.0, 1.0], np.float32), np.array([46.0, 38.0], np.float32))
    study = SimpleNamespace(recordings=[recording], trials=SimpleNamespace(mean_behavior=lambda mouse: still))
    respond, probed = neurons_of(SimpleNamespace(study=study, encoders=lambda count: [encoder]), 0)
    assert probed == "encoder"
    movie = ph.sine_grating(30, 0.04, 2.0, 40)
    inputs = torch.zeros(1, 5, 40, 64, 64)
    inputs[0, 0, :, 14:50] = torch.from_numpy(movie)
    for channel, value in enumerate((30.0, 1.0, 46.0, 38.0), 1):
        inputs[0, channel] = value
    with torch.inference_mode():
        np.testing.assert_allclose(respond(movie), encoder(inputs, 0)[0].numpy(), rtol=1e-5)


def test_movies_beside_natural_clips(mouse: Recording) -> None:
    if not CLIPS.is_file():
        pytest.skip("no natural clips here; MOVRECON_CLIPS names the file")
    with np.load(CLIPS) as arrays:
        clips = arrays["clips"].astype(np.float32)
    motion = [np.abs(np.diff(clip, axis=0)).mean() for clip in clips]
    slopes = [ph.spectral_slope(*ph.power_spectrum(clip[::30])) for clip in clips]
    low, high = np.percentile(motion, [5, 95])
    assert LITERATURE["motion of the movies (grey levels a frame), median"].value == f"{low:.1f} – {high:.1f}"
    low, high = np.percentile(slopes, [5, 95])
    ours = recorded_physiology(mouse, [mouse.trial(t) for t in mouse.trials])
    assert low < ours["slope"].median() < high
    assert ours["motion"].median() < np.percentile(motion, 95)


@pytest.mark.parametrize("known", [True, False])
def test_results_follow_the_encoder_where_the_neurons_are_not_known(known: bool) -> None:
    """Another simulator's mouse is marked as simulated, and probed through the encoder all the same."""
    trials = SimpleNamespace(
        truth_known=lambda mouse: known,
        digest_of_recording=lambda mouse: "recording",
        behavior_digest=lambda mouse: "behaviour",
    )
    study = SimpleNamespace(
        mice=["mouse"],
        recordings=[SimpleNamespace(simulated=True)],
        simulated=True,
        held_out="fold:0",
        reconstructed_mice=(0,),
        trials=trials,
        encoder_digests=lambda count: ["encoder"],
        profile=SimpleNamespace(encoder=SimpleNamespace(architecture="factorised")),
    )
    _, definition = PHYSIOLOGY.define(study, 0)
    assert (definition["encoder"], definition["behavior"]) == ((None, None) if known else ("encoder", "behaviour"))
    assert PHYSIOLOGY.architectures(study) == (() if known else ("factorised",))
