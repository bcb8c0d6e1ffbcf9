"""Where errors come from: planted causes, places and shifts are found, and parts add up."""

import numpy as np
import pandas as pd
import pytest
from planted_study import PlantedStudy
from scipy.stats import ttest_1samp

from movrecon_core.analysis import PARTS
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.errors import NothingToShowError
from movrecon_core.figures.beyond import beyond_findings
from movrecon_core.figures.error_origins import (
    AT_EDGES,
    BEHIND,
    FIGURE,
    NOISE_SHOWN,
    WHOLE,
    correlate_statistics,
    error_tables,
    errors_answer,
    rows,
)
from movrecon_core.figures.measured import Measured
from movrecon_core.figures.rows import rows_table
from movrecon_core.study.conditions import RECORDED


def decisions(measured: Measured) -> pd.Series:
    return beyond_findings(measured, FIGURE).set_index("finding")["decision"]


def test_parts_add_up() -> None:
    """To 1 − video correlation in every movie; to the whole at every pixel; to the error's power in every band."""
    study = PlantedStudy(40.0, 20.0)
    tables = error_tables(study)
    losses = tables.parts.groupby(["mouse", "trial"])["loss"].sum()
    for mouse, trial in study.movies():
        truth, found = study.movie(mouse, trial)[30:], study.results.reconstruction(mouse, trial, RECORDED)[30:]
        inside = crop_movie(study.results.evaluation_mask(mouse))
        expected = 1 - np.corrcoef(truth[:, inside].ravel(), found[:, inside].ravel())[0, 1]
        assert losses[study.label(mouse), trial] == pytest.approx(expected, abs=1e-9)
    maps = tables.maps.pivot(index=["mouse", "y", "x"], columns="row", values="error").dropna()
    np.testing.assert_allclose(maps[list(PARTS)].sum(axis=1), maps[WHOLE], atol=0.002)  # thousandths are kept
    whole = tables.parts.groupby(["mouse", "trial"])["loss"].sum().groupby("mouse").mean()
    np.testing.assert_allclose(maps.groupby("mouse")[WHOLE].mean(), whole, atol=0.001)
    means = tables.parts.groupby("part")["loss"].mean()
    assert means["noise"] > 2 * means["encoder"] > 0
    # White errors are largest, beside the truth, where it has least power.
    power = tables.spectra.groupby(["part", "frequency"])["power"].mean()["noise"]
    assert power.iloc[-1] > 10 * power.iloc[1]


def test_an_error_where_edges_are() -> None:
    measured = Measured(PlantedStudy(at_edges=True))
    correlates = measured.of(error_tables).correlates
    found = correlate_statistics(correlates, 0)
    for part in (WHOLE, "noise", "encoder"):
        slopes = found[found["part"] == part].set_index("feature")
        assert slopes.loc["contrast edges", "low"] > 3 * slopes["slope"].drop("contrast edges").abs().max()
        mice = correlates[(correlates["part"] == part) & (correlates["feature"] == "contrast edges")]["slope"]
        assert slopes.loc["contrast edges", "p"] == pytest.approx(min(6 * ttest_1samp(mice, 0).pvalue, 1))
    assert decisions(measured)[AT_EDGES] == "seen"


def test_an_error_everywhere_is_not_at_edges() -> None:
    found = correlate_statistics(error_tables(PlantedStudy()).correlates, 0)
    assert found["slope"].abs().max() < 0.05


def test_what_was_shifted_by_two_pixels() -> None:
    measured = Measured(PlantedStudy(ahead=-2.0))
    shifts = measured.of(error_tables).shifts
    assert shifts["pixels"].to_numpy() == pytest.approx(-2, abs=0.25)
    assert shifts["frames"].to_numpy() == pytest.approx(4, abs=0.25)
    assert decisions(measured)[BEHIND] == "seen"
    assert "comes back behind its place" in errors_answer(measured)


@pytest.mark.parametrize(("noise", "encoder"), [(40.0, 20.0), (20.0, 40.0)])
def test_what_the_error_map_of_the_article_shows(noise: float, encoder: float) -> None:
    measured = Measured(PlantedStudy(noise, encoder))
    shares = measured.of(error_tables).shown.groupby("origin")["share"].mean()
    assert shares["noise"] == pytest.approx(100 * noise**2 / (noise**2 + encoder**2), abs=1)
    assert shares.sum() == pytest.approx(100)
    assert decisions(measured)[NOISE_SHOWN] == ("seen" if noise > encoder else "not seen: the opposite")
    more = "noise of the trial more than" if noise > encoder else "the encoders' error more than"
    assert more in errors_answer(measured)


def test_rows_and_what_is_missing() -> None:
    study = PlantedStudy()
    study.conditions = (RECORDED,)
    measured = Measured(study)
    tables = measured.of(error_tables)
    assert tables.shown.empty
    numbers = rows_table(rows(tables, 0))
    assert len(numbers) == 3 * 5 + 4 * 6 + 2 * 4  # parts by bands, parts by features, ways by units
    assert numbers["ours"].notna().all()
    assert numbers["quantity"].is_unique
    assert decisions(measured)[NOISE_SHOWN].startswith("left out: the profile reconstructs nothing")
    assert "is not decided;" in errors_answer(measured)


def test_a_recorded_brain_is_told_what_is_needed() -> None:
    study = PlantedStudy()
    study.truth_trials = lambda mouse: ()
    with pytest.raises(NothingToShowError, match="only `movrecon simulate` knows"):
        error_tables(study)
    assert decisions(Measured(study)).str.startswith("left out: this needs the noise-free responses").all()
