"""Metrics against closed forms and second implementations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from movrecon_core.analysis import (
    entropy,
    frame_correlation,
    full_screen_diameter,
    grey_outside_mask,
    mask_diameter,
    mask_size,
    match_contrast_luminance,
    match_mean_image,
    mean_frame_correlation,
    motion_energy,
    neuron_correlation,
    pixel_area,
    pixel_correlation,
    psnr,
    response_correlation,
    rmse,
    ssim_global,
    video_correlation,
)
from movrecon_core.errors import ReconstructionError


@pytest.fixture
def movies():
    random = np.random.default_rng(0)
    mask = np.zeros((36, 64), dtype=bool)
    mask[5:20, 10:40] = True
    truth = random.uniform(0, 255, (8, 36, 64))
    return truth, truth + random.normal(0, 60, truth.shape), mask


def test_correlations_against_scipy(movies):
    truth, movie, mask = movies
    expected = stats.pearsonr(truth[:, mask].ravel(), movie[:, mask].ravel()).statistic
    assert video_correlation(truth, movie, mask) == pytest.approx(expected)
    frames = [stats.pearsonr(a, b).statistic for a, b in zip(truth[:, mask], movie[:, mask], strict=True)]
    np.testing.assert_allclose(frame_correlation(truth, movie, mask), frames)
    assert mean_frame_correlation(truth, movie, mask) == pytest.approx(np.mean(frames))
    pixel = stats.pearsonr(truth[:, 3, 4], movie[:, 3, 4]).statistic
    assert pixel_correlation(truth, movie)[3, 4] == pytest.approx(pixel)


def test_response_correlations_against_numpy():
    random = np.random.default_rng(1)
    recorded, predicted = random.random((5, 40)), random.random((5, 40))
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(recorded, predicted, strict=True)]
    np.testing.assert_allclose(neuron_correlation(recorded, predicted), expected)
    everything = np.corrcoef(recorded.ravel(), predicted.ravel())[0, 1]
    assert response_correlation(recorded, predicted) == pytest.approx(everything)
    silent = np.zeros((1, 40))
    assert np.isnan(neuron_correlation(silent, silent)).all()


@given(st.floats(0.1, 5), st.floats(-100, 100))
def test_video_correlation_ignores_contrast_and_luminance(contrast, luminance):
    truth = np.random.default_rng(2).uniform(0, 255, (4, 6, 7))
    mask = np.ones((6, 7), dtype=bool)
    assert video_correlation(truth, contrast * truth + luminance, mask) == pytest.approx(1)
    assert video_correlation(truth, -contrast * truth + luminance, mask) == pytest.approx(-1)


def test_constant_frames_are_left_out_of_the_mean(movies):
    truth, movie, mask = movies
    flat = movie.copy()
    flat[2] = 0.1
    each = frame_correlation(truth, flat, mask)
    assert np.flatnonzero(np.isnan(each)).tolist() == [2]
    others = np.arange(len(truth)) != 2
    expected = mean_frame_correlation(truth[others], movie[others], mask)
    assert mean_frame_correlation(truth, flat, mask) == pytest.approx(expected)
    assert np.isnan(mean_frame_correlation(truth, np.full_like(truth, 7), mask))
    assert np.isnan(video_correlation(truth, np.full_like(truth, 7), mask))


def test_errors_of_a_constant_offset(movies):
    truth, _, mask = movies
    assert rmse(truth, truth + 5, mask) == pytest.approx(5)
    assert psnr(truth, truth + 25.5, mask) == pytest.approx(20)
    assert psnr(truth, truth, mask) == float("inf")
    assert ssim_global(truth, truth, mask) == pytest.approx(1, abs=1e-4)  # s.d. by n, covariance by n - 1


def test_only_the_mask_counts(movies):
    truth, movie, mask = movies
    elsewhere = movie.copy()
    elsewhere[:, ~mask] = 0
    for metric in (video_correlation, mean_frame_correlation, rmse, ssim_global):
        assert metric(truth, movie, mask) == metric(truth, elsewhere, mask)


def test_motion_energy_and_entropy_in_closed_form():
    mask = np.ones((5, 10), dtype=bool)
    ramp = np.arange(6)[:, None, None] * 3.0 * np.ones((1, 5, 10))
    np.testing.assert_allclose(motion_energy(ramp, mask), 3)
    np.testing.assert_allclose(entropy(ramp, mask), 0)
    levels = (np.arange(50) % 25 * 256 / 25 + 1).reshape(1, 5, 10)  # every bin twice
    np.testing.assert_allclose(entropy(levels, mask), np.log2(25))
    uneven = np.where(np.arange(50) < 10, 0.0, 200.0).reshape(1, 5, 10)
    np.testing.assert_allclose(entropy(uneven, mask), stats.entropy([0.2, 0.8], base=2))


def test_matching_gives_the_truths_mean_and_deviation():
    random = np.random.default_rng(3)
    truth, movie = random.normal(120, 10, (5, 6, 7)), random.normal(90, 5, (5, 6, 7))
    mask = np.zeros((6, 7), dtype=bool)
    mask[1:5, 2:6] = True
    matched = match_contrast_luminance(movie, truth, mask)[:, mask]
    assert matched.mean() == pytest.approx(truth[:, mask].mean())
    assert matched.std() == pytest.approx(truth[:, mask].std())
    image = match_mean_image(movie, truth, mask)[:, mask].mean(axis=0)
    assert image.std() == pytest.approx(truth[:, mask].mean(axis=0).std())
    shifted = match_mean_image(movie, truth, mask, contrast=False)[:, mask]
    assert shifted.std() == pytest.approx(movie[:, mask].std())
    assert np.all(grey_outside_mask(movie, mask)[:, ~mask] == 127.5)


def test_masks_that_cannot_be_used_are_refused(movies):
    truth, movie, mask = movies
    with pytest.raises(ReconstructionError, match="selects no pixel"):
        video_correlation(truth, movie, np.zeros_like(mask))
    with pytest.raises(ReconstructionError, match=r"expected shape \(36, 64\)"):
        video_correlation(truth, movie, mask[:-1])
    with pytest.raises(ReconstructionError, match="differ in shape"):
        video_correlation(truth, movie[:-1], mask)


def test_screen_in_degrees_is_the_articles():
    assert full_screen_diameter() == pytest.approx(121.42474714414092)  # published, figure 1-S3
    assert mask_size(np.ones((36, 64), dtype=bool)) == pytest.approx((93, 124), abs=0.5)  # published, figure 1-S3
    assert np.sqrt(pixel_area()[17:19, 31:33]).mean() == pytest.approx(3.38, abs=0.02)  # degrees a pixel at the centre
    half = np.zeros((36, 64), dtype=bool)
    half[:18] = True
    assert mask_diameter(half) == pytest.approx(mask_diameter(np.ones_like(half)) / np.sqrt(2))
    assert mask_size(np.zeros((36, 64), dtype=bool)) == (0, 0)
