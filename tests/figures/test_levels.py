"""Statistics over levels against closed forms and a second library."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.anova import AnovaRM

from movrecon_core.analysis import mixed_model
from movrecon_core.figures import level_statistics

LEVELS = (1, 2, 4, 7)


def movies(effect: float, mice: int = 5, trials: int = 6, seed: int = 0) -> pd.DataFrame:
    """Made-up correlations: mice, their movies, and what a level does to a mouse, all random."""
    random = np.random.default_rng(seed)
    mouse, movie = random.normal(0.4, 0.05, mice), random.normal(0, 0.05, (mice, trials))
    by_level = effect * np.arange(len(LEVELS)) + random.normal(0, 0.02, (mice, len(LEVELS)))
    noise = random.normal(0, 0.02, (mice, trials, len(LEVELS)))
    values = mouse[:, None, None] + movie[..., None] + by_level[:, None] + noise
    rows = [
        (f"mouse {m + 1}", t, level, values[m, t, k])
        for m in range(mice)
        for t in range(trials)
        for k, level in enumerate(LEVELS)
    ]
    return pd.DataFrame(rows, columns=["mouse", "trial", "size", "video_correlation"])


@pytest.mark.parametrize("effect", [0.02, 0.05])
def test_mixed_model_has_the_closed_form_of_balanced_data(effect: float) -> None:
    """−2 log likelihood ratio = n (k − 1) log(1 + F / (n − 1)), F of the ANOVA over n mice and k levels."""
    table = movies(effect)
    means = table.groupby(["mouse", "size"])["video_correlation"].mean().reset_index()
    f = AnovaRM(means, "video_correlation", "mouse", ["size"]).fit().anova_table["F Value"].item()
    expected = 5 * 3 * np.log1p(f / 4)
    found = mixed_model(table["video_correlation"], table["size"], table["mouse"], table["trial"])
    assert found.left_out == ""
    assert found.chi_squared == pytest.approx(expected, rel=5e-3)  # the search ends near the top
    assert found.p == pytest.approx(stats.chi2.sf(expected, 3), rel=0.1)


def test_tests_over_levels() -> None:
    table = movies(0.05)
    found = level_statistics(table, "size", seed=0)
    means = table.groupby(["mouse", "size"])["video_correlation"].mean().reset_index()
    expected = AnovaRM(means, "video_correlation", "mouse", ["size"]).fit().anova_table.iloc[0]
    anova = found.tests.iloc[0]
    assert anova["value"] == pytest.approx(expected["F Value"])
    assert anova["p"] == pytest.approx(expected["Pr > F"])
    assert (anova["df"], anova["df_error"]) == (3, 12)
    # η² from F: SS ratio = F df / (F df + df error)
    assert anova["effect_size"] == pytest.approx(anova["value"] * 3 / (anova["value"] * 3 + 12))
    corrected = found.tests.iloc[1]
    assert corrected["p"] > anova["p"]
    assert corrected["p"] == pytest.approx(stats.f.sf(anova["value"], corrected["df"], corrected["df_error"]))
    assert (found.tests["left_out"] == "").all()

    wide = means.pivot(index="mouse", columns="size", values="video_correlation")
    for row, (a, b) in zip(found.pairs.itertuples(), [(1, 2), (2, 4), (4, 7), (1, 7)], strict=True):
        t = stats.ttest_rel(wide[b], wide[a])
        assert (row.t, row.p) == pytest.approx((t.statistic, t.pvalue))
        assert row.p_bonferroni == pytest.approx(min(1, t.pvalue * (3 if (a, b) != (1, 7) else 1)))
    assert found.levels["mean"].to_numpy() == pytest.approx(wide.mean().to_numpy())
    assert found.levels["change_percent"].iloc[-1] == pytest.approx(100 * (wide.mean()[7] / wide.mean()[1] - 1))


@pytest.mark.parametrize(("mice", "trials", "left_out"), [(1, 6, 3), (2, 3, 1), (5, 1, 1)])
def test_too_few_mice_or_movies_are_shown_and_tests_left_out(mice: int, trials: int, left_out: int) -> None:
    found = level_statistics(movies(0.05, mice, trials), "size", seed=0)
    skipped = found.tests["left_out"] != ""
    assert skipped.sum() == left_out
    assert found.tests.loc[skipped, "p"].isna().all()
    assert found.tests.loc[~skipped, "p"].notna().all()
    assert found.levels["mean"].notna().all()
    assert found.pairs["p"].isna().all() == (mice == 1)


def test_movies_that_lack_a_level_are_not_used() -> None:
    table = movies(0.05)
    lacking = table.drop(index=table[(table["mouse"] == "mouse 2") & (table["trial"] == 3)].index[:1])
    whole = table[~((table["mouse"] == "mouse 2") & (table["trial"] == 3))]
    found, expected = (level_statistics(t, "size", seed=0) for t in (lacking, whole))
    pd.testing.assert_frame_equal(found.tests, expected.tests)
