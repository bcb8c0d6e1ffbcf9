"""What only a simulation can tell: planted causes are found, and shares add up."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from example_study import ExampleStudy

from movrecon_core.analysis import Judged
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.errors import NothingToShowError
from movrecon_core.figures.beyond import (
    CLOSER_IN,
    NOISE_OVER_ENCODER,
    beyond_findings,
    order_of_ways,
    quality_answer,
    same_neurons_answer,
)
from movrecon_core.figures.measured import Measured
from movrecon_core.figures.quality_loss import PARTS, encoder_correlations, loss_parts, qualities, rows, shares
from movrecon_core.figures.rows import rows_table
from movrecon_core.figures.same_neurons import evoked
from movrecon_core.study.stages.showings import REFERENCES, RESPONDING

STIMULI = ["true", "masked", "reconstructed", "matched", "expected"]


class KnownStudy(ExampleStudy):
    """Movies that lack what noise, encoder and inversion were told to take; and what they evoke."""

    simulated = True

    def __init__(self, noise: float = 0.0, encoder: float = 0.0, inversion: float = 20.0, closer: float = 0.1) -> None:
        super().__init__(mice=4, trials=3)
        self.noise_size, self.encoder_size, self.inversion_size, self.closer = noise, encoder, inversion, closer

    truth_trials = ExampleStudy.reconstructed

    def judged(self, mouse, trial, condition):
        truth = self.movie(mouse, trial)
        # Of each cause an error of its own; those of noise and encoder differ in size between movies.
        random = [self.random(mouse, trial, cause) for cause in (11, 12, 13)]
        size = 1 + 0.1 * random[0].random()
        noise = size * self.noise_size * (condition.target == "recorded") * random[0].normal(size=truth.shape)
        encoder = size * self.encoder_size * (condition.inverted == "encoders") * random[1].normal(size=truth.shape)
        inversion = self.inversion_size * random[2].normal(size=truth.shape)
        return Judged(truth, truth + noise + encoder + inversion, crop_movie(self.evaluation_mask(mouse)))

    def noise_free(self, mouse, trial):
        recorded = self.trial(mouse, trial).responses
        return recorded + self.random(mouse, trial, 14).gamma(1.0, 1.0, recorded.shape)

    def result(self, stage, mouse, trial):
        assert stage == "showings"
        found = 0.4 + 0.01 * self.random(mouse, trial, 15).normal(size=(len(RESPONDING), len(STIMULI), len(REFERENCES)))
        found[0, 2, 0] += 0.1
        found[1, 2, 0] += self.closer
        return xr.Dataset({"correlation": (("responding", "stimulus", "reference"), found)}, attrs={"stimuli": STIMULI})


def parts_of(study: KnownStudy) -> pd.DataFrame:
    return shares(loss_parts(qualities(study)), 0).set_index("part")


@pytest.mark.parametrize(("noise", "encoder"), [(60.0, 20.0), (20.0, 60.0), (40.0, 40.0)])
def test_parts_add_up_to_the_whole_loss(noise: float, encoder: float) -> None:
    study = KnownStudy(noise, encoder)
    ways = qualities(study)
    wide = loss_parts(ways).pivot(index=["mouse", "trial"], columns="part", values="loss")
    recorded = ways[ways["way"] == "recorded, encoders"].set_index(["mouse", "trial"])["video_correlation"]
    pd.testing.assert_series_equal(wide.sum(axis=1), 1 - recorded, check_names=False, rtol=1e-12)
    found = parts_of(study)
    assert found["share"].sum() == pytest.approx(100, abs=1e-9)
    assert found["loss"].sum() == pytest.approx((1 - recorded).mean(), abs=1e-12)
    assert (found["share_low"] < found["share"]).all()
    assert (found["share"] < found["share_high"]).all()
    if noise != encoder:
        assert (found.loc["noise", "loss"] > found.loc["encoder", "loss"]) == (noise > encoder)


def test_shapley_values_by_hand() -> None:
    """Noise first takes 0.3, last 0.2; the encoder first 0.2, last 0.1; 0.1 is the inversion's."""
    found = pd.DataFrame(
        [
            ("mouse 1", 1, way, value)
            for way, value in {
                "recorded, encoders": 0.5,
                "noise-free, encoders": 0.8,
                "recorded, neurons": 0.7,
                "noise-free, neurons": 0.9,
            }.items()
        ],
        columns=["mouse", "trial", "way", "video_correlation"],
    )
    parts = loss_parts(found).set_index("part")["loss"]
    assert parts[list(PARTS)].tolist() == pytest.approx([0.25, 0.15, 0.1])
    table = shares(loss_parts(found), 0)
    assert table["share"].tolist() == pytest.approx([50, 30, 20])
    assert table[["low", "share_low"]].isna().all(axis=None)


def test_a_simulation_without_noise_loses_nothing_by_noise() -> None:
    study = KnownStudy(noise=0, encoder=50)
    assert parts_of(study).loc["noise", ["loss", "low", "high", "share"]].abs().max() == 0
    found = beyond_findings(Measured(study), "beyond 1").set_index("finding")["decision"]
    assert found[NOISE_OVER_ENCODER] == "not seen: the opposite"
    answer = quality_answer(Measured(study))
    assert "noise 0 % (0 to 0)" in answer
    assert "the encoder costs more than noise" in answer


def test_an_encoder_that_equals_the_neurons_loses_nothing() -> None:
    study = KnownStudy(noise=50, encoder=0)
    assert parts_of(study).loc["encoder", ["loss", "low", "high", "share"]].abs().max() == 0
    measured = Measured(study)
    assert beyond_findings(measured, "beyond 1").set_index("finding")["decision"][NOISE_OVER_ENCODER] == "seen"
    assert "noise costs more than the encoder" in quality_answer(measured)
    assert "against expectation" not in quality_answer(measured)


def test_an_order_that_is_upside_down_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    study = KnownStudy(noise=50, encoder=30)
    measured = Measured(study)
    assert set(order_of_ways(measured)["decision"]) == {"seen"}
    ways = measured.ways.copy()
    names = {"recorded, encoders": "recorded, neurons", "recorded, neurons": "recorded, encoders"}
    upside_down = Measured(study)
    monkeypatch.setitem(upside_down.__dict__, "ways", ways.assign(way=ways["way"].replace(names)))
    assert "against expectation, not: recorded, neurons ≥ recorded, encoders" in quality_answer(upside_down)


@pytest.mark.parametrize(
    ("closer", "decision", "meaning"),
    [
        (0.1, "seen", "it holds of the neurons, too"),
        (-0.1, "not seen: the opposite", "it is the optimiser's doing"),
        (0.0, "not seen", "that it holds of the neurons is not shown"),
    ],
)
def test_whose_doing_it_is(closer: float, decision: str, meaning: str) -> None:
    measured = Measured(KnownStudy(closer=closer))
    found = beyond_findings(measured, "beyond 2").set_index("finding")
    assert found.loc[CLOSER_IN["encoders"], "decision"] == "seen"
    assert found.loc[CLOSER_IN["neurons"], "decision"] == decision
    assert found.loc[CLOSER_IN["neurons"], "difference"] == pytest.approx(closer, abs=0.02)
    assert meaning in same_neurons_answer(measured)


def test_tables_of_the_pages() -> None:
    study = KnownStudy(noise=30, encoder=30)
    fits = encoder_correlations(study)
    assert len(fits) == 12 * 3
    first = fits[(fits["mouse"] == "mouse 1") & (fits["trial"] == 5)].set_index("of")["correlation"]
    recorded, noise_free = study.trial(0, 5).responses[:, 30:], study.trials.noise_free(0, 5)[:, 30:]
    by_hand = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(recorded, noise_free, strict=True)])
    assert first["noise-free, recorded"] == pytest.approx(by_hand)
    table = evoked(study)
    assert len(table) == 12 * len(RESPONDING) * 4 * len(REFERENCES)
    numbers = rows_table(rows(qualities(study), fits, 0))
    assert len(numbers) == 5 + 2 * len(PARTS) + 3
    assert numbers["ours"].notna().all()


@pytest.mark.parametrize("table", [qualities, evoked, encoder_correlations])
def test_a_recorded_brain_is_told_what_is_needed(table) -> None:
    study = KnownStudy()
    study.truth_trials = lambda mouse: ()
    with pytest.raises(NothingToShowError, match="only `movrecon simulate` knows"):
        table(study)
    for page in ("beyond 1", "beyond 2"):
        found = beyond_findings(Measured(study), page)["decision"]
        assert found.str.startswith("left out: this needs the noise-free responses").all()
