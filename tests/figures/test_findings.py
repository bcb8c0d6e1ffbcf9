"""Findings: decided by the stated test, and left out where it cannot be made."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from synthetic_study import SyntheticStudy

from movrecon_core.errors import ProfileError
from movrecon_core.figures import report as reports
from movrecon_core.figures.fig4_gaussian_noise import NoiseTables
from movrecon_core.figures.fig4s1_gratings import grating_measures
from movrecon_core.figures.findings import QUESTIONS, Question, decide, flicker_artefact, qualitative_findings
from movrecon_core.figures.measured import Measured
from movrecon_core.figures.rows import Row

MICE = ("a", "b", "c", "d")


class MadeUp:
    """Measures with known differences."""

    seed = 0

    def __init__(self, **measures) -> None:
        self.__dict__ |= measures


def asked(finding: str) -> Question:
    return next(question for question in QUESTIONS if question.finding == finding)


def levels(name: str, gains: dict[float, float], spread: float = 0.01, mice: tuple[str, ...] = MICE) -> pd.DataFrame:
    """Correlation of three movies a mouse at each level; mice differ a little in what a level does."""
    random = np.random.default_rng(1)
    rows = []
    for mouse in mice:
        for trial in range(3):
            for level, gain in gains.items():
                rows.append((mouse, trial, level, 0.2 + gain + random.normal(0, spread)))
    return pd.DataFrame(rows, columns=["mouse", "trial", name, "video_correlation"])


def test_decided_by_a_paired_t_test_over_mice():
    table = levels("size", {1: 0.0, 2: 0.1, 4: 0.15})
    row = decide(asked("ensembling helps"), MadeUp(ensembles=table))
    means = table.groupby(["mouse", "size"])["video_correlation"].mean().unstack()
    expected = stats.ttest_rel(means[4], means[1])
    assert row["decision"] == "seen"
    assert (row["t"], row["p"]) == pytest.approx((expected.statistic, expected.pvalue))
    change = means[4] - means[1]
    assert row["difference"] == pytest.approx(change.mean())
    assert row["effect_size"] == pytest.approx(change.mean() / change.std())
    assert (row["mice"], row["movies"], row["df"]) == (4, 12, 3)
    assert row["low"] < change.mean() < row["high"]
    assert row["p_mixed"] < 1e-4


def test_saturation_is_a_first_step_larger_than_the_last():
    saturating = levels("size", {1: 0.0, 2: 0.1, 3: 0.12})
    growing = levels("size", {1: 0.0, 2: 0.02, 3: 0.12})
    steady = levels("size", {1: 0.0, 2: 0.05, 3: 0.1}, spread=0.05)
    decisions = [
        decide(asked("ensembling saturates"), MadeUp(ensembles=t))["decision"] for t in (saturating, growing, steady)
    ]
    assert decisions == ["seen", "not seen: the opposite", "not seen"]


def test_neurons_are_compared_by_doublings():
    gains = {25.0: 0.0, 50.0: 0.05, 100.0: 0.1}
    table = levels("percent", gains, spread=1e-4).assign(dropped="silent")
    row = decide(asked("more neurons saturate"), MadeUp(populations=table))
    assert row["difference"] == pytest.approx(0, abs=1e-3)
    assert decide(asked("more neurons help"), MadeUp(populations=table))["decision"] == "seen"
    missing = decide(asked("more neurons help (dropped ones missing)"), MadeUp(populations=table))
    assert missing["decision"] == "left out: the profile has no population with 'missing' neurons"


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (levels("size", {1: 0.0, 2: 0.1}, mice=("a", "b")), "a paired t-test needs 3 mice, here 2 mice"),
        (levels("size", {1: 0.0, 2: 0.1}, mice=("a",)), "a paired t-test needs 3 mice, here 1 mouse"),
        (levels("size", {1: 0.0}), "needs 2 instances, here 1"),
    ],
)
def test_left_out_with_the_reason(table, why):
    row = decide(asked("ensembling helps"), MadeUp(ensembles=table))
    assert row["decision"] == f"left out: {why}"
    assert np.isnan(row["p"])


def noise_of(finest: float, fastest: float) -> pd.DataFrame:
    """Correlations 0.8, less where the length or the duration is 0.5."""
    random = np.random.default_rng(2)
    rows = [
        (mouse, length, duration, sample, False, 0.8 - finest * (length == 0.5) - fastest * (duration == 0.5))
        for mouse in MICE
        for length in (0.5, 2.0, 8.0)
        for duration in (0.5, 2.0, 8.0)
        for sample in (0, 1)
    ]
    table = pd.DataFrame(rows, columns=["mouse", "length", "duration", "sample", "inverted", "video_correlation"])
    return table.assign(video_correlation=table["video_correlation"] + random.normal(0, 0.01, len(table)))


def test_fine_spatial_detail_fails_first_if_it_costs_more_than_fast_change():
    question = asked("fine spatial detail fails first")
    for finest, fastest, decision in ((0.6, 0.2, "seen"), (0.2, 0.6, "not seen: the opposite")):
        row = decide(question, MadeUp(noise=(tables_of := NoiseTables(noise_of(finest, fastest), None))))
        assert row["decision"] == decision
        assert row["difference"] == pytest.approx(finest - fastest, abs=0.02)
        assert row["movies"] == tables_of.measures[["mouse", "sample"]].drop_duplicates().shape[0]


def test_flicker_is_tested_over_gratings():
    study = SyntheticStudy(mice=1)
    measures = grating_measures(study)
    row = flicker_artefact(study, measures[measures["target"] == "ensemble"])
    assert row["decision"] == "seen"
    assert (row["mice"], row["movies"], row["df"]) == (1, 4, 3)
    assert row["to be expected of these encoders"].startswith("yes")
    every = SyntheticStudy(mice=1, frequencies=(15.0, 1.875), stack_step=1)
    slower = grating_measures(every)
    found = flicker_artefact(every, slower[slower["target"] == "ensemble"])
    assert found["decision"] == "left out: needs gratings of 15 and 7.5 Hz"
    assert found["to be expected of these encoders"].startswith("no")


def test_all_findings_of_a_study_in_memory():
    """Reconstructions of noise of 0.5 px are the same in both phases, and of 7.5 Hz wrong, by construction."""
    study = SyntheticStudy(mice=3)
    study.population_trials = lambda mouse: ()
    study.fractions = ()
    study.profile.population = SimpleNamespace(dropped=("silent",))
    found = qualitative_findings(Measured(study)).set_index("finding")["decision"]
    for finding in ("the finest spatial detail fails", "fine spatial detail fails first"):
        assert found[finding] == "seen"
    assert found["beyond the spatial limit the phase is lost"] == "seen"
    assert found["gratings of 15 Hz come back better than of 7.5 Hz"] == "seen"
    assert found["more neurons help"].startswith("left out")
    assert found["ensembling helps"] == "seen"
    assert len(found) == len(QUESTIONS)


def test_a_report_is_counted_once(tmp_path, monkeypatch):
    table = pd.DataFrame({"finding": ["x"], "p": [1e-30], "n": [np.nan], "decision": ["seen"]})
    counted = []

    def count(measured):
        counted.append(measured)
        return table

    monkeypatch.setattr(reports, "qualitative_findings", count)
    monkeypatch.setattr(reports, "beyond_findings", lambda measured: table)
    monkeypatch.setattr(reports, "FIGURES", {"2": lambda measured: [Row("2", "x", "p", 1e-30, 0.5)]})
    monkeypatch.setattr(reports, "by_mouse", lambda measured: table)
    content = ["first"]
    study = SimpleNamespace(out=tmp_path, content_fingerprint=lambda code: content[0])
    for _ in range(2):
        found = reports.report(study)
        pd.testing.assert_frame_equal(found.findings, table)
        assert found.numbers["published"].item() == 1e-30
    assert len(counted) == 1
    content[0] = "second"
    reports.report(study)
    assert len(counted) == 2


def test_a_figure_without_results_says_why(monkeypatch):
    def broken(measured):
        raise ProfileError("no noise here")

    monkeypatch.setattr(reports, "FIGURES", {"4": broken, "2": lambda measured: [Row("2", "x", "p", 0.1, 0.5)]})
    first, second = reports.all_rows(MadeUp())
    assert (first.figure, first.note) == ("4", "left out: no noise here")
    assert second.ours == 0.5


def test_errors_of_other_kinds_are_not_hidden():
    def broken(measured):
        raise KeyError("a mistake in the code")

    with pytest.raises(KeyError):
        decide(Question("x", "1", "y", broken), MadeUp())
