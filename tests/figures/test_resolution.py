"""What limits resolution: planted speckle, noise and lost phases are found where they are."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from planted_study import PlantedStudy
from scipy.ndimage import gaussian_filter

from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.errors import NothingToShowError
from movrecon_core.figures.beyond import beyond_findings
from movrecon_core.figures.measured import Measured
from movrecon_core.figures.microscopes import INDICATOR, SCAN_RATE, microscope_qualities
from movrecon_core.figures.resolution import (
    AVERAGED,
    AVERAGING_HELPS,
    ENCODERS_LIMIT,
    FASTER,
    FIGURE,
    GRADIENTS_HELP,
    JOINED,
    METHODS,
    NOISE_LIMITS,
    ONE,
    RESPONSES,
    SMOOTHING_HELPS,
    coherences,
    panels,
    resolution_answer,
    rows,
    synthetic_qualities,
)
from movrecon_core.figures.rows import rows_table
from movrecon_core.reconstruction import ReconstructionConfig
from movrecon_core.simulation import ImagingConfig
from movrecon_core.stimuli import GratingStimulus, NoiseStimulus, synthetic_movie
from movrecon_core.study import microscopes
from movrecon_core.study.settings import BaselineSettings, ResolutionSettings

STIMULI = (
    NoiseStimulus(0.5, 8.0),
    NoiseStimulus(0.5, 8.0, inverted=True),
    GratingStimulus(0.0, 0.0625, 7.5),
    GratingStimulus(0.0, 0.0625, 15.0),
)
UPRIGHT = 3
SPREAD = {"GCaMP6f": 60, "jGCaMP8s": 90, None: 120}
"""Grey levels of the noise that a reconstruction of a synthetic movie has under an indicator, the last the own."""


class SpeckledStudy(PlantedStudy):
    """One instance has speckle that the mean of all has not; noise-free responses lose the phase of fine noise.

    The published method has speckle that smoothed gradients have not. Faster indicators have less noise; scans have the
    same, of which without noise in the responses half is left at 30 Hz.
    """

    recordings = (None,) * 3
    profile = SimpleNamespace(
        seed=0,
        resolution=ResolutionSettings(indicators=("GCaMP6f", "jGCaMP8s"), scan_rates=(30.0, 15.0)),
        baselines=BaselineSettings(methods=dict.fromkeys(["published", "fast", "best"], ReconstructionConfig())),
    )

    def movie(self, mouse, movie):
        return super().movie(mouse, movie) if isinstance(movie, int) else synthetic_movie(movie, 0)

    def resolution_stimuli(self, mouse):
        return STIMULI if mouse == 0 else ()

    def microscope_stimuli(self, mouse):
        return tuple(s for s in self.resolution_stimuli(mouse) if not getattr(s, "inverted", False))

    def reconstructions(self):
        return [(0, stimulus, condition) for stimulus in STIMULI for condition in RESPONSES.values()]

    def reconstruction(self, mouse, movie, condition, *, instances=None, smoothed=None):
        if not isinstance(movie, int):
            lost = condition == RESPONSES["noise-free"] and isinstance(movie, NoiseStimulus)
            shown = np.abs(self.movie(mouse, movie) - 127.5) if lost else self.movie(mouse, movie)
            spread = 1
            if condition.inverted == "neurons":
                spread = SPREAD[condition.indicator]
                if condition.target == "noise-free" and condition.scan_rate == 30:
                    spread = 60
            return shown + self.random(7).normal(0, spread, shown.shape)
        found = super().reconstruction(mouse, movie, condition)
        return found + (instances == [0]) * self.speckle(mouse, movie)

    def speckle(self, mouse, movie):
        speckle = self.random(mouse, movie, 30).normal(0, 60, self.movie(mouse, movie).shape)
        return speckle - gaussian_filter(speckle, (0, 1, 1))

    def baseline_movies(self):
        return self.movies()

    def other_movies(self, mouse, trial, *, smoothed):
        assert not smoothed
        found = self.reconstruction(mouse, trial, RESPONSES["noisy"])
        return {"published": found + 2 * self.speckle(mouse, trial), "fast": found, "best": 0 * found}


@pytest.fixture(scope="module", autouse=True)
def known_microscope():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(microscopes, "known_imaging", lambda recording: ImagingConfig())
        yield


@pytest.fixture(scope="module")
def measured() -> Measured:
    return Measured(SpeckledStudy(noise=30.0, encoder=0.0))


def test_speckle_is_where_it_was_planted(measured: Measured) -> None:
    found = measured.of(coherences)
    space = found[(found["compared"] == JOINED) & (found["axis"] == "space")]
    wide = space.groupby(["kind", "frequency"])["coherence"].mean().unstack("kind")
    for clean, speckled in ((AVERAGED, ONE), (METHODS["fast"], METHODS["published"])):
        loss = wide[clean] - wide[speckled]
        assert loss[1 / 8] > 0.1
        assert abs(loss[1 / 32]) < 0.03
    assert found["coherence"].between(0, 1).all()


def test_what_limits_is_told(measured: Measured) -> None:
    decisions = beyond_findings(measured, FIGURE).set_index("finding")["decision"]
    assert decisions[AVERAGING_HELPS] == decisions[NOISE_LIMITS] == decisions[SMOOTHING_HELPS] == "seen"
    assert decisions[ENCODERS_LIMIT] == "not seen"
    answer = resolution_answer(measured)
    assert "noise hides it; whether the encoders lose some is not decided." in answer
    assert "Speckle is where averaging instances raises the coherence most, from 0.125 cycles/px" in answer
    assert "removed by averaging instances, averaging gradients, smoothing gradients." in answer


def test_other_microscopes_are_told_apart(measured: Measured) -> None:
    table = measured.of(microscope_qualities)
    levels = table.groupby(["varied", "responses"])["level"].unique().apply(list).to_dict()
    scans = ["8 Hz", "15 Hz", "30 Hz"]
    assert levels == {
        (INDICATOR, "noisy"): ["GCaMP6s", "jGCaMP8s", "GCaMP6f"],
        (SCAN_RATE, "noisy"): scans,
        (SCAN_RATE, "noise-free"): scans,
    }
    assert set(table.loc[table["own"], "level"]) == {"GCaMP6s", "8 Hz"}
    shown = table[(table["varied"] == INDICATOR) & (table["sample"] == STIMULI[2].name)]
    contrast = measured.study.movie(0, STIMULI[2]).std()
    expected = [contrast / np.hypot(contrast, spread) for spread in (120, 90, 60)]
    np.testing.assert_allclose(shown["video_correlation"], expected, atol=0.03)
    decisions = beyond_findings(measured, FIGURE).set_index("finding")["decision"]
    told = {key: decisions[finding] for key, finding in FASTER.items()}
    assert told[INDICATOR, "noisy"] == told[SCAN_RATE, "noise-free"] == "seen"
    assert not told[SCAN_RATE, "noisy"].startswith("seen")
    answer = resolution_answer(measured)
    assert "from noisy responses a faster indicator brings them back better (GCaMP6s 0." in answer
    assert "whether a faster scan rate changes them is not decided" in answer


def test_the_own_microscope_among_others_counts_once(measured: Measured) -> None:
    study = SpeckledStudy()
    listed = ResolutionSettings(indicators=("GCaMP6s",), scan_rates=(8.0, 15.0, 4.0))
    study.profile = SimpleNamespace(seed=0, resolution=listed, baselines=BaselineSettings())
    table = microscope_qualities(study)
    assert set(table["varied"]) == {SCAN_RATE}
    assert len(table) == 2 * 3 * UPRIGHT
    slower = SpeckledStudy()
    slower.profile = SimpleNamespace(
        seed=0, resolution=ResolutionSettings(scan_rates=(4.0,)), baselines=BaselineSettings()
    )
    decision = beyond_findings(Measured(slower), FIGURE).set_index("finding")["decision"][FASTER[SCAN_RATE, "noisy"]]
    assert decision == "left out: none of `resolution.scan_rates` is faster than the recording's"


def test_a_lost_phase_is_found(measured: Measured) -> None:
    table = measured.of(synthetic_qualities)
    assert len(table) == len(STIMULI) * len(RESPONSES)
    noise = table[table["stimulus"].str.startswith("noise")].groupby("responses")
    phase, correlation = (noise[name].mean() for name in ("phase_correlation", "video_correlation"))
    assert phase["predicted"] == phase["noisy"] == pytest.approx(-1, abs=0.01)
    assert phase["noise-free"] == pytest.approx(1, abs=0.01)
    assert abs(correlation["noise-free"]) < 0.1 < 0.99 < correlation["predicted"]
    assert table[table["stimulus"].str.startswith("grating")]["phase_correlation"].isna().all()
    study, stimulus = measured.study, STIMULI[2]
    inside = crop_movie(study.results.evaluation_mask(0))
    found = study.results.reconstruction(0, stimulus, RESPONSES["noisy"])[30:, inside]
    expected = np.corrcoef(study.movie(0, stimulus)[30:, inside].ravel(), found.ravel())[0, 1]
    row = table[(table["sample"] == stimulus.name) & (table["responses"] == "noisy")]
    assert row["video_correlation"].item() == pytest.approx(expected)


def test_rows_and_panels(measured: Measured) -> None:
    tables = [measured.of(make) for make in (coherences, synthetic_qualities, microscope_qualities)]
    numbers = rows_table(rows(*tables, 0))
    # Kinds by octaves; stimuli by responses, and by levels of indicator and scan rate.
    assert len(numbers) == 10 * (5 + 6) + UPRIGHT * (4 + 3 + 2 * 3)
    assert numbers["ours"].notna().all()
    assert not numbers.duplicated(["figure", "quantity", "stimulus"]).any()
    shown = panels(*tables)
    assert list(shown) == list("ABCDEFGH")
    assert not any(table.empty for table in shown.values())


def test_on_a_recorded_brain_spectra_alone() -> None:
    study = SpeckledStudy()
    study.truth_trials = study.resolution_stimuli = lambda mouse: ()
    measured = Measured(study)
    shown = panels(*(measured.of(make) for make in (coherences, synthetic_qualities, microscope_qualities)))
    assert {letter for letter, table in shown.items() if table.empty} == set("ABEFGH")
    decisions = beyond_findings(measured, FIGURE).set_index("finding")["decision"]
    assert decisions[AVERAGING_HELPS] == "seen"
    assert decisions.str.startswith("left out: ").sum() == 4 + len(FASTER)
    assert decisions[FASTER[INDICATOR, "noisy"]] == (
        "left out: needs `resolution.indicators` in the profile, and neurons that are known"
    )
    assert decisions[GRADIENTS_HELP] == "seen"
    assert "whether noise hides it is not decided" in resolution_answer(measured)
    assert isinstance(shown["C"], pd.DataFrame)


def test_nothing_to_compare() -> None:
    study = SpeckledStudy()
    study.truth_trials = study.variation_trials = lambda mouse: ()
    with pytest.raises(NothingToShowError, match="the profile varies no movie"):
        coherences(study)
