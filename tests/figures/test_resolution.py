"""What limits resolution: planted speckle, noise and lost phases are found where they are."""

import numpy as np
import pandas as pd
import pytest
from planted_study import PlantedStudy
from scipy.ndimage import gaussian_filter

from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.errors import NothingToShowError
from movrecon_core.figures.beyond import beyond_findings
from movrecon_core.figures.measured import Measured
from movrecon_core.figures.resolution import (
    AVERAGED,
    AVERAGING_HELPS,
    ENCODERS_LIMIT,
    FIGURE,
    JOINED,
    NOISE_LIMITS,
    ONE,
    RESPONSES,
    coherences,
    panels,
    resolution_answer,
    rows,
    synthetic_qualities,
)
from movrecon_core.figures.rows import rows_table
from movrecon_core.stimuli import GratingStimulus, NoiseStimulus, synthetic_movie

STIMULI = (NoiseStimulus(0.5, 8.0), NoiseStimulus(0.5, 8.0, inverted=True), GratingStimulus(0.0, 0.0625, 7.5))


class SpeckledStudy(PlantedStudy):
    """One instance has speckle that the mean of all has not; noise-free responses lose the phase of fine noise."""

    def movie(self, mouse, movie):
        return super().movie(mouse, movie) if isinstance(movie, int) else synthetic_movie(movie, 0)

    def resolution_stimuli(self, mouse):
        return STIMULI if mouse == 0 else ()

    def reconstructions(self):
        return [(0, stimulus, condition) for stimulus in STIMULI for condition in RESPONSES.values()]

    def reconstruction(self, mouse, movie, condition, *, instances=None, smoothed=None):
        if not isinstance(movie, int):
            lost = condition.target == "noise-free" and isinstance(movie, NoiseStimulus)
            shown = np.abs(self.movie(mouse, movie) - 127.5) if lost else self.movie(mouse, movie)
            return shown + self.random(7).normal(0, 1, shown.shape)
        found = super().reconstruction(mouse, movie, condition)
        speckle = self.random(mouse, movie, 30).normal(0, 60, found.shape)
        return found + (instances == [0]) * (speckle - gaussian_filter(speckle, (0, 1, 1)))


@pytest.fixture(scope="module")
def measured() -> Measured:
    return Measured(SpeckledStudy(noise=30.0, encoder=0.0))


def test_speckle_is_where_it_was_planted(measured: Measured) -> None:
    found = measured.of(coherences)
    space = found[(found["compared"] == JOINED) & (found["axis"] == "space")]
    wide = space.groupby(["kind", "frequency"])["coherence"].mean().unstack("kind")
    loss = wide[AVERAGED] - wide[ONE]
    assert loss[1 / 8] > 0.1
    assert abs(loss[1 / 32]) < 0.02
    assert found["coherence"].between(0, 1).all()


def test_what_limits_is_told(measured: Measured) -> None:
    decisions = beyond_findings(measured, FIGURE).set_index("finding")["decision"]
    assert decisions[AVERAGING_HELPS] == decisions[NOISE_LIMITS] == "seen"
    assert decisions[ENCODERS_LIMIT] == "not seen"
    answer = resolution_answer(measured)
    assert "noise hides it; that the encoders lose some is not decided; averaging instances removes speckle" in answer


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
    inside = crop_movie(study.evaluation_mask(0))
    found = study.reconstruction(0, stimulus, RESPONSES["noisy"])[30:, inside]
    expected = np.corrcoef(study.movie(0, stimulus)[30:, inside].ravel(), found.ravel())[0, 1]
    row = table[(table["sample"] == stimulus.name) & (table["responses"] == "noisy")]
    assert row["video_correlation"].item() == pytest.approx(expected)


def test_rows_and_panels(measured: Measured) -> None:
    found, synthetic = measured.of(coherences), measured.of(synthetic_qualities)
    numbers = rows_table(rows(found, synthetic, 0))
    assert len(numbers) == 8 * (5 + 6) + 2 * 4  # kinds by octaves, stimuli by responses
    assert numbers["ours"].notna().all()
    shown = panels(found, synthetic)
    assert list(shown) == list("ABCDEF")
    assert not any(table.empty for table in shown.values())


def test_on_a_recorded_brain_spectra_alone() -> None:
    study = SpeckledStudy()
    study.truth_trials = study.resolution_stimuli = lambda mouse: ()
    measured = Measured(study)
    shown = panels(measured.of(coherences), measured.of(synthetic_qualities))
    assert {letter for letter, table in shown.items() if table.empty} == set("ABEF")
    decisions = beyond_findings(measured, FIGURE).set_index("finding")["decision"]
    assert decisions[AVERAGING_HELPS] == "seen"
    assert decisions.drop(AVERAGING_HELPS).str.startswith("left out: ").sum() == 4
    assert "that noise hides it is not decided" in resolution_answer(measured)
    assert isinstance(shown["C"], pd.DataFrame)


def test_nothing_to_compare() -> None:
    study = SpeckledStudy()
    study.truth_trials = study.variation_trials = lambda mouse: ()
    with pytest.raises(NothingToShowError, match="the profile varies no movie"):
        coherences(study)
