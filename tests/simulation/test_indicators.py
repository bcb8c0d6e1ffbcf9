"""Indicators: transients peak and halve when they were measured to, and slow ones stay like themselves for longer."""

from typing import get_args

import numpy as np
import pytest

from movrecon_core.simulation import ImagingConfig
from movrecon_core.simulation.imaging import calcium
from movrecon_core.simulation.indicators import KINETICS, Indicator, imaged_with

PUBLISHED = {"GCaMP6f": (0.045, 0.14), "GCaMP6s": (0.18, 0.55), "jGCaMP8s": (0.057, 0.307)}
"""Seconds to the peak, and from there to half of it (Chen et al. 2013; Zhang et al. 2023)."""


def test_every_indicator_has_its_kinetics() -> None:
    assert set(KINETICS) == set(get_args(Indicator)) == set(PUBLISHED)
    assert imaged_with("GCaMP6s", ImagingConfig()) == ImagingConfig()


@pytest.mark.parametrize("indicator", get_args(Indicator))
def test_a_transient_peaks_and_halves_as_published(indicator: Indicator) -> None:
    rise, decay = KINETICS[indicator]
    peak, half = PUBLISHED[indicator]
    time = np.linspace(0, 3, 300_001)
    transient = np.exp(-time / decay) - np.exp(-time / rise)
    top = int(transient.argmax())
    assert time[top] == pytest.approx(peak, rel=0.1)
    below = top + int(np.argmax(transient[top:] < transient[top] / 2))
    # Measured times of half decay count from the peak or from its exponential tail: both are within the rise's time.
    assert time[below] - time[top] == pytest.approx(half, abs=0.02 + rise)


@pytest.mark.parametrize("indicator", get_args(Indicator))
def test_its_signal_is_as_like_itself_later_as_its_constants_say(indicator: Indicator) -> None:
    """A difference of exponentials has the autocorrelation (d e^(-t/d) - r e^(-t/r)) / (d - r)."""
    rise, decay = KINETICS[indicator]
    spikes = np.random.default_rng(0).poisson(0.1, (400, 3000)).astype(np.float32)
    signal = calcium(spikes, imaged_with(indicator, ImagingConfig()))[:, 300:]
    signal = signal - signal.mean()
    lags = np.array([3, 6, 9, 15])
    found = [np.mean(signal[:, :-lag] * signal[:, lag:]) / signal.var() for lag in lags]
    t = lags / 30
    expected = (decay * np.exp(-t / decay) - rise * np.exp(-t / rise)) / (decay - rise)
    np.testing.assert_allclose(found, expected, atol=0.04)
