"""Scans of other rates: what a faster one sees is a closed form, from as many photons."""

import numpy as np
import pytest

from movrecon_core.simulation import ImagingConfig, SimulatedNeurons, SimulationConfig, probe, simulate_recordings
from movrecon_core.simulation.imaging import noise_free, scanned_at

LEAD = 45


def test_a_scan_a_frame_blurs_with_three_weights() -> None:
    """A sample, at place p of a frame, is the mean since the one before; a response lies between two samples.

    Both weigh neighbours by p and 1 - p, the second the other way round.
    """
    rates = np.random.default_rng(0).gamma(1.0, 3.0, (5, LEAD + 80)).astype(np.float32)
    phase = np.array([0.0, 0.2, 0.5, 0.7, 0.99])
    found = noise_free(rates, phase, LEAD, scanned_at(30.0, ImagingConfig()))
    followed = np.pad(rates, ((0, 0), (0, 1)), mode="edge")
    before, now, after = followed[:, LEAD - 1 : -2], followed[:, LEAD:-1], followed[:, LEAD + 1 :]
    p = phase[:, None]
    np.testing.assert_allclose(found, p * (1 - p) * (before + after) + (p**2 + (1 - p) ** 2) * now, rtol=1e-4)


@pytest.mark.parametrize(("rate", "low", "high"), [(8.0, 0.0, 0.05), (15.0, 0.25, 0.4), (30.0, 0.7, 0.85)])
def test_a_faster_scan_keeps_faster_changes(rate: float, low: float, high: float) -> None:
    """Of 7 Hz a mean over a sample's interval leaves sinc(7 / rate), and interpolation between samples its square."""
    time = np.arange(LEAD + 300) / 30
    rates = np.tile(2 + np.sin(2 * np.pi * 7 * time), (40, 1)).astype(np.float32)
    found = noise_free(rates, np.linspace(0, 1, 40, endpoint=False), LEAD, scanned_at(rate, ImagingConfig()))
    left = np.abs(np.fft.rfft(found, axis=1)[:, 70]) * 2 / 300
    assert left.mean() == pytest.approx(np.sinc(7 / rate) ** 3, abs=0.1)
    assert low <= left.mean() <= high


def test_a_faster_scan_has_no_more_photons(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many a second: the variance of a sample grows with the rate. What is penalised is the same."""
    (recording,) = simulate_recordings(tmp_path, SimulationConfig(mice=1, trials=14, frames=90, neurons=8), seed=1)
    simulated = SimulatedNeurons(recording)
    seen = []
    monkeypatch.setattr(probe, "recorded", lambda rng, spikes, *rest: seen.append((spikes, *rest)) or np.zeros(1))
    own = simulated.config.imaging
    for imaging in (None, scanned_at(16.0, own), scanned_at(30.0, own)):
        simulated.recorded(np.full((8, 60), 2.0, np.float32), np.random.default_rng(0), imaging)
    for spikes, _, noise, _, imaging in seen:
        np.testing.assert_array_equal(spikes, seen[0][0])
        np.testing.assert_allclose(noise**2 / imaging.sampling_rate, simulated.values["noise"] ** 2 / 8)
        np.testing.assert_allclose(imaging.sparsity * noise, own.sparsity * simulated.values["noise"])
