"""Metrics, statistics, retinotopy and receptive fields against the golden numbers, at their README's tolerances."""

import json
from itertools import pairwise

import numpy as np
import pytest
from golden_numbers import assert_golden

from movrecon_core import analysis
from movrecon_core.reconstruction import ensemble, evaluation_mask


@pytest.fixture
def metrics(golden):
    arrays = np.load(golden / "metrics.npz")
    mask = evaluation_mask(arrays["alpha"])
    assert np.array_equal(mask, arrays["mask_eval"].astype(bool))
    return arrays, arrays["ground_truth"], arrays["reconstruction"], mask


def check(arrays, name, found):
    assert_golden(found, arrays, name, rtol=1e-9)


def test_similarity(metrics):
    arrays, truth, movie, mask = metrics
    for name in ("video_correlation", "mean_frame_correlation", "rmse", "psnr", "ssim_global"):
        check(arrays, name, getattr(analysis, name)(truth, movie, mask))


def test_motion_energy_and_entropy(metrics):
    arrays, truth, movie, mask = metrics
    for suffix, frames in (("gt", truth), ("recon", movie)):
        check(arrays, f"motion_energy_{suffix}", analysis.motion_energy(frames, mask))
        check(arrays, f"entropy_{suffix}", analysis.entropy(frames, mask))
        check(arrays, f"entropy_{suffix}_movie", analysis.entropy(frames, mask).mean())


def test_matching(metrics):
    arrays, truth, movie, mask = metrics
    check(arrays, "matched_reconstruction", analysis.match_contrast_luminance(movie, truth, mask))
    check(arrays, "matched_ground_truth_masked", analysis.grey_outside_mask(truth, mask))
    check(arrays, "ground_truth_grey_outside_mask", analysis.grey_outside_mask(truth, mask))
    check(arrays, "norm_video_reconstruction", analysis.match_mean_image(movie, truth, mask))
    check(arrays, "norm_video_luminance_only", analysis.match_mean_image(movie, truth, mask, contrast=False))


def test_gaussian_filter(metrics):
    arrays, truth, movie, mask = metrics
    filtered = ensemble([movie])
    check(arrays, "gaussian_filtered", filtered)
    check(arrays, "video_correlation_filtered", analysis.video_correlation(truth, filtered, mask))


def test_retinotopy(metrics):
    arrays, *_ = metrics
    alpha = arrays["alpha"]
    check(arrays, "pixel_area_map", analysis.pixel_area())
    diameters = [analysis.mask_diameter(alpha >= threshold) for threshold in arrays["diameter_thresholds"]]
    check(arrays, "diameter_deg", diameters)
    check(arrays, "diameter_all_pixels", analysis.mask_diameter(np.ones_like(alpha, dtype=bool)))
    check(arrays, "full_screen_diameter_deg", analysis.full_screen_diameter())
    sizes = [analysis.mask_size(mask) for mask in (alpha > 0.5, alpha > 1, np.ones_like(alpha, dtype=bool))]
    check(arrays, "mask_size_deg", sizes)


def centre_counts(found):
    """Number of centres on every pixel, NaN where there is none."""
    counts = np.zeros((36, 64))
    np.add.at(counts, tuple(found[(found >= 0).all(axis=1)].T), 1)
    return np.where(counts > 0, counts, np.nan)


def test_receptive_fields(golden):
    arrays = np.load(golden / "receptive_fields.npz")
    fields = analysis.receptive_fields(arrays["on_responses"], arrays["off_responses"])
    population = analysis.population_fields(fields)
    found = {
        "on_maps": fields.on,
        "off_maps": fields.off,
        "on_minus_off": fields.on_minus_off,
        "on_centre_counts": centre_counts(fields.on_centres),
        "off_centre_counts": centre_counts(fields.off_centres),
        "population_on": population.on,
        "population_off": population.off,
        "population_on_minus_off": population.on_minus_off,
        "population_on_or_off": population.on_or_off,
    }
    for name, value in found.items():
        assert_golden(value, arrays, name, rtol=1e-9, atol=1e-12)
    assert np.array_equal(fields.on_centres, arrays["on_centres"])
    assert np.array_equal(fields.off_centres, arrays["off_centres"])


def test_statistics(golden):
    numbers = json.loads((golden / "statistics.json").read_text())
    tables = {name: entry for name, entry in numbers.items() if "table" in entry}
    assert tables
    for entry in tables.values():
        anova = analysis.repeated_measures_anova(entry["table"])
        found = [anova.ss_total, anova.ss_conditions, anova.ss_subjects, anova.ss_error, anova.f]
        names = ["SST", "SS_conditions", "SS_subjects", "SS_error", "F"]
        np.testing.assert_allclose(found, [entry[name] for name in names], rtol=1e-8)
        assert (anova.df_conditions, anova.df_error) == (entry["df_conditions"], entry["df_error"])
        np.testing.assert_allclose(anova.p, entry["p_sf"], rtol=1e-6)
        np.testing.assert_allclose(anova.p_one_minus_cdf, entry["p_one_minus_cdf"], rtol=0, atol=2e-16)
        conditions = np.transpose(entry["table"])
        tests = [analysis.paired_t(a, b) for a, b in pairwise(conditions)]
        np.testing.assert_allclose([test.t for test in tests], [pair["t"] for pair in entry["pairs"]], rtol=1e-8)
        np.testing.assert_allclose([test.p for test in tests], [pair["p"] for pair in entry["pairs"]], rtol=1e-6)
        significant = analysis.bonferroni([test.p for test in tests]) < 0.05
        assert significant.tolist() == [pair["significant"] for pair in entry["pairs"]]

    single = numbers["paired_t_single"]
    test = analysis.paired_t(single["a"], single["b"])
    np.testing.assert_allclose(test.t, single["t"], rtol=1e-8)
    np.testing.assert_allclose(test.p, single["p"], rtol=1e-6)


def test_published_f_and_t_give_the_published_p(golden):
    published = json.loads((golden / "statistics.json").read_text())["published_check"]
    p_one_minus_cdf, p = analysis.f_test(published["F"], *published["df"])
    np.testing.assert_allclose(p, published["p_sf"], rtol=1e-6)
    np.testing.assert_allclose(p_one_minus_cdf, published["p_published_one_minus_cdf"], rtol=0, atol=2e-16)
