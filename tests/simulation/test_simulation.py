"""Parts of the in-silico mouse against closed forms, gratings and known spikes."""

import numpy as np
import pytest
from scipy.optimize import nnls
from scipy.signal import lfilter

from movrecon_core.simulation import MovieConfig, NeuronConfig
from movrecon_core.simulation.behaviour import Behaviour, BehaviourConfig, simulate_behaviour
from movrecon_core.simulation.imaging import ImagingConfig, calcium, deconvolve, noise_free, recorded, with_tail
from movrecon_core.simulation.movies import naturalistic_movie, pink_texture
from movrecon_core.simulation.neurons import (
    DEGREES_PER_PIXEL,
    MEAN_GREY,
    behavioural_gain,
    draw_population,
    field_shift,
    filter_outputs,
    normalisation_pool,
    normalised_drive,
)


def radial_slope(images, low, high):
    """Slope of log power against log frequency, cycles per pixel, of images (K, H, W)."""
    height, width = images.shape[-2:]
    window = np.hanning(height)[:, None] * np.hanning(width)
    power = (np.abs(np.fft.fft2((images - images.mean((-2, -1), keepdims=True)) * window)) ** 2).mean(0)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    inside = (frequency > low) & (frequency < high)
    return np.polyfit(np.log(frequency[inside]), np.log(power[inside]), 1)[0]


# --- movies


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5])
def test_texture_has_its_power_spectrum(exponent):
    rng = np.random.default_rng(0)
    textures = np.stack([pink_texture(rng, (128, 128), exponent) for _ in range(20)])
    power = (np.abs(np.fft.fft2(textures)) ** 2).mean(0)
    frequency = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128))
    inside = (frequency > 0) & (frequency < 0.5)
    slope = np.polyfit(np.log(frequency[inside]), np.log(power[inside]), 1)[0]
    assert slope == pytest.approx(-2 * exponent, abs=0.05)
    np.testing.assert_allclose(textures.std((1, 2)), 1, rtol=1e-4)


def test_movies_have_the_statistics_of_footage():
    """Motion and spectrum of 40 clips of real footage; grey levels of what the ten real mice saw."""
    movies = [naturalistic_movie(np.random.default_rng([1, i]), 150, MovieConfig()) for i in range(16)]
    assert all(m.shape == (150, 36, 64) and m.min() >= 0 and m.max() <= 255 for m in movies)
    assert all((m == np.rint(m)).all() for m in movies)
    motion = [np.abs(np.diff(m, axis=0)).mean() for m in movies]
    assert 70 < np.mean([m.mean() for m in movies]) < 90  # grey levels of the ten real mice
    assert 50 < np.std(movies) < 65
    assert 1 < np.mean(motion) < 5
    assert np.min(motion) > 0.1  # something moves in every movie
    slope = np.mean([radial_slope(m[::30], 0.06, 0.4) for m in movies])
    assert -3.8 < slope < -2.2
    lagged = np.mean([np.corrcoef(m[30:].ravel(), m[:-30].ravel())[0, 1] for m in movies])
    assert 0.2 < lagged < 0.95  # neither noise nor a still


# --- neurons


def grating(orientation, cycles_per_pixel, hertz, frames=90):
    """Drifting grating of full contrast that changes along `orientation`: (T, 36, 64)."""
    y, x = np.indices((36, 64))
    along = x * np.cos(orientation) + y * np.sin(orientation)
    time = np.arange(frames)[:, None, None] / 30
    return (127.5 + 127.5 * np.cos(2 * np.pi * (cycles_per_pixel * along - hertz * time))).astype(np.float32)


@pytest.fixture(scope="module")
def population():
    return draw_population(np.random.default_rng(5), 80, NeuronConfig())


def middle_neurons(population, kind):
    p = population.parameters
    inside = (np.abs(p["x"] - 32) < 20) & (np.abs(p["y"] - 18) < 8)
    return np.flatnonzero(inside & (p["kind"] == kind))


def tuning(population, stimuli, frames=90):
    """Mean drive (N, stimuli) without normalisation by neighbours."""
    still = np.zeros((2, frames), np.float32)
    scale, alone = np.ones(population.neurons, np.float32), np.zeros((population.neurons,) * 2, np.float32)
    drives = [
        normalised_drive(population, *filter_outputs(population, s, still), scale, alone, NeuronConfig())
        for s in stimuli
    ]
    return np.stack([drive[:, 30:].mean(1) for drive in drives], axis=1)


@pytest.mark.parametrize("kind", ["simple", "complex"])
def test_oriented_cells_prefer_their_own_orientation(population, kind):
    angles = np.arange(12) * np.pi / 12
    p = population.parameters
    neurons = [n for n in middle_neurons(population, kind) if p["spatial_frequency"][n] > 0.03]
    assert len(neurons) >= 3
    for n in neurons[:6]:
        frequency = p["spatial_frequency"][n] * DEGREES_PER_PIXEL
        # Both directions, so that direction-selective cells meet their own.
        curve = sum(tuning(population, [grating(a + d, frequency, 2) for a in angles])[n] for d in (0, np.pi))
        found = np.angle((curve * np.exp(2j * angles)).sum()) / 2
        difference = (found - p["orientation"][n] + np.pi / 2) % np.pi - np.pi / 2
        assert abs(np.degrees(difference)) < 10


def test_direction_selective_cells_prefer_one_direction(population):
    p = population.parameters
    for n in [n for kind in ("simple", "complex") for n in middle_neurons(population, kind)[:15]]:
        frequency, hertz = p["spatial_frequency"][n] * DEGREES_PER_PIXEL, p["temporal_frequency"][n] or 2.0
        stimuli = [grating(p["orientation"][n] + d, frequency, hertz) for d in (0, np.pi)]
        a, b = tuning(population, stimuli)[n]
        index = (a - b) / (a + b)
        assert index > 0.2 if p["direction_selective"][n] else abs(index) < 0.15


def test_complex_cells_do_not_follow_the_phase(population):
    """F1/F0 of the response to a drifting grating: above 1 for simple cells, below for complex ones."""
    p = population.parameters
    still = np.zeros((2, 90), np.float32)
    scale, alone = np.ones(80, np.float32), np.zeros((80, 80), np.float32)
    for kind in ("simple", "complex"):
        for n in middle_neurons(population, kind)[:8]:
            movie = grating(p["orientation"][n], p["spatial_frequency"][n] * DEGREES_PER_PIXEL, 2)
            outputs = filter_outputs(population, movie, still)
            drive = normalised_drive(population, *outputs, scale, alone, NeuronConfig())[n, 30:] ** p["exponent"][n]
            spectrum = np.abs(np.fft.rfft(drive)) / drive.size
            ratio = 2 * spectrum[4] / spectrum[0]  # 2 Hz over 60 frames: four cycles
            assert ratio > 1 if kind == "simple" else ratio < 1


def test_on_and_off_cells_follow_the_sign_of_a_flash(population):
    flash = np.full((60, 36, 64), MEAN_GREY, np.float32)
    p = population.parameters
    still = np.zeros((2, 60), np.float32)
    for n in middle_neurons(population, "unoriented")[:8]:
        movie = flash.copy()
        y, x = round(p["y"][n]), round(p["x"][n])
        movie[30:, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = 255
        onset = filter_outputs(population, movie, still)[0][n, 30:40]
        assert np.sign(onset[np.abs(onset).argmax()]) == p["polarity"][n]


def test_responses_follow_the_stimulus_by_60_to_120_ms(population):
    flash = np.full((60, 36, 64), MEAN_GREY, np.float32)
    flash[30] = 255
    first, second = filter_outputs(population, flash, np.zeros((2, 60), np.float32))
    np.testing.assert_allclose(first[:, :30], 0, atol=1e-4 * np.abs(first).max())
    latency = (np.abs(first) + np.abs(second)).argmax(1) - 30
    assert 2 <= np.median(latency) <= 4  # frames of 33 ms


def test_fields_have_the_sizes_of_mouse_v1():
    p = draw_population(np.random.default_rng(0), 2000, NeuronConfig()).parameters
    width = 2 * np.sqrt(2 * np.log(2)) * p["sigma"]
    assert 10 < np.median(width) < 20
    frequency = p["spatial_frequency"][p["kind"] != "unoriented"]
    assert 0.02 < np.median(frequency) < 0.05
    assert np.mean((frequency > 0.02) & (frequency < 0.08)) > 0.75
    middle = np.stack([p["x"] - p["x"].mean(), p["y"] - p["y"].mean()])
    area = np.pi * 4 * np.sqrt(np.linalg.det(np.cov(middle)))  # the ellipse of two s.d.
    assert 0.25 < area / (36 * 64) < 0.4


def test_fields_move_with_the_eye(population):
    """Fields that are moved by whole pixels see what they would see of a movie moved the other way."""
    rng = np.random.default_rng(2)
    movie = np.full((40, 36, 64), MEAN_GREY, np.float32)
    movie[:, 8:28, 12:52] = rng.uniform(0, 255, (40, 20, 40))
    shift = np.repeat(np.array([[3.0], [-2.0]], np.float32), 40, axis=1)
    moved = filter_outputs(population, movie, shift)
    shifted_movie = np.roll(movie, (2, -3), axis=(1, 2))
    np.testing.assert_allclose(
        moved, filter_outputs(population, shifted_movie, np.zeros((2, 40), np.float32)), atol=1e-4
    )


def test_normalisation_makes_contrast_saturate(population):
    """Doubling contrast doubles a linear drive; the normalised one grows less, and less at high contrast."""
    still = np.zeros((2, 90), np.float32)
    pool, scale = normalisation_pool(population, NeuronConfig()), np.full(80, 0.5, np.float32)
    np.testing.assert_allclose(pool.sum(1), 1, rtol=1e-5)

    def drive(contrast):
        movie = 127.5 + contrast * (grating(0.3, 0.12, 2) - 127.5)
        return normalised_drive(
            population, *filter_outputs(population, movie, still), scale, pool, NeuronConfig()
        ).mean()

    low, middle, high = drive(0.02), drive(0.25), drive(1.0)
    assert low < middle < high
    assert high / middle < 0.5 * 4  # a fourfold contrast
    assert np.isfinite([low, middle, high]).all()


# --- behaviour


def test_behaviour_has_the_ranges_of_the_recordings():
    config = BehaviourConfig()
    sessions = [simulate_behaviour(np.random.default_rng(i), 20000, config) for i in range(6)]
    speed = np.concatenate([s.speed for s in sessions])
    assert 0.05 < np.mean(speed > 3) < 0.4
    assert np.median(speed) < 1
    assert 10 < np.percentile(speed, 99) < 60
    for session in sessions:
        assert session.dilation.min() >= 8
        running = session.speed > 3
        assert session.dilation[running].mean() > session.dilation[~running].mean()
        assert 4.0 < session.position[0].std() < 7.6
        assert 4.5 < session.position[1].std() < 7.7
        assert 12 < session.dilation.std() < 17.2
        assert np.corrcoef(session.dilation[30:], session.dilation[:-30])[0, 1] > 0.7


def test_running_raises_rates(population):
    def gain(speed, dilation):
        ones = np.ones(3, np.float32)
        behaviour = Behaviour(speed * ones, dilation * ones, np.zeros((2, 3), np.float32))
        return behavioural_gain(population, behaviour, BehaviourConfig()).mean()

    reference = BehaviourConfig().pupil_mean
    np.testing.assert_allclose(gain(0, reference), 1)
    assert 1.3 < gain(30, reference) / gain(0, reference) < 2.5
    assert gain(0, reference + BehaviourConfig().pupil_std) > gain(0, reference)


def test_eye_moves_fields_by_pixels():
    session = simulate_behaviour(np.random.default_rng(0), 5000, BehaviourConfig())
    shift = field_shift(session, BehaviourConfig(), NeuronConfig())
    assert (shift.std(1) > 0.3).all()
    assert (np.abs(shift) < 8).all()


# --- imaging


def test_a_spike_makes_a_gcamp6s_transient():
    config = ImagingConfig()
    spikes = np.zeros((1, 150), np.float32)
    spikes[0, 20] = 1
    trace = calcium(spikes, config)[0]
    assert (trace[:20] == 0).all()
    assert trace.max() == pytest.approx(1, abs=0.05)
    assert 0.1 <= (trace.argmax() - 20) / 30 <= 0.3  # Chen et al. 2013: 0.18 s
    assert trace[100] / trace[70] == pytest.approx(np.exp(-1 / config.decay), rel=1e-3)


def test_deconvolution_recovers_known_spikes():
    rng = np.random.default_rng(0)
    decay = 0.85
    spikes = rng.poisson(0.2, (6, 100)).astype(float)
    spikes[:, 0] = 0
    trace = np.zeros_like(spikes)
    for t in range(1, 100):
        trace[:, t] = decay * trace[:, t - 1] + spikes[:, t]
    np.testing.assert_allclose(deconvolve(trace, decay), spikes, atol=1e-5)


def test_long_signals_are_deconvolved_in_pieces():
    """Ten minutes at 30 Hz of an indicator that decays in 0.2 s: 3,000 decay constants, whose power is no float64."""
    rng = np.random.default_rng(0)
    decay = float(np.exp(-1 / 6))
    spikes = rng.poisson(0.05, (2, 18_000)).astype(float)
    spikes[:, 0] = 0
    trace = lfilter([1.0], [1.0, -decay], spikes, axis=1)
    np.testing.assert_allclose(deconvolve(trace, decay), spikes, atol=1e-5)
    noisy = trace + 0.3 * rng.standard_normal(trace.shape)
    whole, longer = deconvolve(noisy[:, :1790], decay), deconvolve(noisy[:, :2500], decay)  # 298 and 417 constants
    np.testing.assert_allclose(longer[:, :1600], whole[:, :1600], atol=1e-4)


def test_deconvolution_is_the_best_non_negative_fit():
    """Against non-negative least squares with the full convolution matrix."""
    rng = np.random.default_rng(1)
    decay, samples = 0.8, 60
    steps = np.subtract.outer(np.arange(samples), np.arange(samples))
    matrix = np.where(steps >= 0, decay ** np.maximum(steps, 0.0), 0)
    signal = np.stack([matrix @ rng.poisson(0.3, samples) + 0.5 * rng.standard_normal(samples) for _ in range(5)])
    expected = np.stack([nnls(matrix, row)[0] for row in signal])
    np.testing.assert_allclose(deconvolve(signal, decay)[:, 1:], expected[:, 1:], atol=1e-5)


def test_noise_free_responses_are_the_rate_of_the_last_eighth_of_a_second():
    config = ImagingConfig()
    ramp = np.arange(120, dtype=np.float32)[None].repeat(3, 0)
    found = noise_free(ramp, np.array([0.0, 0.3, 0.9]), 45, config)
    # The mean of a ramp over 3.75 frames that end with the frame lies half of them before its end.
    np.testing.assert_allclose(found, (np.arange(45, 120) + 0.5 - 3.75 / 2)[None].repeat(3, 0), atol=0.5)
    np.testing.assert_allclose(noise_free(np.full_like(ramp, 7), np.zeros(3), 45, config), 7, rtol=1e-5)


def test_recorded_mean_is_the_rate():
    """Without noise, deconvolution keeps the number of spikes but for the indicator's rise."""
    rates = np.full((40, 645), 4.0, np.float32)
    random = np.random.default_rng(0)
    spikes = random.poisson(with_tail(rates) / 30).astype(np.float32)
    found = recorded(random, spikes, np.linspace(0, 0.97, 40), np.full(40, 1e-3), 45, ImagingConfig())
    assert found.shape == (40, 600)
    assert found.min() >= 0
    assert found.mean() == pytest.approx(4, rel=0.15)
