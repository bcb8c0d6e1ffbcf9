"""Bands of frequencies, and how coherent movies are in them."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from movrecon_core.analysis import bands
from movrecon_core.analysis.spectra import SPATIAL, TEMPORAL, tapered

RANDOM = np.random.default_rng(0)
MASK = np.zeros((36, 64), bool)
MASK[4:32, 14:50] = True


def test_a_drifting_wave_is_in_its_band() -> None:
    t, _, x = np.mgrid[:180, :36, :64]
    both = bands(wave := 127 + 50 * np.sin(2 * np.pi * (x * 3 / 16 - t * 3 / 30)), wave, MASK)
    assert np.unravel_index(both.truth.argmax(), both.truth.shape) == (TEMPORAL.index(2.0), SPATIAL.index(1 / 8))
    assert both.truth.max() > 0.9 * both.truth.sum()
    np.testing.assert_allclose(both.cross.real, both.truth)


def test_coherence_by_hand() -> None:
    """White noise added to white movies of the same power: half of the power is shared, in amplitude 1 : √2."""
    truth = RANDOM.normal(size=(180, 36, 64))
    found = bands(truth, truth + RANDOM.normal(size=truth.shape), MASK)
    assert found.coherence[3:, 2:].mean() == pytest.approx(0.5, abs=0.04)
    assert bands(truth, RANDOM.normal(size=truth.shape), MASK).coherence[3:, 2:].max() < 0.05


def test_a_filter_or_a_delay_leaves_movies_coherent() -> None:
    truth = gaussian_filter(RANDOM.normal(size=(180, 36, 64)), (2, 0, 0))
    found = bands(truth, 100 - 3 * np.roll(truth, 1, axis=0), MASK)
    assert found.coherence[:3].min() > 0.95


def test_speckle_spoils_its_band_alone() -> None:
    truth = RANDOM.normal(size=(180, 36, 64))
    speckle = RANDOM.normal(size=truth.shape)
    found = truth + 8 * (speckle - gaussian_filter(speckle, (0, 0.6, 0.6)))
    coherence = bands(truth, found, MASK).coherence[3:].mean(axis=0)
    assert coherence[SPATIAL.index(1 / 4)] < 0.1
    assert coherence[SPATIAL.index(1 / 32)] > 0.9


def test_sums_over_bands() -> None:
    both = bands(*RANDOM.normal(size=(2, 90, 36, 64)), MASK)
    assert both.over(0).coherence.shape == (len(SPATIAL),)
    assert both.over(1).coherence.shape == (len(TEMPORAL),)
    assert both.over(0).found.sum() == pytest.approx(both.found.sum())


def test_a_constant_movie_is_coherent_with_nothing() -> None:
    truth = RANDOM.normal(size=(90, 36, 64))
    assert np.isnan(bands(truth, np.full_like(truth, 127.5), MASK).coherence).all()


def test_tapered() -> None:
    weights = tapered(MASK)
    assert not weights[~MASK].any()
    assert weights[MASK].min() > 0
    assert weights[18, 32] == 1
    assert weights[4, 32] < weights[5, 32] < weights[7, 32]
