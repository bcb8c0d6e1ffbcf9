"""Synthetic stimuli against their covariance, closed forms and the published noise movies."""

from dataclasses import replace

import numpy as np
import pytest

from movrecon_core.errors import ReconstructionError
from movrecon_core.stimuli import GratingStimulus, NoiseStimulus, grating_movie, noise_movie, unit_noise
from movrecon_core.storage.paths import REPOSITORY

PUBLISHED = REPOSITORY.parent / "shared" / "data" / "gp_stimuli_2024.npz"


@pytest.mark.parametrize(("length", "duration"), [(0.5, 0.5), (1, 4), (2, 2), (4, 1)])
def test_noise_has_the_covariance_of_the_gaussian_process(length: float, duration: float) -> None:
    samples = np.stack([unit_noise(NoiseStimulus(length, duration, k), seed=0) for k in range(12)])
    expected = {
        (0, 0, 0): 1.0,
        (1, 0, 0): np.exp(-1 / (2 * duration**2)),
        (0, 1, 0): np.exp(-1 / (2 * length**2)),
        (0, 0, 2): np.exp(-4 / (2 * length**2)),
        (2, 1, 1): np.exp(-4 / (2 * duration**2)) * np.exp(-2 / (2 * length**2)),
    }
    for (t, y, x), covariance in expected.items():
        a = samples[:, t:, y:, x:]
        b = samples[:, : 60 - t, : 36 - y, : 36 - x]
        # Some hundred independent volumes at least: standard error about 0.03
        assert (a * b).mean() == pytest.approx(covariance, abs=0.08)


def test_noise_of_long_constants_is_flat() -> None:
    """Beyond the frame everything moves together: differences follow 2 (1 − covariance)."""
    squares = [np.diff(unit_noise(NoiseStimulus(32, 32, k), 0), axis=0) ** 2 for k in range(40)]
    assert np.mean(squares) == pytest.approx(2 * (1 - np.exp(-1 / (2 * 32**2))), rel=0.3)


def test_noise_is_scaled_as_published() -> None:
    movie = noise_movie(NoiseStimulus(1, 1), seed=3)
    assert movie.shape == (60, 36, 64)
    sides = np.concatenate([movie[..., :14], movie[..., 50:]], axis=2)
    assert np.ptp(sides) == 0  # grey
    square = movie[..., 14:50]
    # The square's s.d. before the cut: 51 / sqrt(36 / 64) = 68 around 127.5, which 0 and 255 cut at 1.875 s.d.
    saturated = ((square == 0) | (square == 255)).mean()
    assert saturated == pytest.approx(0.0608, abs=0.006)  # 2 (1 − Φ(1.875)), any table
    assert square.mean() == pytest.approx(127.5, abs=3)


def test_noise_by_seed_sample_and_phase() -> None:
    stimulus = NoiseStimulus(2, 4)
    movie = noise_movie(stimulus, 0)
    np.testing.assert_array_equal(noise_movie(stimulus, 0), movie)
    np.testing.assert_allclose(noise_movie(replace(stimulus, inverted=True), 0), 255 - movie, atol=1e-4)
    for other in (noise_movie(stimulus, 1), noise_movie(replace(stimulus, sample=1), 0)):
        assert abs(np.corrcoef(other[..., 14:50].ravel(), movie[..., 14:50].ravel())[0, 1]) < 0.2
    with pytest.raises(ReconstructionError, match="above 0"):
        noise_movie(NoiseStimulus(0, 1), 0)


@pytest.mark.skipif(not PUBLISHED.is_file(), reason="the published noise movies are not here")
@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_noise_beside_the_published_movies(k: int) -> None:
    """Spread, saturation and, where interpolation from half the resolution does not show, correlation over a lag."""
    with np.load(PUBLISHED) as published:
        constant = float(published["L_pixels"][k])
        theirs = published["video"][k, k].astype(float)
        clipped = published["clipped_fraction"][k, k].mean()
    ours = np.stack([noise_movie(NoiseStimulus(constant, constant, i), 0)[..., 14:50] for i in range(5)]).astype(float)
    assert ours.std() == pytest.approx(theirs.std(), rel=0.05)
    assert ((ours == 0) | (ours == 255)).mean() == pytest.approx(clipped, abs=0.012)
    if constant >= 2:
        for axis in (1, 3):
            assert lag_correlation(ours, axis) == pytest.approx(lag_correlation(theirs, axis), abs=0.03)


def lag_correlation(movies: np.ndarray, axis: int) -> float:
    """Correlation of neighbours along an axis."""
    values = np.moveaxis(movies - 127.5, axis, 0)
    return float((values[1:] * values[:-1]).mean() / (values**2).mean())


@pytest.mark.parametrize("direction", [0, 90, 180, 270])
@pytest.mark.parametrize("frequency", [0.5, 0.25, 0.125, 0.0625])
@pytest.mark.parametrize("hertz", [15.0, 7.5, 3.75, 1.875, 0.0])
def test_gratings(direction: int, frequency: float, hertz: float) -> None:
    movie = grating_movie(GratingStimulus(direction, frequency, hertz))
    assert movie.shape == (60, 36, 64)
    assert set(np.unique(movie)) == {0, 255}
    along, across = (2, 1) if direction % 180 == 0 else (1, 2)
    assert (np.diff(movie, axis=across) == 0).all()
    half = round(0.5 / frequency)  # pixels; the wave turns over after half a period
    n = movie.shape[along]
    if half < n:
        first, second = movie.take(range(n - half), along), movie.take(range(half, n), along)
        np.testing.assert_array_equal(first + second, 255)
    if hertz:
        frames = round(15 / hertz)
        np.testing.assert_array_equal(movie[frames:] + movie[:-frames], 255)
    else:
        assert np.ptp(movie, axis=0).max() == 0


@pytest.mark.parametrize(("direction", "axis", "sign"), [(0, 2, 1), (90, 1, -1), (180, 2, -1), (270, 1, 1)])
def test_gratings_move_in_their_direction(direction: int, axis: int, sign: int) -> None:
    """0.0625 cycles/px at 1.875 Hz: one cycle in 16 frames is 16 px, one pixel a frame."""
    movie = grating_movie(GratingStimulus(direction, 0.0625, 1.875))
    moved = np.roll(movie[:-1], sign, axis=axis)
    inside = range(1, movie.shape[axis] - 1)
    np.testing.assert_array_equal(moved.take(inside, axis), movie[1:].take(inside, axis))


def test_fifteen_hertz_is_flicker() -> None:
    """Turning over at every frame, the movement has no direction: right and left are one movie up to its phase."""
    right, left = (grating_movie(GratingStimulus(d, 0.0625, 15.0)) for d in (0, 180))
    np.testing.assert_array_equal(right[0], right[2])
    np.testing.assert_array_equal(right[..., ::-1], left)
