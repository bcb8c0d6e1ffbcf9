"""Planning: what a plan adds to the base is the difference on the same movies, and the answer names the largest."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from movrecon_core.errors import NothingToShowError
from movrecon_core.figures.planning import QUANTITIES, answer, encoders, gains, levels, planned_correlations, rows
from movrecon_core.storage.paths import PROFILES
from movrecon_core.study.profile import load_profile
from movrecon_core.study.study import Study

BASE: dict[str, Any] = {"density": 180.0, "area": 0.36, "planes": 4, "minutes": 4.0, "indicator": "as recorded"}
ADDED = {
    ("density", 90.0): -0.1,
    ("density", 360.0): 0.05,
    ("planes", 8): 0.04,
    ("minutes", 8.0): 0.2,
    ("indicator", "jGCaMP8s"): 0.0,
}
"""What plans are made to add, by what they change."""


def planned(noise: float = 0.0) -> pd.DataFrame:
    """Three mice of two movies that differ much, under plans that add what was planted and some noise."""
    random, tables = np.random.default_rng(0), []
    movies = pd.DataFrame([(f"mouse {m}", t) for m in (1, 2, 3) for t in (7, 9)], columns=["mouse", "trial"])
    own = random.uniform(0.2, 0.7, len(movies))
    for (changed, value), added in {("base", None): 0.0, **ADDED}.items():
        plan = {**BASE, **({changed: value} if changed in BASE else {})}
        found = own + added + noise * random.standard_normal(len(movies))
        neurons = round(plan["density"] * plan["area"] * plan["planes"])
        columns = {"changed": changed, **plan, "neurons": neurons, "video_correlation": found}
        tables.append(movies.assign(**columns, single_trial_correlation=0.2 + added))
    return pd.concat(tables, ignore_index=True)


def test_gains_are_what_was_planted_however_movies_differ() -> None:
    found = gains(planned(), seed=0).set_index(["changed", "value"])
    assert dict(zip(found.index, found["gain"], strict=True)) == pytest.approx(ADDED)
    np.testing.assert_allclose(found["low"], found["gain"])
    np.testing.assert_allclose(found["high"], found["gain"])
    assert found.loc[("density", 360.0), ["neurons", "factor", "mice", "movies"]].tolist() == [518, 2.0, 3, 6]
    assert found.loc[("density", 90.0), "plan"] == "half the density"


def test_levels_are_compared_on_movies_that_have_all_of_them() -> None:
    """Of a mouse that has too few neurons for the largest density no movie is drawn."""
    found = planned()
    found = found[~((found["mouse"] == "mouse 2") & (found["density"] == 360.0))]
    drawn = levels(found, "density")
    assert set(drawn["mouse"]) == {"mouse 1", "mouse 3"}
    means = drawn.groupby("density")["video_correlation"].mean()
    np.testing.assert_allclose(means - means[180.0], [-0.1, 0.0, 0.05])
    assert set(levels(found, "minutes")["mouse"]) == {"mouse 1", "mouse 2", "mouse 3"}


def test_the_answer_names_what_buys_most() -> None:
    said = answer(planned(), seed=0, simulated=True)
    assert said.startswith("In simulated mice, from 0.")
    assert "with 259 neurons, twice the minutes buys most: +0.200" in said
    assert "not told apart" not in said


def test_the_answer_says_what_is_not_certain() -> None:
    said = answer(planned(noise=1.0), seed=0, simulated=False)
    assert said.startswith("In mice")
    assert "nothing buys more for certain" in said
    assert "not told apart from it: " in said


def test_levels_hold_the_base_and_ascend() -> None:
    table = planned()
    assert levels(table, "density")["density"].unique().tolist() == [90.0, 180.0, 360.0]
    assert levels(table, "area")["area"].unique().tolist() == [0.36]
    assert levels(table, "indicator")["indicator"].unique().tolist() == ["as recorded", "jGCaMP8s"]
    assert all(len(levels(table, quantity)) % 6 == 0 for quantity in QUANTITIES)


def test_rows_and_encoders_name_every_plan() -> None:
    table = planned()
    assert len(list(rows(table, seed=0))) == 1 + len(ADDED)
    found = encoders(table)
    assert len(found) == 1 + len(ADDED)
    assert found.set_index("minutes").loc[8.0, "single_trial_correlation"] == pytest.approx(0.4)


def test_a_profile_that_plans_nothing_is_named() -> None:
    study = Study(Path("none"), load_profile("paper", PROFILES), (), "fold:0")
    with pytest.raises(NothingToShowError, match=r"'paper' plans nothing; give it planning: \{densities"):
        planned_correlations(study)
