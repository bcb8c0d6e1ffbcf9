"""Conditions compared, and correlates of quality, against scipy, statsmodels and closed forms."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal, stats

from movrecon_core.analysis import (
    compare_conditions,
    lagged_correlation,
    mouse_means,
    nested_correlation,
    population_correlation,
    threshold_correlations,
    video_correlation,
)
from movrecon_core.errors import ReconstructionError

MICE = np.repeat(["mouse 1", "mouse 2", "mouse 10"], 6)


def test_comparison_against_scipy():
    random = np.random.default_rng(0)
    first = random.uniform(0.3, 0.6, 18)
    second = first + random.normal(0.05, 0.02, 18)
    found = compare_conditions(first, second, MICE, seed=0)
    means = [values.reshape(3, 6).mean(axis=1) for values in (first, second)]
    expected = stats.ttest_rel(means[1], means[0])
    assert found.test is not None
    assert (found.test.t, found.test.p, found.test.df) == pytest.approx((expected.statistic, expected.pvalue, 2))
    assert found.change_percent == pytest.approx(100 * (means[1].mean() / means[0].mean() - 1))
    # Cohen's d of paired samples is t / sqrt(n).
    assert found.effect_size == pytest.approx(expected.statistic / 3**0.5)
    assert found.difference.low < found.difference.mean < found.difference.high
    assert found.difference.mean == pytest.approx(found.second - found.first)
    assert (found.mice, found.movies) == (3, 18)


def test_published_change_is_reproduced():
    # Fig. 1-S2: 0.568716 (standard) and 0.766339 (from predicted responses) are 34.7 % apart.
    assert compare_conditions([0.568716], [0.766339], ["a"], 0).change_percent == pytest.approx(34.7, abs=0.05)


def test_one_mouse_has_no_test_and_unequal_lengths_are_refused():
    found = compare_conditions([0.1, 0.2], [0.2, 0.4], ["a", "a"], seed=0)
    assert found.test is None
    assert np.isnan(found.effect_size)
    with pytest.raises(ReconstructionError, match="3 and 2 values"):
        compare_conditions([1, 2, 3], [1, 2], ["a", "a", "b"], seed=0)
    with pytest.raises(ReconstructionError, match="missing"):
        compare_conditions([1, np.nan], [1, 2], ["a", "b"], seed=0)


def test_mice_keep_their_order():
    np.testing.assert_array_equal(mouse_means([1.0, 5, 3, 7], ["mouse 2", "mouse 10", "mouse 2", "mouse 10"]), [2, 6])


def test_correlation_against_scipy_and_statsmodels():
    random = np.random.default_rng(1)
    x = random.normal(size=18)
    y = 0.5 * x + random.normal(size=18) + np.repeat([0, 3, -3], 6)
    found = nested_correlation(x, y, MICE, seed=0)
    assert (found.r, found.p) == pytest.approx(tuple(stats.pearsonr(x, y)))
    line = stats.linregress(x, y)
    assert (found.slope, found.intercept) == pytest.approx((line.slope, line.intercept))
    # Partial correlation given the mouse: from the t of a regression with one intercept a mouse.
    fit = smf.ols("y ~ x + C(mouse)", pd.DataFrame({"x": x, "y": y, "mouse": MICE})).fit()
    t, df = fit.tvalues["x"], fit.df_resid
    assert found.r_within == pytest.approx(t / np.sqrt(t**2 + df))
    assert found.p_within == pytest.approx(fit.pvalues["x"], abs=0.02)


def test_a_difference_between_mice_alone_is_no_correlation_within():
    # Simpson: mice differ in both measures, movies of a mouse do not go together at all.
    x = np.tile([0.0, 1, 0, 1], 3) + np.repeat([0, 10, 20], 4)
    y = np.tile([0.0, 0, 1, 1], 3) + np.repeat([0, 10, 20], 4)
    found = nested_correlation(x, y, np.repeat(["a", "b", "c"], 4), seed=0)
    assert found.p < 1e-6
    assert found.r_within == pytest.approx(0)
    assert found.p_within == 1


def test_permutations_within_mice_in_closed_form():
    # Two mice of two movies: the sum of products is +-1 +-1, and half of the arrangements are as extreme.
    found = nested_correlation([0, 1, 0, 1], [0, 1, 0, 1], ["a", "a", "b", "b"], seed=0)
    assert found.r_within == pytest.approx(1)
    assert found.p_within == pytest.approx(0.5, abs=0.02)


def test_p_within_is_uniform_where_nothing_goes_together():
    random = np.random.default_rng(2)
    p = [nested_correlation(*random.normal(size=(2, 18)), MICE, seed=i, permutations=199).p_within for i in range(200)]
    assert stats.kstest(p, "uniform").pvalue > 0.001


def test_too_few_movies_or_constant_measures_give_no_number():
    for x, y in (([1, 2], [2, 1]), ([1, 1, 1], [1, 2, 3])):
        found = nested_correlation(x, y, ["a"] * len(x), seed=0)
        assert np.isnan([found.r, found.p, found.r_within, found.p_within]).all()
        assert found.movies == len(x)


def test_lag_of_a_shifted_signal():
    random = np.random.default_rng(3)
    first = random.normal(size=200)
    second = np.roll(first, 4)
    lags = range(-10, 11)
    found = lagged_correlation(first, second, lags)
    assert lags[int(np.argmax(found))] == 4
    assert found.max() == pytest.approx(1)
    overlap = [(first[: 200 - lag], second[lag:]) if lag >= 0 else (first[-lag:], second[:lag]) for lag in lags]
    np.testing.assert_allclose(found, [stats.pearsonr(*pair)[0] for pair in overlap])
    # Up to the ends, scipy's cross-correlation of standardised signals is the same.
    scores = [stats.zscore(values) for values in (first, second)]
    peak = signal.correlation_lags(200, 200)[np.argmax(signal.correlate(scores[1], scores[0]))]
    assert peak == 4


def test_lag_leaves_out_undefined_frames():
    first = np.array([1.0, np.nan, 3, 4, 5])
    assert lagged_correlation(first, [2.0, 9, 6, 8, np.nan], [0])[0] == pytest.approx(1)
    assert np.isnan(lagged_correlation(first, first, [4])[0])


@given(st.integers(0, 2**32 - 1))
def test_thresholds_are_video_correlations(seed):
    random = np.random.default_rng(seed)
    truth, movie = random.uniform(0, 255, (2, 5, 6, 7))
    alpha = random.uniform(-0.2, 1.3, (6, 7))
    thresholds = np.array([-1, 0, 0.4, 0.9])
    found = threshold_correlations(truth, movie, alpha, thresholds)
    expected = [video_correlation(truth, movie, alpha >= threshold) for threshold in thresholds]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert np.isnan(threshold_correlations(truth, movie, alpha, np.array([2.0]))[0])
    assert np.isnan(threshold_correlations(truth, np.full_like(truth, 127.5), alpha, np.array([0.0]))[0])


def test_population_correlation_is_that_of_each_frame():
    random = np.random.default_rng(4)
    recorded, predicted = random.uniform(0, 1, (2, 30, 8))
    recorded[:, 2] = 0
    found = population_correlation(recorded, predicted)
    expected = [stats.pearsonr(recorded[:, t], predicted[:, t])[0] for t in range(8) if t != 2]
    np.testing.assert_allclose(np.delete(found, 2), expected)
    assert np.isnan(found[2])
