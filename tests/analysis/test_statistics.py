"""Statistics against statsmodels, scipy and closed forms."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.anova import AnovaRM

from movrecon_core.analysis import (
    bonferroni,
    confidence_interval,
    greenhouse_geisser_epsilon,
    hierarchical_bootstrap,
    paired_t,
    random_movie_control,
    repeated_measures_anova,
    same_movie,
)
from movrecon_core.errors import ReconstructionError


@pytest.fixture
def table():
    random = np.random.default_rng(0)
    return random.normal(0.5, 0.1, (6, 4)) + np.arange(4) * 0.05 + random.normal(0, 0.1, (6, 1))


def test_anova_against_statsmodels(table):
    rows = [
        {"mouse": mouse, "level": level, "value": value}
        for mouse, values in enumerate(table)
        for level, value in enumerate(values)
    ]
    expected = AnovaRM(pd.DataFrame(rows), "value", "mouse", within=["level"]).fit().anova_table.iloc[0]
    anova = repeated_measures_anova(table)
    np.testing.assert_allclose(anova.f, expected["F Value"])
    np.testing.assert_allclose(anova.p, expected["Pr > F"])
    assert (anova.df_conditions, anova.df_error) == (expected["Num DF"], expected["Den DF"])
    assert anova.p <= anova.p_greenhouse_geisser or anova.f < 1


def test_two_conditions_are_a_paired_t_test(table):
    anova, test = repeated_measures_anova(table[:, :2]), paired_t(table[:, 0], table[:, 1])
    assert anova.f == pytest.approx(test.t**2)
    assert anova.p == pytest.approx(test.p)
    assert anova.epsilon == pytest.approx(1)
    assert anova.p_greenhouse_geisser == pytest.approx(test.p)


def test_epsilon_in_closed_form():
    # Orthogonal deviations of equal size: spherical. One deviation alone: the lower bound 1 / (k - 1).
    deviations = np.array([[1, -1, 0], [-1, 1, 0], [1, 1, -2], [-1, -1, 2]]) / np.array([[1], [1], [3**0.5], [3**0.5]])
    assert greenhouse_geisser_epsilon(deviations) == pytest.approx(1)
    alone = np.outer([1.0, -2.0, 0.5, 3.0], [1, 0, -1, 0])
    assert greenhouse_geisser_epsilon(alone) == pytest.approx(1 / 3)
    # The published formula (Greenhouse & Geisser 1959) on the covariance itself.
    values = np.random.default_rng(1).normal(size=(7, 4)) * [1, 2, 3, 4]
    s, k = np.cov(values, rowvar=False), 4
    above = k**2 * (np.trace(s) / k - s.mean()) ** 2
    below = (k - 1) * ((s**2).sum() - 2 * k * (s.mean(axis=1) ** 2).sum() + k**2 * s.mean() ** 2)
    assert greenhouse_geisser_epsilon(values) == pytest.approx(above / below)


def test_paired_tests_and_bonferroni(table):
    tests = [paired_t(table[:, i], table[:, i + 1]) for i in range(3)]
    expected = [stats.ttest_rel(table[:, i], table[:, i + 1]) for i in range(3)]
    np.testing.assert_allclose([test.t for test in tests], [result.statistic for result in expected])
    assert [test.df for test in tests] == [5, 5, 5]
    np.testing.assert_allclose(bonferroni([0.01, 0.2, 0.5]), [0.03, 0.6, 1.0])


def test_confidence_interval_against_scipy():
    values = np.random.default_rng(2).normal(size=12)
    interval = confidence_interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    assert interval.mean == pytest.approx(values.mean())
    assert interval.n == 12
    single = confidence_interval([3.0])
    assert single.mean == 3
    assert np.isnan([single.low, single.high]).all()


def test_bootstrap_of_one_mouse_is_the_ordinary_bootstrap():
    values = np.random.default_rng(3).normal(size=40)
    interval = hierarchical_bootstrap([values], seed=1)
    ordinary = stats.bootstrap((values,), np.mean, method="percentile", rng=1).confidence_interval
    assert (interval.low, interval.high) == pytest.approx((ordinary.low, ordinary.high), abs=0.03)
    assert interval == hierarchical_bootstrap([values], seed=1)


def test_bootstrap_knows_both_levels():
    # Movies of a mouse agree: only the choice of mice matters, and the mean of two mice is one of three values.
    interval = hierarchical_bootstrap([[0.0, 0.0], [1.0, 1.0, 1.0]], seed=0)
    assert (interval.mean, interval.low, interval.high, interval.n) == (0.5, 0, 1, 5)
    # Mice agree but movies do not: resampling mice alone would give no width.
    interval = hierarchical_bootstrap([[0.0, 1.0, 0.0, 1.0]] * 2, seed=0)
    assert interval.low < 0.5 < interval.high


def test_missing_values_and_single_subjects_are_refused(table):
    broken = table.copy()
    broken[1, 2] = np.nan
    for function in (repeated_measures_anova, lambda values: paired_t(*values.T[1:3]), confidence_interval):
        with pytest.raises(ReconstructionError, match="missing, NaN or infinite"):
            function(broken)
    with pytest.raises(ReconstructionError, match="two subjects"):
        repeated_measures_anova(table[:1])
    with pytest.raises(ReconstructionError, match="missing"):
        hierarchical_bootstrap([[1.0], []], seed=0)


def test_control_never_compares_a_movie_with_itself_or_a_repeat():
    random = np.random.default_rng(4)
    first, second = random.uniform(0, 255, (2, 30, 12, 16))
    mask = np.ones((12, 16), dtype=bool)
    truths = [first, first[:20], second]
    control = random_movie_control(truths, truths, [mask] * 3, "aaa", seed=0)
    assert np.abs(control).max() < 0.1  # a repeat would give 1
    assert np.array_equal(control, random_movie_control(truths, truths, [mask] * 3, "aaa", seed=0))
    with pytest.raises(ReconstructionError, match="two different movies"):
        random_movie_control([first, first], [first, first], [mask] * 2, "aa", seed=0)


@pytest.mark.parametrize(
    ("mice", "expected"),
    [
        ("aaaa", {1, 2, 3}),
        ("aaba", {1, 3}),  # of the same mouse
        ("abbb", {1, 2, 3}),  # which has no other
    ],
)
def test_control_draws_all_others_of_the_mouse(mice, expected):
    truths = [np.full((2, 1, 1), value) for value in range(4)]
    mask = np.ones((1, 1), dtype=bool)
    drawn = {
        float(random_movie_control(truths, truths, [mask] * 4, mice, seed, metric=lambda truth, *_: truth.mean())[0])
        for seed in range(40)
    }
    assert drawn == expected


def test_one_movie_has_no_interval():
    found = hierarchical_bootstrap([[0.4]], seed=0)
    assert (found.mean, found.n) == (0.4, 1)
    assert np.isnan([found.low, found.high]).all()


def test_a_movie_that_ended_earlier_is_no_other_movie():
    movie = np.random.default_rng(0).random((10, 3, 3))
    with pytest.raises(ReconstructionError, match="two different movies"):
        random_movie_control([movie, movie[:8]], [movie, movie[:8]], [np.ones((3, 3), bool)] * 2, ["a", "b"], 0)
    assert same_movie(movie, movie[:8])
    assert not same_movie(movie, movie[::-1])
