"""Why more neurons gain so little: planted reasons are found."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from example_study import INSTANCES, ExampleStudy

from movrecon_core.analysis import Judged, video_correlation
from movrecon_core.errors import NothingToShowError
from movrecon_core.figures import redundancy
from movrecon_core.figures.beyond import beyond_findings
from movrecon_core.figures.measured import Measured
from movrecon_core.figures.redundancy import (
    AVERAGED,
    DIVERSE,
    INDEPENDENT,
    NOISE,
    REDUNDANT,
    SHARED,
    SPREAD,
    chosen_populations,
    curves,
    kept_neurons,
    redundancy_answer,
)
from movrecon_core.figures.rows import rows_table
from movrecon_core.study.asked import Asked
from movrecon_core.study.conditions import RECORDED, Condition

PLAIN = {"independent": 1.0, "redundant": 1.0, "clustered": 1.0, "alike": 1.0}


class KnownStudy(ExampleStudy):
    """Errors of a known size: by what is chosen, by noise that more neurons average out, and by the method."""

    simulated = True

    def __init__(self, noise: float = 40.0, shared: float = 0.0, method: float = 10.0, **factors: float) -> None:
        super().__init__(mice=3, trials=2)
        self.shown: dict[tuple[int, int], np.ndarray] = {}
        self.profile = SimpleNamespace(seed=0, instances=INSTANCES, redundancy=SimpleNamespace(fractions=(0.25, 0.125)))
        self.noise_size, self.shared, self.method, self.factors = noise, shared, method, PLAIN | factors
        self.known = True

    redundancy_trials = ExampleStudy.reconstructed

    def redundancy_conditions(self, mouse: int) -> dict[tuple[str, float], Condition]:
        return Asked(self).redundancy_conditions(mouse)

    def truth_known(self, mouse: int) -> bool:
        return self.known

    def movie(self, mouse: int, trial: int) -> np.ndarray:
        if (mouse, trial) not in self.shown:
            self.shown[mouse, trial] = super().movie(mouse, trial)[:60, 12:24, 22:42]
        return self.shown[mouse, trial]

    def judged(self, mouse: int, trial: int, condition: Condition, instances: list[int]) -> Judged:
        assert instances == [0]
        truth = self.movie(mouse, trial)
        # Not two movies alike, as in any experiment.
        own, shared, method = (s * self.random(mouse, trial, 21).uniform(0.95, 1.05) for s in self.sizes(condition))
        random = self.random(mouse, trial, 22)
        errors = (size * random.normal(size=truth.shape) for size in (own, shared, method))
        jitter = self.random(mouse, trial, len(condition.name)).normal(0, 0.5, truth.shape)
        return Judged(truth, truth + sum(errors) + jitter, np.ones(truth.shape[1:], bool))

    def sizes(self, condition: Condition) -> tuple[float, float, float]:
        noise = condition.target != "noise-free"
        own = noise * self.noise_size * condition.neurons**-0.5 * self.factors.get(condition.chosen, 1.0)
        return own, self.shared * (condition.target == "recorded"), self.method

    def orders(self, mouse: int) -> xr.Dataset:
        values = np.linspace(0, 0.8, 16)
        table = {name: (("way", "kept"), np.stack([values, 1 - values])) for name in ("signal_correlation",)}
        table["predictability"] = (("way", "kept"), np.full((2, 16), 0.3))
        return xr.Dataset(table, {"way": ["spread", "alike"]}, {"ways": ["spread", "alike"]})


def decisions(measured: Measured) -> dict[str, str]:
    found = beyond_findings(measured, redundancy.FIGURE)
    return dict(zip(found["finding"], found["decision"], strict=True))


def test_neurons_that_tell_things_twice() -> None:
    measured = Measured(KnownStudy(independent=0.6, redundant=1.6, shared=0.0, method=1.0))
    found = decisions(measured)
    assert (found[INDEPENDENT], found[REDUNDANT]) == ("seen", "seen")
    assert (found[SPREAD], found[DIVERSE], found[SHARED]) == ("not seen",) * 3
    assert (found[AVERAGED], found[NOISE]) == ("seen", "seen")
    answer = redundancy_answer(measured)
    assert answer.startswith("From 12.5 to 100 % of the neurons 0.")
    assert "so neurons tell things twice" in answer
    assert "noise costs more than the method" in answer


def test_noise_that_is_shared() -> None:
    found = decisions(Measured(KnownStudy(noise=5.0, shared=40.0, method=5.0, clustered=3.0, alike=3.0)))
    assert found[SHARED] == "seen"
    assert found[INDEPENDENT] == "not seen"
    assert (found[SPREAD], found[DIVERSE]) == ("seen", "seen")


def test_the_methods_own_limit() -> None:
    measured = Measured(KnownStudy(noise=2.0, method=60.0))
    assert decisions(measured)[NOISE] == "not seen: the opposite"
    answer = redundancy_answer(measured)
    assert "the method and what no neuron sees cost more than noise" in answer
    assert "do better than neurons at random is not certain" in answer


def test_a_recorded_brain_has_no_curves_without_noise() -> None:
    study = KnownStudy(independent=0.6)
    study.known = False
    measured = Measured(study)
    table = measured.of(chosen_populations)
    assert not {"noise-free", "unshared"} & set(table["chosen"])
    assert curves(table, "D")["chosen"].unique().tolist() == ["random"]
    found = decisions(measured)
    assert found[INDEPENDENT] == "seen"
    assert all(found[name].startswith("left out: this needs noise-free") for name in (SHARED, AVERAGED, NOISE))
    assert "what noise costs only a simulation can tell" in redundancy_answer(measured)


def test_tables() -> None:
    study = KnownStudy()
    table = chosen_populations(study)
    assert len(table) == 6 * 9 * 3  # movies, seven ways of choosing and two of noise, sizes
    row = table.set_index(["mouse", "trial", "chosen", "percent"])["video_correlation"]
    clustered = replace(RECORDED, neurons=0.25, dropped="missing", chosen="clustered")
    assert row["mouse 2", 6, "clustered", 25] == video_correlation(
        *study.results.judged(1, 6, clustered, [0]).evaluated
    )
    assert row["mouse 2", 6, "clustered", 100] == row["mouse 2", 6, "random", 100]
    drawn = curves(table, "B").set_index(["mouse", "chosen", "percent"])["video_correlation"]
    assert drawn["mouse 1", "spread", 12.5] == pytest.approx(row["mouse 1", :, "spread", 12.5].mean())
    assert list(drawn.index.unique("chosen")) == ["random", "spread", "clustered"]
    numbers = rows_table(redundancy.rows(table, 0))
    assert len(numbers) == 9 * 3
    assert numbers["ours"].notna().all()
    kept = kept_neurons(study).set_index(["mouse", "chosen", "percent"])["signal_correlation"]
    assert kept["mouse 1", "spread", 25] == pytest.approx(0.8 * 3 / 15)  # the first four of sixteen
    assert kept["mouse 1", "alike", 12.5] == pytest.approx(1 - 0.8 / 15)
    assert kept["mouse 1", "all", 100] == pytest.approx(0.8)


def test_a_profile_that_chooses_none_is_told() -> None:
    study = KnownStudy()
    study.redundancy_trials = lambda mouse: ()
    with pytest.raises(NothingToShowError, match="chooses no neurons"):
        chosen_populations(study)
    assert all(
        found.startswith("left out: the profile chooses no neurons; give it")
        for found in decisions(Measured(study)).values()
    )
