"""Features of frames and movies beside how well they are found, recomputed by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from example_study import ExampleStudy
from scipy import stats

from movrecon_core import plotting
from movrecon_core.figures.fig1s1_ethogram import ethogram_panels
from movrecon_core.figures.fig2s1_correlates import (
    correlate_panels,
    frame_features,
    lag_statistics,
    moment_statistics,
    movie_statistics,
)


@pytest.fixture(scope="module")
def study():
    return ExampleStudy()


@pytest.fixture(scope="module")
def frames(study):
    return frame_features(study)


def test_features_of_frames_by_hand(study, frames):
    trial = study.trial(1, 5)
    rows = frames.query("mouse == 'mouse 2' and trial == 5").set_index("frame")
    assert rows.index.tolist() == list(range(30, trial.frames))
    pixels = trial.movie[:, study.results.alpha(1)[14:50] >= 1].astype(float)
    frame = 47
    assert rows.loc[frame, "contrast"] == pytest.approx(pixels[frame].std())
    assert rows.loc[frame, "luminance"] == pytest.approx(pixels[frame].mean())
    assert rows.loc[30, "motion energy"] == pytest.approx(np.abs(pixels[30] - pixels[29]).mean())
    assert rows.loc[frame, "pupil dilation"] == pytest.approx(trial.behavior[0, frame])
    assert rows.loc[frame, "running speed"] == pytest.approx(trial.behavior[1, frame])
    moved = trial.pupil_center[:, 30] - trial.pupil_center[:, 29]
    assert rows.loc[30, "eye movement"] == pytest.approx(np.linalg.norm(moved))
    responses = study.results.responses(1, 5)
    recorded, predicted = responses["recorded"].values, responses["predicted"].sel(stimulus="true").values
    own = stats.pearsonr(recorded[:, frame], predicted[:, frame]).statistic
    assert rows.loc[frame, "response correlation"] == pytest.approx(own)
    whole = stats.pearsonr(recorded[:, 30:], predicted[:, 30:], axis=None).statistic
    np.testing.assert_allclose(rows["movie response correlation"], whole)


def test_movies_are_means_of_their_frames(frames):
    panels = correlate_panels(frames, max_lag=0.2)
    row = panels["A"].query("mouse == 'mouse 1' and trial == 6 and feature == 'contrast'").iloc[0]
    own = frames.query("mouse == 'mouse 1' and trial == 6")
    assert row["value"] == pytest.approx(own["contrast"].mean(), abs=1e-6)
    assert row["mean frame correlation"] == pytest.approx(own["frame correlation"].mean(), abs=1e-6)
    assert len(panels["A"]) == 6 * 6
    found = movie_statistics(panels, seed=0).set_index("feature")
    contrast = panels["A"].query("feature == 'contrast'")
    r, p = stats.pearsonr(contrast["value"], contrast["mean frame correlation"])
    assert (found.loc["contrast", "r"], found.loc["contrast", "p"]) == pytest.approx((r, p))
    assert found.loc["contrast", "p_bonferroni"] == pytest.approx(min(1, 6 * p))
    alone = found.loc["response correlation"]
    assert alone["p_bonferroni"] == alone["p"]


def planted(mice=3, movies=4, lag=6):
    """Frame correlation that follows response correlation after `lag` frames, and contrast at once."""
    random = np.random.default_rng(0)
    tables_ = []
    for mouse in range(mice):
        for trial in range(movies):
            predicted, contrast = random.normal(size=(2, 200))
            quality = np.roll(predicted, lag) + contrast + 0.3 * random.normal(size=200)
            noise = {name: random.normal(size=200) for name in ("luminance", "motion energy", "running speed")}
            noise |= {name: random.normal(size=200) for name in ("pupil dilation", "eye movement")}
            columns = {"mouse": f"mouse {mouse + 1}", "trial": trial, "frame": np.arange(30, 230)}
            columns |= {"frame correlation": quality, "contrast": contrast, "response correlation": predicted}
            tables_.append(pd.DataFrame({**columns, **noise, "movie response correlation": random.random()}))
    return pd.concat(tables_, ignore_index=True)


def test_a_planted_lag_and_correlate_are_found():
    panels = correlate_panels(planted(), max_lag=0.5)
    by_lag = lag_statistics(panels, seed=0).iloc[0]
    assert by_lag["peak_lag"] == pytest.approx(6 / 30)
    assert by_lag["movies"] == 12
    over_time = moment_statistics(panels, seed=0).set_index("feature")
    assert over_time.loc["contrast", "p_bonferroni"] < 0.01
    assert over_time.loc["contrast", "low"] > 0.5
    assert over_time.loc["luminance", "low"] < 0.1
    assert panels["B_lags"]["lag"].min() == pytest.approx(-0.5)


def test_lags_are_no_longer_than_half_of_a_movie():
    panels = correlate_panels(planted(), max_lag=60)
    assert panels["B_lags"]["lag"].max() == pytest.approx(100 / 30, abs=1e-6)


def test_constant_behaviour_is_reported_as_left_out():
    frames = planted()
    frames["running speed"] = 2.0
    panels = correlate_panels(frames, max_lag=0.2)
    over_movies = movie_statistics(panels, seed=0).set_index("feature")
    assert over_movies.loc["running speed", "left_out"].startswith("correlation")
    assert np.isnan(over_movies.loc["running speed", "p_bonferroni"])
    # five tests are left, and they are corrected for five
    p = over_movies.loc["contrast", "p"]
    assert over_movies.loc["contrast", "p_bonferroni"] == pytest.approx(min(1, 5 * p))
    assert "running speed" not in set(moment_statistics(panels, seed=0)["feature"])


class WithoutRunning(ExampleStudy):
    """The first mouse's running and pupil position were not recorded, or no mouse's."""

    def __init__(self, mice_without):
        super().__init__()
        self.without = mice_without

    def trial(self, mouse, trial):
        found = super().trial(mouse, trial)
        if mouse not in self.without:
            return found
        behavior, pupil = found.behavior * np.array([[1], [0]], np.float32), 0 * found.pupil_center
        missing = ("running speed", "pupil position")
        return replace(found, behavior=behavior, pupil_center=pupil, missing_signals=missing)


@pytest.mark.parametrize("without", [(0,), (0, 1)], ids=["one mouse", "all mice"])
def test_what_was_not_recorded_counts_nowhere(without, tmp_path, study, frames):
    here = WithoutRunning(without)
    panels = correlate_panels(frame_features(here), 0.2)
    found = movie_statistics(panels, seed=0).set_index("feature")
    others = [mouse for mouse in here.reconstructed_mice if mouse not in without]
    assert found.loc["running speed", "movies"] == found.loc["eye movement", "movies"] == 3 * len(others)
    assert found.loc["pupil dilation", "movies"] == 6
    if others:
        own = correlate_panels(frames, 0.2)["A"].query("mouse == 'mouse 2' and feature == 'running speed'")
        r = stats.pearsonr(own["value"], own["mean frame correlation"]).statistic
        assert found.loc["running speed", "r"] == pytest.approx(r, abs=1e-4)
    else:
        assert found.loc["running speed", "left_out"]
    moments = moment_statistics(panels, seed=0)
    figure = plotting.new_figure(7, 7, False)
    above, below = figure.subfigures(2, 1)
    plotting.plot_features(above.subplots(2, 3), panels["A"], found.to_dict("index"))
    plotting.plot_moments(below.subplots(), panels["C"], moments)
    plotting.save_figure(figure, "f", tmp_path, panels, alt="Points.")
    running = ethogram_panels(here, movies=2, neurons=7)["A"].query("signal == 'running speed'")
    assert running["value"].isna().sum() == sum(here.trial(mouse, 5).frames for mouse in without)
