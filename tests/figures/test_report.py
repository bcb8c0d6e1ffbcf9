"""One computation for one number: the page of a figure, the summary page and `summary.json` say the same."""

import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from example_study import ExampleStudy
from scipy import stats
from synthetic_study import SyntheticStudy

from movrecon_core.figures import (
    beside_published,
    estimate,
    fig1s1_ethogram,
    fig1s2_variations,
    fig2_performance,
    rows_table,
)
from movrecon_core.figures.fig6_error_maps import evoked_correlations
from movrecon_core.figures.fig6_error_maps import rows as error_rows
from movrecon_core.figures.responses import STIMULI, response_fit
from movrecon_core.figures.summary import DIGITS
from movrecon_core.study import open_study

KEY = ["figure", "quantity", "stimulus"]
NUMBERS = ["published", "ours", "low", "high", "low_t", "high_t", "n"]


def numbers_of(out: Path, name: str) -> pd.DataFrame:
    missing = dict.fromkeys(NUMBERS, "")
    file = out / "figures" / f"{name}_numbers.csv"
    table = pd.read_csv(file, keep_default_na=False, na_values=missing, dtype={"figure": str})
    return table.set_index(KEY).sort_index()


def test_estimate_in_closed_form() -> None:
    random = np.random.default_rng(0)
    values, mice = random.normal(0.4, 0.1, 12), np.repeat(["a", "b", "c"], [5, 4, 3])
    found = estimate(values, mice, seed=0)
    assert found.mean == pytest.approx(values.mean())
    low, high = stats.t.interval(0.95, 11, values.mean(), stats.sem(values))
    assert (found.low_t, found.high_t) == pytest.approx((low, high))
    assert found.low < found.mean < found.high
    assert (found.n, found.mice) == (12, 3)
    one = estimate([0.3], ["a"], seed=0)
    assert one.mean == 0.3
    assert np.isnan([one.low, one.high, one.low_t, one.high_t]).all()


def test_the_same_seed_and_size_for_every_interval() -> None:
    """The standard of Fig. 1-S2 is the video correlation of Fig. 2 where both are over the same movies."""
    study = ExampleStudy()
    first = rows_table(fig2_performance.rows(fig2_performance.performance(study), seed=3)).set_index("quantity")
    found = fig1s2_variations.variants(study)
    second = rows_table(fig1s2_variations.rows(found, response_fit(study), seed=3)).set_index("quantity")
    for here, there in {
        "video correlation": "video correlation, standard",
        "video correlation, random movie": "video correlation, random movie",
        "video correlation, from predicted responses": "video correlation, from predicted responses",
    }.items():
        np.testing.assert_array_equal(
            first.loc[here, NUMBERS[1:]].to_numpy(float), second.loc[there, NUMBERS[1:]].to_numpy(float)
        )


def test_means_are_over_movies_of_unequal_mice() -> None:
    """A mouse of three movies and one of one: the mean is over the four."""

    class Unequal(ExampleStudy):
        def reconstructed(self, mouse: int) -> tuple[int, ...]:
            return self.numbers if mouse == 0 else self.numbers[:1]

        def movies(self) -> list[tuple[int, int]]:
            return [(mouse, trial) for mouse in self.reconstructed_mice for trial in self.reconstructed(mouse)]

    table = fig2_performance.performance(Unequal())
    row = rows_table(fig2_performance.rows(table, seed=0)).set_index("quantity").loc["video correlation"]
    recorded = table[table["condition"] == "recorded"]
    assert len(recorded) == row["n"] == 4
    assert row["ours"] == pytest.approx(recorded["video_correlation"].mean())
    summary = fig2_performance.performance_summary(fig2_performance.against_random(table), seed=0)
    assert summary.set_index(["metric", "against"]).loc[("video correlation", "own movie"), "mean"] == row["ours"]


def test_what_movies_evoke_is_the_fit_of_their_responses() -> None:
    study = SyntheticStudy()
    evoked = rows_table(error_rows(evoked_correlations(study), seed=0)).set_index("quantity")["ours"]
    fit = response_fit(study).groupby("stimulus")["response_correlation"].mean()
    name = "recorded responses and those evoked by the true movie, all mice"
    assert evoked[name] == pytest.approx(fit[STIMULI["true"]])
    (control,) = fig1s1_ethogram.rows(response_fit(study), seed=0)
    assert abs(control.ours) < 0.1


def test_summary_holds_every_row_of_every_figure(smoke_study: Path) -> None:
    summary = numbers_of(smoke_study, "summary")
    assert not summary.index.has_duplicates
    shown, figures = set(), smoke_study / "figures"
    for name in open_study(smoke_study).profile.notebooks:
        assert (figures / f"{name}_numbers.csv").is_file(), name
    for file in figures.glob("*_numbers.csv"):  # some notebooks have more than one
        name = file.name.removesuffix("_numbers.csv")
        if name in ("summary", "videos"):
            continue
        own = numbers_of(smoke_study, name)
        pd.testing.assert_frame_equal(own, summary.loc[own.index], check_exact=True)
        shown |= set(own.index)
    assert shown == set(summary.index)


def test_summary_json_holds_the_rows_of_figure_2(smoke_study: Path) -> None:
    found = json.loads((smoke_study / "summary.json").read_text())
    rows = numbers_of(smoke_study, "fig2_performance").reset_index().set_index("quantity")
    for name, quantity in {
        "video_correlation": "video correlation",
        "mean_frame_correlation": "mean frame correlation",
        "random_control": "video correlation, random movie",
        "random_control_mean_frame_correlation": "mean frame correlation, random movie",
        "video_correlation_from_predicted": "video correlation, from predicted responses",
    }.items():
        row = rows.loc[quantity]
        expected = [row["ours"], row["low_t"], row["high_t"], row["low"], row["high"], row["n"]]
        one = found[name]
        assert [one["mean"], *one["ci95"], *one["ci95_hierarchical"], one["n"]] == [round(v, DIGITS) for v in expected]
    encoder = numbers_of(smoke_study, "encoders").reset_index().set_index("quantity")["ours"]
    stated = found["encoder_single_trial_correlation"]["mean"]
    assert stated == round(encoder["encoder's single-trial correlation, one instance"], DIGITS)
    movies = pd.read_csv(smoke_study / "figures" / "fig2_performance_B.csv")
    own = movies[(movies["metric"] == "video correlation") & (movies["against"] == "own movie")]
    for mouse, values in own.groupby("mouse")["correlation"]:
        assert found["mice"][mouse]["video_correlation"] == pytest.approx(values.mean(), abs=1e-6)


@pytest.mark.parametrize("page", ["fig2_performance", "summary"])
def test_pages_show_the_numbers_of_the_figure(smoke_study: Path, page: str) -> None:
    """The table of an executed notebook, row by row, against the figure's CSV."""
    notebook = nbformat.read(smoke_study / "notebooks" / f"{page}.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    tables = [html for output in outputs if "this run" in (html := output.get("data", {}).get("text/html", ""))]
    rows = [
        [re.sub("<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
        for table in tables
        for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
    ]
    expected = beside_published(numbers_of(smoke_study, "fig2_performance").reset_index()).data.reset_index()
    for number in expected.itertuples(index=False):
        assert list(number)[1:] in [row[-6:] for row in rows]
