"""Planning: parts of a population are nested, and the needed number is read off where a straight line says."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movrecon_core.errors import NothingToShowError
from movrecon_core.figures.planning import needed_neurons, planned_correlations
from movrecon_core.reconstruction import nested_populations
from movrecon_core.storage.paths import PROFILES
from movrecon_core.study.profile import load_profile
from movrecon_core.study.study import Study

FRACTIONS, AREAS = (0.125, 0.25, 0.5, 1.0), (0.25, 0.5, 1.0)


@given(st.integers(16, 200), st.integers(0, 5))
def test_parts_are_nested(neurons: int, seed: int) -> None:
    places = np.random.default_rng(seed).normal(size=(neurons, 2))
    parts = nested_populations(places, FRACTIONS, AREAS, seed)
    assert set(parts) == {(f, a) for f in FRACTIONS for a in AREAS if f <= a}
    for (fraction, area), kept in parts.items():
        assert kept.sum() == round(fraction * neurons)
        for (smaller, same), inner in parts.items():
            if same == area and smaller < fraction:
                assert not (inner & ~kept).any()


def test_a_patch_holds_the_neurons_nearest_to_the_middle() -> None:
    places = np.stack([np.arange(-10.0, 11.0), np.zeros(21)], axis=1)
    parts = nested_populations(places, (1 / 3,), (1 / 3,), seed=0)
    np.testing.assert_array_equal(places[parts[1 / 3, 1 / 3], 0], np.arange(-3, 4))


def table(slope: float, movies: list[float]) -> pd.DataFrame:
    """Correlation that grows by `slope` with every doubling, from 0.1 at 10 neurons, shifted for each movie."""
    return pd.DataFrame(
        [
            (0.45, 1.0, neurons, movie, 0.1 + slope * math.log2(neurons / 10) + shift)
            for neurons in (10, 20, 40, 80)
            for movie, shift in enumerate(movies)
        ],
        columns=["ceiling", "area", "neurons", "movie", "video_correlation"],
    )


def test_number_where_a_line_crosses() -> None:
    found = needed_neurons(table(0.1, [0.0, 0.0, 0.0]), 0.25, seed=0).iloc[0]
    assert found["neurons"] == pytest.approx(10 * 2**1.5)
    assert (found["low"], found["high"]) == (pytest.approx(found["neurons"]), pytest.approx(found["neurons"]))
    assert found["reached"] == pytest.approx(0.4)


def test_movies_that_differ_widen_the_interval() -> None:
    found = needed_neurons(table(0.1, [-0.05, 0.0, 0.05]), 0.25, seed=0).iloc[0]
    # All draws of the worst movie, and of the best: 0.05 lower or higher is half a doubling.
    assert found["low"] == pytest.approx(10 * 2**1.0)
    assert found["high"] == pytest.approx(10 * 2**2.0)


def test_nothing_is_said_beyond_the_largest_number() -> None:
    found = needed_neurons(table(0.1, [0.0, 0.0]), 0.9, seed=0).iloc[0]
    assert math.isinf(found["neurons"])
    assert math.isinf(found["high"])
    assert found["largest"] == 80


def test_a_profile_that_plans_nothing_is_named() -> None:
    study = Study(Path("none"), load_profile("paper", PROFILES), (), "fold:0")
    with pytest.raises(NothingToShowError, match=r"'paper' plans nothing; give it planning: \{ceilings"):
        planned_correlations(study)
