"""What neurons do that the movie does not tell: both kinds against closed forms, bursts against a plain second way."""

import numpy as np
import pytest

from movrecon_core.simulation import VariabilityConfig
from movrecon_core.simulation.variability import GAIN_EVENNESS, GAIN_SEEN, UNSEEN, draw_spikes, strength

BURSTS, GAIN = VariabilityConfig(), VariabilityConfig(kind="gain")


def test_bursts_are_poisson_in_number_and_lognormal_in_size() -> None:
    """The same random numbers, a neuron and a frame at a time: the default mice stay what they are."""
    rates = np.random.default_rng(0).uniform(0, 60, (5, 40)).astype(np.float32)
    mean_size = np.array([1.0, 1.3, 2.0, 5.0, 9.0])
    found = draw_spikes(np.random.default_rng(1), rates, mean_size, BURSTS)
    random = np.random.default_rng(1)
    numbers = [[random.poisson(r / (30 * np.float32(s))) for r in row] for row, s in zip(rates, mean_size, strict=True)]
    expected = [
        [s * sum(np.exp(1.75 * random.standard_normal() - 1.75**2 / 2) for _ in range(n)) for n in row]
        for row, s in zip(numbers, mean_size, strict=True)
    ]
    assert np.sum(numbers) > 50
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_gain_has_its_moments_and_its_correlation_time() -> None:
    """Of a neuron with a constant rate: mean, and the covariance of a log-normal gain at some lags."""
    config = GAIN.model_copy(update={"gain_seconds": 0.3, "gain_variance": 0.2, "burst_spread": 0.3})
    rate, mean_size = 30.0, 1.5
    rates = np.full((400, 3000), rate, np.float32)
    found = draw_spikes(np.random.default_rng(0), rates, np.full(400, mean_size), config).astype(np.float64)
    assert found.mean() == pytest.approx(1, rel=0.01)
    assert found.var() == pytest.approx(mean_size * np.exp(0.3**2) + 0.2 * mean_size, rel=0.02)
    for lag in (1, 4, 9, 18):
        covariance = np.mean((found[:, lag:] - 1) * (found[:, :-lag] - 1))
        expected = np.expm1(np.log1p(0.2 * mean_size) * np.exp(-lag / 30 / 0.3))
        assert covariance == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize(("config", "seen"), [(BURSTS, 0.0), (GAIN, GAIN_SEEN)], ids=["bursts", "gain"])
def test_strength_gives_the_variance_that_is_asked_for(config: VariabilityConfig, seen: float) -> None:
    """Spikes that are not imaged have an energy of FRAME_RATE squared in each frame, and a constant rate no spread."""
    narrow = config.model_copy(update={"burst_spread": 0.5, "gain_variance": 1.5, "spread": (4.5, 1.0)})
    asked, rate = np.array([4.5, 4.5]), np.array([4.0, 6.0])  # the mean, which evenness leaves as it is
    found = strength(asked, np.zeros(2), rate, 30.0**2, narrow)
    drawn = draw_spikes(np.random.default_rng(0), np.repeat(rate[:, None], 2_000_000, axis=1), found, narrow) * 30.0
    np.testing.assert_allclose(drawn.mean(axis=1), rate, rtol=0.05)
    # The gain is left here as it is, of which responses keep a part.
    lost = (1 - seen) * narrow.gain_variance * found if seen else 0.0
    np.testing.assert_allclose(drawn.var(axis=1) / rate**2 - lost, (UNSEEN * asked) ** 2, rtol=0.05)


def test_under_a_gain_neurons_are_asked_to_differ_less() -> None:
    """The closed form, in which bursts and gain add up."""
    asked, shared = 4.92 + np.linspace(-1, 1, 5), (np.zeros(5), np.full(5, 5.0), 900.0)
    expected = 4.92 + GAIN_EVENNESS * (asked - 4.92)
    of_gain = GAIN_SEEN * GAIN.gain_variance
    of_bursts = 900 / (30 * 5) * np.exp(1.75**2)
    np.testing.assert_allclose(strength(asked, *shared, GAIN), (UNSEEN * expected) ** 2 / (of_bursts + of_gain))
