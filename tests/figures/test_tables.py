"""Tables recomputed by hand from the arrays of a study in memory."""

import numpy as np
import pandas as pd
import pytest
from example_study import INSTANCES, ITERATIONS, ExampleStudy
from scipy import stats
from scipy.ndimage import gaussian_filter

from movrecon_core.figures import fig1_method, fig1s2_variations, fig2_performance, readable, rows_table
from movrecon_core.figures.fig1_method import (
    instance_summary,
    method_panels,
    optimisation_curves,
    optimisation_summary,
    whole_losses,
)
from movrecon_core.figures.fig1s1_ethogram import ethogram_panels
from movrecon_core.figures.fig1s2_variations import (
    VARIANTS,
    example_frames,
    mask_thresholds,
    variant_movies,
    variants,
    variation_statistics,
)
from movrecon_core.figures.fig2_performance import example_frames as performance_frames
from movrecon_core.figures.fig2_performance import median_movie, median_trial, performance
from movrecon_core.figures.responses import SHUFFLED_NEURONS, STIMULI, response_fit
from movrecon_core.study.conditions import AVERAGED, PREDICTED, RECORDED, SHUFFLED, Condition

MEASURE = "video_correlation"


@pytest.fixture(scope="module")
def study():
    return ExampleStudy()


@pytest.fixture(scope="module")
def variations(study):
    return variation_panels(study)


def variation_panels(study):
    found = variants(study)
    panels = example_frames(study, found, frames=2)
    return {**panels, "C": found, "C_thresholds": mask_thresholds(study, thresholds=5), "D": response_fit(study)}


def published_rows(rows):
    return rows_table(rows).set_index("quantity")


def correlated(a, b):
    return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


def inside(study, mouse, movie, alpha=1.0):
    """Pixels of a movie (T, 36, 64) that are evaluated, in the frames that are."""
    return np.asarray(movie, dtype=float)[30:, study.results.alpha(mouse)[14:50] >= alpha]


# Fig. 1 ---------------------------------------------------------------------------------------------------------


def test_curves_hold_every_iteration_and_panels_their_means(study):
    curves = optimisation_curves(study)
    assert len(curves) == 2 * 3 * INSTANCES * ITERATIONS
    panels = method_panels(curves, instance=1)
    loss, correlation = panels["C"], panels["D"]
    one = loss[(loss["line"] == "mouse 2, trial 6") & (loss["curves"] == "movies")]
    np.testing.assert_allclose(one["loss"], 3 - 0.1 * np.arange(ITERATIONS) + 0.06)
    assert one["iteration"].tolist() == list(range(1, ITERATIONS + 1))
    mean = correlation[correlation["line"] == "instance 2"]
    np.testing.assert_allclose(mean["video_correlation"], 0.05 * np.arange(1, ITERATIONS) + 0.002 + 0.005)
    assert correlation["iteration"].min() == 2  # flat before


def test_summary_of_curves_in_closed_form(study):
    curves = optimisation_curves(study)
    found = optimisation_summary(curves, seed=0).set_index("quantity")["mean"]
    assert found["loss, last minus first iteration"] == pytest.approx(-0.1 * (ITERATIONS - 1))
    assert found["video correlation, best minus last iteration"] == pytest.approx(0)
    assert found["rank correlation of loss and video correlation over iterations"] == pytest.approx(-1)
    instances = instance_summary(curves, seed=0)
    np.testing.assert_allclose(instances["mean"], 0.05 * (ITERATIONS - 1) + 0.001 * np.arange(INSTANCES) + 0.005)
    assert (instances["left_out"] == "").all()


def test_movies_that_are_finished_early_count_at_their_own_last_iteration(study):
    curves = optimisation_curves(study)
    early = (curves["trial"] == curves["trial"].min()) & (curves["iteration"] > ITERATIONS - 2)
    found = instance_summary(curves[~early], seed=0)
    assert (found["n"] == instance_summary(curves, seed=0)["n"]).all()
    lost = 2 * 0.05 / curves["trial"].nunique()  # each iteration adds 0.05
    np.testing.assert_allclose(
        found["mean"], 0.05 * (ITERATIONS - 1) + 0.001 * np.arange(INSTANCES) + 0.005 - lost, atol=0.006
    )


def test_means_go_on_with_movies_that_are_finished(study):
    curves = optimisation_curves(study)
    early = (curves["trial"] == curves["trial"].min()) & (curves["iteration"] > 3)
    panel = method_panels(curves[~early], 0)["D"]
    drawn = panel[(panel["curves"] == "instances") & (panel["line"] == "instance 0")].set_index("iteration")
    runs = curves[curves["instance"] == 0].pivot(index="iteration", columns=["mouse", "trial"], values=MEASURE)
    first = [column for column in runs if column[1] == curves["trial"].min()]
    runs.loc[4:, first] = np.nan
    expected = runs.ffill().mean(axis=1).dropna()
    np.testing.assert_allclose(drawn[MEASURE], expected, atol=1e-6)


def test_a_single_mouse_says_what_is_left_out():
    alone = ExampleStudy(mice=1)
    found = instance_summary(optimisation_curves(alone), seed=0)
    assert found["p"].isna().all()
    assert found["left_out"].str.startswith("ANOVA").all()
    compared = variation_statistics(variants(alone), response_fit(alone), seed=0)
    assert compared["p"].isna().all()
    assert compared["left_out"].str.startswith("paired t-test").all()
    assert compared["difference"].notna().all()


def test_overfitting_is_seen(study):
    curves = optimisation_curves(study)
    late = curves["iteration"] == ITERATIONS
    curves.loc[late, "video_correlation"] -= 0.2
    found = optimisation_summary(curves, seed=0).set_index("quantity")["mean"]
    assert found["video correlation, best minus last iteration"] == pytest.approx(0.2 - 0.05)


# Fig. 1-S2 ------------------------------------------------------------------------------------------------------


def test_variants_by_hand(study, variations):
    found = variations["C"].set_index(["mouse", "trial", "variant"])["video_correlation"]
    never_repeated = [name for name in VARIANTS if name != "from the mean over repeats"]
    assert list(variations["C"]["variant"].unique()) == [*never_repeated, "random movie"]
    truth = study.trial(1, 6).movie
    conditions = {
        "standard": RECORDED,
        "from predicted responses": PREDICTED,
        "gradient ensembling": Condition(gradients="ensemble"),
        "strict training mask": Condition(mask="strict"),
        "neurons exchanged": SHUFFLED,
    }
    raw = {name: study.results.instance_movies(1, 6, condition) for name, condition in conditions.items()}
    expected = {name: gaussian_filter(movies.mean(axis=0), 0.5) for name, movies in raw.items()}
    expected["no Gaussian filter"] = raw["standard"].mean(axis=0)
    expected["one instance"] = gaussian_filter(raw["standard"][0], 0.5)
    for name, movie in expected.items():
        by_hand = correlated(inside(study, 1, truth), inside(study, 1, movie[:, 14:50]))
        assert found["mouse 2", 6, name] == pytest.approx(by_hand, abs=2e-5), name


def test_random_movie_is_never_the_own(variations):
    wide = variations["C"].pivot(index=["mouse", "trial"], columns="variant", values="video_correlation")
    assert (wide["random movie"].abs() < 0.2).all()
    assert (wide["standard"] > 0.5).all()


def test_thresholds_end_at_the_evaluation_mask(variations):
    curves = variations["C_thresholds"]
    last = curves[(curves["threshold"] == 1) & (curves["training mask"] == "standard (α ≥ 0.5)")]
    standard = variations["C"].query("variant == 'standard'").groupby("mouse")["video_correlation"].mean()
    np.testing.assert_allclose(last.set_index("mouse")["video_correlation"], standard, atol=2e-6)
    assert curves["threshold"].unique().tolist() == [0, 0.25, 0.5, 0.75, 1]
    for _, curve in curves.groupby(["mouse", "training mask"]):
        assert (curve["diameter"].diff().dropna() <= 0).all()


def test_thresholds_by_hand(study, variations):
    truth_and_found = []
    for trial in study.numbers:
        movie = variant_movies(study, 0, trial)["no training mask"].reconstruction
        truth_and_found.append([inside(study, 0, m, 0.5) for m in (study.trial(0, trial).movie, movie)])
    expected = np.mean([correlated(*pair) for pair in truth_and_found])
    row = variations["C_thresholds"].query("mouse == 'mouse 1' and threshold == 0.5 and `training mask` == 'none'")
    assert row["video_correlation"].item() == pytest.approx(expected, abs=1e-9)


def test_example_frames_are_masked_and_matched(study, variations):
    shown = variations["A"]
    blank = shown[shown["variant"] == "truth"].groupby("seconds")["grey"].apply(lambda grey: grey.isna().sum())
    assert blank.nunique() == 1
    assert blank.iloc[0] in [(study.results.alpha(mouse)[14:50] < 1).sum() for mouse in (0, 1)]
    assert variations["B"]["grey"].notna().all()
    assert list(shown["variant"].unique()[:3]) == ["truth", "standard", "contrast not matched"]


def test_shown_movies_have_the_contrast_of_the_mean_image(study):
    """Scripts: mean and s.d. over the mask's pixels of the time-averaged image."""
    found = performance(study)
    shown = performance_frames(study, found, count=1, frames=3)
    trial = int(shown["movie"].iloc[0].split("trial ")[1].split(",")[0])
    mask, frame = study.results.evaluation_mask(0)[14:50], round(shown["seconds"].iloc[0] * 30)
    truth = study.movie(0, trial).astype(float)
    movie = gaussian_filter(study.results.instance_movies(0, trial, RECORDED).mean(axis=0), 0.5)[:, 14:50].astype(float)
    image, target = movie.mean(axis=0)[mask], truth.mean(axis=0)[mask]
    expected = np.clip((movie[frame][mask] - image.mean()) / image.std() * target.std() + target.mean(), 0, 255)
    first = shown[(shown["kind"] == "reconstructed") & (shown["seconds"] == shown["seconds"].iloc[0])]
    np.testing.assert_allclose(first["grey"].dropna(), expected, atol=0.02)


def test_p_against_a_random_movie_is_stated_unpaired_and_paired(study):
    """The article's p fits Student's t of two samples: from their means and pooled variance."""
    found = performance(study)
    rows = rows_table(fig2_performance.rows(found, seed=0)).set_index("quantity")
    recorded = found[found["condition"] == "recorded"]
    own, other = recorded["video_correlation"].to_numpy(), recorded["random_video_correlation"].to_numpy()
    n = len(own)
    t = (own.mean() - other.mean()) / np.sqrt((own.var(ddof=1) + other.var(ddof=1)) / n)
    unpaired, paired = (rows.loc[f"video correlation, p against a random movie{x}"] for x in ("", ", paired"))
    assert unpaired["ours"] == pytest.approx(2 * stats.t.sf(t, 2 * n - 2))
    assert unpaired["published"] == 6.69e-49
    t = (own - other).mean() / ((own - other).std(ddof=1) / np.sqrt(n))
    assert paired["ours"] == pytest.approx(2 * stats.t.sf(t, n - 1))
    assert np.isnan(paired["published"])


def test_loss_of_whole_movies_stands_beside_the_windows(study):
    curves, whole = optimisation_curves(study), whole_losses(study)
    first = whole[(whole["mouse"] == "mouse 2") & (whole["trial"] == 6) & (whole["instance"] == 1)]
    assert first[["iteration", "loss"]].to_numpy().tolist() == [[1, 4.1], [ITERATIONS + 1, 2.2]]
    drawn = method_panels(curves, 0, whole)["C"]
    logged = drawn[(drawn["curves"] == "whole movies") & (drawn["line"] == "instance 2")]
    np.testing.assert_allclose(logged["loss"], [3.7, 2.4])
    assert set(method_panels(curves, 0, whole)["D"]["curves"]) == {"movies", "instances"}
    rows = rows_table(fig1_method.rows(curves, whole, [], 0)).set_index("quantity")
    fallen = rows.loc["loss of whole movies, grey outside the mask: found movie less grey", "ours"]
    assert fallen == pytest.approx(-1.4)  # 2 + 0.2 i − (3 + mouse + 0.1 i), mean over i = 0, 1, 2 and two mice


def test_fit_of_responses_by_hand(study):
    found = response_fit(study).set_index(["mouse", "trial", "stimulus"])
    responses = study.results.responses(1, 7)
    recorded = responses["recorded"].values[:, 30:].astype(float)
    for stored, name in STIMULI.items():
        predicted = responses["predicted"].sel(stimulus=stored).values[:, 30:].astype(float)
        row = found.loc[("mouse 2", 7, name)]
        assert row["poisson_loss"] == pytest.approx((predicted - recorded * np.log(predicted + 1e-8)).mean())
        assert row["response_correlation"] == pytest.approx(correlated(recorded, predicted))
    exchanged = found.xs(SHUFFLED_NEURONS, level="stimulus")["response_correlation"]
    assert (exchanged.abs() < 0.1).all()


def test_statistics_of_variants_against_scipy(variations):
    compared = variation_statistics(variations["C"], variations["D"], seed=0)
    rows = compared[compared["measure"] == "video correlation"].set_index("to")
    means = variations["C"].groupby(["variant", "mouse"])["video_correlation"].mean().unstack()
    shown_once = [name for name, variant in VARIANTS.items() if variant.condition != AVERAGED]
    for variant in [*shown_once[1:], "random movie"]:
        expected = stats.ttest_rel(means.loc[variant], means.loc["standard"])
        assert rows.loc[variant, "p"] == pytest.approx(expected.pvalue)
        assert rows.loc[variant, "p_bonferroni"] == pytest.approx(min(1, 9 * expected.pvalue))
        change = 100 * (means.loc[variant].mean() / means.loc["standard"].mean() - 1)
        assert rows.loc[variant, "change_percent"] == pytest.approx(change)
    assert len(compared) == 9 + 2 * 3


# Article, Fig. 1-S2, and the printed output of the authors' notebooks.
ARTICLE = {
    "standard": 0.568716,
    "from predicted responses": 0.766339,
    "gradient ensembling": 0.551679,
    "no Gaussian filter": 0.532975,
    "no training mask": 0.510221,
    "strict training mask": 0.551098,
}


def test_published_stand_beside_their_own_variant(variations):
    found = published_rows(fig1s2_variations.rows(variations["C"], variations["D"], seed=0))
    correlations = found[found["kind"] == "correlation"]
    for variant, movies in variations["C"].groupby("variant"):
        row = correlations.loc[f"video correlation, {variant}"]
        assert row["ours"] == pytest.approx(movies["video_correlation"].mean())
        assert (row["published"] == ARTICLE[variant]) if variant in ARTICLE else np.isnan(row["published"])
        assert row["n"] == 6
    assert len(correlations) == len(VARIANTS) + 1
    assert found.loc["poisson loss, full video, masked, change (%)", "published"] == 5.02
    assert found.loc["response correlation, reconstruction, matched, change (%)", "published"] == 2.49
    assert len(found) == len(VARIANTS) + 1 + 3 + 8


def test_missing_variants_are_left_out(study):
    class Short(ExampleStudy):
        conditions = (RECORDED,)

    found, fit = variants(Short()), response_fit(study)
    assert "from predicted responses" not in set(found["variant"])
    assert "from predicted responses" not in set(variation_statistics(found, fit, seed=0)["to"])
    row = published_rows(fig1s2_variations.rows(found, fit, seed=0)).loc["video correlation, from predicted responses"]
    assert np.isnan(row["ours"])
    assert row["note"] == "left out: not in the profile"


# Fig. 1-S1 ------------------------------------------------------------------------------------------------------


def test_ethogram_by_hand(study):
    panels = ethogram_panels(study, movies=2, neurons=7)
    number = median_trial(study, 1)
    name = f"mouse 2, trial {number}"
    trial = study.trial(1, number)
    found = {panel: rows[rows["movie"] == name] for panel, rows in panels.items()}
    energy = found["A"].query("signal == 'motion energy'")
    pixels = trial.movie[:, study.results.alpha(1)[14:50] >= 1].astype(float)
    np.testing.assert_allclose(energy["value"], np.abs(pixels[1:] - pixels[:-1]).mean(axis=1), atol=1e-4)
    assert energy["seconds"].iloc[0] == pytest.approx(1 / 30, abs=1e-3)
    pupil, running = (found["A"].query("signal == @signal") for signal in ("pupil dilation", "running speed"))
    np.testing.assert_array_equal(pupil["value"], trial.behavior[0])
    np.testing.assert_array_equal(running["value"], trial.behavior[1])

    neurons = found["B"]["neuron"].unique()
    assert set(neurons) == set(np.argsort(trial.responses.mean(axis=1))[-7:])
    stored = study.results.responses(1, number)
    for panel, responses in {
        "B": trial.responses,
        "C": stored["predicted"].sel(stimulus="true").values,
        "D": stored["predicted"].sel(stimulus="evoked").values,
    }.items():
        drawn = found[panel]["response"].to_numpy().reshape(7, trial.frames)
        chosen = responses[neurons]
        low, high = chosen.min(axis=1, keepdims=True), chosen.max(axis=1, keepdims=True)
        np.testing.assert_allclose(drawn, (chosen - low) / (high - low), atol=1e-4)

    movie = variant_movies(study, 1, number)["standard"].reconstruction
    expected = [correlated(a, b) for a, b in zip(inside(study, 1, trial.movie), inside(study, 1, movie), strict=True)]
    np.testing.assert_allclose(found["E"]["frame_correlation"], expected, atol=2e-6)
    assert found["E"]["seconds"].iloc[0] == 1


def test_examples_of_movies_of_other_lengths_show_the_same_times(study):
    shown = performance_frames(study, performance(study), count=2, frames=3)
    times = shown.groupby("movie")["seconds"].unique()
    assert len(times) == 2
    np.testing.assert_array_equal(times.iloc[0], times.iloc[1])
    assert times.iloc[0].max() < min(len(study.movie(mouse, 5)) for mouse in (0, 1)) / 30


def test_median_movie():
    table = pd.DataFrame({"trial": [4, 9, 2, 7], "video_correlation": [0.4, 0.1, 0.3, 0.2]}, index=[5, 6, 7, 8])
    assert median_movie(table) == 2  # of 0.1, 0.2, 0.3, 0.4 the better one in the middle
    assert median_movie(table.iloc[:3]) == 2


def test_readable_numbers():
    found = readable(pd.DataFrame({"p": [1.23456e-5, np.nan], "n": [3, 4], "of": ["a", "b"]}))
    assert found.data.to_numpy().tolist() == [["1.23e-05", 3, "a"], ["–", 4, "b"]]
