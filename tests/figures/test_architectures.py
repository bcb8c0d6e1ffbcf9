"""Two encoders side by side: planted effects are found with each."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from example_study import ExampleStudy
from scipy.ndimage import gaussian_filter

from movrecon_core.analysis import Judged, video_correlation
from movrecon_core.errors import NothingToShowError
from movrecon_core.figures import architectures
from movrecon_core.figures.architectures import ENCODERS, architectures_answer, families
from movrecon_core.figures.beyond import beyond_findings
from movrecon_core.figures.measured import Measured
from movrecon_core.figures.rows import rows_table
from movrecon_core.study.conditions import EXCHANGED, RECORDED, WITHHELD, Condition

FEWEST = Condition(neurons=0.125, dropped="missing")
OWN, OTHER = ENCODERS


class KnownStudy(ExampleStudy):
    """Errors that each instance has of its own, and more of them where something is missing, by encoder."""

    simulated = True
    compared_conditions = (RECORDED, FEWEST, WITHHELD, EXCHANGED)
    compared_trials = ExampleStudy.reconstructed

    def __init__(self, others: int = 4, **missing: dict[Condition, float]) -> None:
        super().__init__(mice=3, trials=2)
        self.profile = SimpleNamespace(seed=0, instances=3, comparison=SimpleNamespace(instances=others), name="known")
        self.missing = {OWN: {}, OTHER: {}} | {ENCODERS[name == "other"]: sizes for name, sizes in missing.items()}

    def movie(self, mouse: int, trial: int) -> np.ndarray:
        return self.random(mouse, trial, 1).uniform(0, 255, (50, 36, 64))

    def found(self, encoder: str, mouse: int, trial: int, instance: int, condition: Condition) -> np.ndarray:
        size = 40 + self.missing[encoder].get(condition, 0.0)
        random = self.random(mouse, trial, instance, ENCODERS.index(encoder), self.compared_conditions.index(condition))
        return np.pad(self.movie(mouse, trial), ((0, 0), (14, 14), (0, 0))) + random.normal(0, size, (50, 64, 64))

    def instance_movies(self, mouse: int, trial: int, condition: Condition = RECORDED) -> np.ndarray:
        count = 3 if condition in (RECORDED, FEWEST) else 1
        return np.stack([self.found(OWN, mouse, trial, instance, condition) for instance in range(count)])

    def result(self, stage: str, mouse: int, trial: int, instance: int, condition: Condition) -> xr.Dataset:
        assert stage == "other-reconstructions"
        assert instance == 0 or condition == RECORDED
        return xr.Dataset({"movie": (("time", "y", "x"), self.found(OTHER, mouse, trial, instance, condition))})

    def judged(self, mouse: int, trial: int) -> Judged:
        truth = self.movie(mouse, trial)
        return Judged(truth, truth, self.evaluation_mask(mouse)[14:50])


def decisions(measured: Measured) -> dict[str, str]:
    found = beyond_findings(measured, architectures.FIGURE)
    return dict(zip(found["finding"], found["decision"], strict=True))


def test_what_holds_with_both_and_what_with_one() -> None:
    measured = Measured(KnownStudy(own={FEWEST: 60.0}, other={FEWEST: -25.0, WITHHELD: 30.0, EXCHANGED: 80.0}))
    found = decisions(measured)
    assert found[f"ensembling helps: {OWN}"] == found[f"ensembling helps: {OTHER}"] == "seen"
    assert found[f"more neurons help: {OWN}"] == "seen"
    assert found[f"more neurons help: {OTHER}"] == "not seen: the opposite"
    assert found[f"knowing the behaviour helps: {OWN}"] == "not seen"
    assert found[f"knowing the behaviour helps: {OTHER}"] == found[f"wrong behaviour harms: {OTHER}"] == "seen"
    assert architectures_answer(measured) == (
        "That ensembling helps is seen with both encoders; that more neurons help is seen with the study's encoder, "
        "and is not so, but the opposite with the other."
    )


def test_one_instance_is_no_ensemble() -> None:
    measured = Measured(KnownStudy(others=1))
    assert decisions(measured)[f"ensembling helps: {OTHER}"].startswith(
        "left out: the profile has one level of instances"
    )
    assert "could not be tested with the other" in architectures_answer(measured)


def test_levels_of_both_encoders() -> None:
    study = KnownStudy()
    table = families(study)
    levels = {key: rows["level"].unique().tolist() for key, rows in table.groupby(["encoder", "aspect"])}
    assert levels[OWN, "instances"] == ["1", "2", "3"]
    assert levels[OTHER, "instances"] == ["1", "2", "4"]
    assert levels[OTHER, "neurons"] == ["12.5 %", "100 %"]
    assert levels[OWN, "behaviour"] == ["another trial's", "mean", "own"]
    quality = table.set_index(["mouse", "trial", "encoder", "aspect", "level"])["video_correlation"]
    truth, _, pixels = study.results.judged(1, 6)
    movies = [study.found(OTHER, 1, 6, instance, RECORDED) for instance in range(2)]
    expected = gaussian_filter(np.mean(movies, axis=0), 0.5)[:, 14:50]
    by_hand = video_correlation(truth[30:], expected[30:], pixels)
    assert quality["mouse 2", 6, OTHER, "instances", "2"] == pytest.approx(by_hand, abs=1e-5)
    numbers = rows_table(architectures.rows(table, 0))
    assert len(numbers) == 2 * (3 + 2 + 3)
    assert numbers["ours"].notna().all()


def test_a_profile_without_another_encoder_is_told() -> None:
    study = KnownStudy()
    study.compared_trials = lambda mouse: ()
    with pytest.raises(NothingToShowError, match="give it a section `comparison`"):
        families(study)
