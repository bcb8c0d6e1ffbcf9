"""What follows from a rehearsal's units: against planted costs, and what may run out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movrecon_core.reconstruction import ReconstructionConfig
from movrecon_core.study.growth import Growth, frames_seen, reconstructed
from movrecon_core.study.run.projection import Limit, Measured, Projection, fit, hours_of, stage_cost
from movrecon_core.study.run.projection_table import (
    projection_report,
    read_projection,
    save_projection,
    table,
    verdict,
)

POSITIVE = st.floats(0.01, 100)


def unit(kind: str, amount: float, seconds: float, size: int = 10, memory: int = 5) -> Measured:
    return Measured(Growth(kind, amount), seconds, memory, 0, size)


@given(POSITIVE, POSITIVE)
def test_both_parts_of_a_cost_are_found(fixed: float, slope: float) -> None:
    amounts = [1.0, 1.0, 3.0, 10.0]
    line = fit(amounts, [fixed + slope * amount for amount in amounts])
    assert (line.fixed, line.slope) == pytest.approx((fixed, slope), rel=1e-4)


def test_of_a_single_amount_all_grows() -> None:
    line = fit([4.0, 4.0], [2.0, 2.0])
    assert (line.fixed, line.slope) == (0, pytest.approx(0.5))
    total, error = line.seconds([8.0, 8.0, 4.0])
    assert total == pytest.approx(10)
    # Two units of 10 % each, which all that is projected shares.
    assert error == pytest.approx(10 * 0.1 / np.sqrt(2))


@pytest.mark.parametrize("seconds", [[9.0, 1.0], [1.0, 30.0]])
def test_no_part_is_negative(seconds: list[float]) -> None:
    line = fit([1.0, 3.0], seconds)
    assert line.fixed >= 0
    assert line.slope >= 0


def test_the_interval_holds_the_truth() -> None:
    """Steps of 0.2 s after 5 s of preparation, each unit 10 % off: of 200 projections nine in ten are within 2 s.d."""
    random = np.random.default_rng(0)
    within = 0
    for _ in range(200):
        amounts = np.array([20.0, 20.0, 60.0, 60.0])
        line = fit(amounts, (5 + 0.2 * amounts) * (1 + 0.1 * random.standard_normal(4)))
        total, error = line.seconds([1000.0] * 7)
        within += abs(total - 7 * (5 + 200)) < 2 * error
    assert within >= 180


def test_kinds_are_projected_apart() -> None:
    measured = [unit("long", 1, 11), unit("long", 3, 13), unit("short", 1, 1, size=1), unit("short", 3, 3, size=1)]
    cost = stage_cost("stage", measured, [Growth("long", 100), Growth("short", 7), Growth("short", 9)])
    assert cost is not None
    assert cost.full_seconds == pytest.approx(110 + 7 + 9, rel=1e-4)
    assert cost.longest_seconds == pytest.approx(110, rel=1e-4)
    assert (cost.units, cost.seconds, cost.bytes, cost.full_units, cost.full_bytes) == (4, 28, 22, 3, 12)
    assert cost.hours(1) == pytest.approx(126 / 3600, rel=1e-4)
    assert cost.hours(8) == pytest.approx(110 / 3600, rel=1e-4)  # the longest unit is not cut


def test_nothing_measured_nothing_said() -> None:
    assert stage_cost("stage", [], [Growth()]) is None
    assert stage_cost("stage", [unit("", 1, 1)], []) is None


def test_frames_that_an_encoder_sees() -> None:
    assert frames_seen(ReconstructionConfig(window_frames=None), 300) == 300
    assert frames_seen(ReconstructionConfig(), 300) == 35 * 32  # method page, reconstruction
    assert frames_seen(ReconstructionConfig(window_frames=31, tiled_windows=True), 300) == 11 * 31
    config = ReconstructionConfig(iterations=7, window_frames=None)
    assert reconstructed(config, 300, "natural") == Growth("natural", 2100)


@pytest.mark.parametrize(
    ("walltime", "hours"),
    [
        ("24:00:00", 24),
        ("2-12:00:00", 60),
        ("01:30:00", 1.5),
        ("90", 1.5),
        ("30:00", 0.5),
        ("1-6:30", 30.5),
        ("1-0", 24),
    ],
)
def test_walltimes(walltime: str, hours: float) -> None:
    assert hours_of(walltime) == pytest.approx(hours)


def projection(*limits: Limit) -> Projection:
    costs = [stage_cost(name, [unit("", 1, 5), unit("", 2, 10)], [Growth(amount=720)]) for name in ("a", "b")]
    return Projection("paper", "cpu", True, tuple(cost for cost in costs if cost), limits)


def test_the_table_adds_up(tmp_path) -> None:
    found = table(projection(Limit("disk", 3, 2, "GB", "--out")))
    assert found["stage"].tolist() == ["a", "b", "all"]
    assert found["hours, whole"].tolist() == pytest.approx([1, 1, 2])
    assert found["seconds"].tolist() == [15, 15, 30]
    assert found["± hours"].iloc[-1] == pytest.approx(np.hypot(*found["± hours"].iloc[:2]))


def test_it_is_read_as_it_was_written(tmp_path) -> None:
    made = projection(Limit("disk", 3, 2, "GB", "--out"), Limit("memory", 1, 2, "GB", "training.batch"))
    save_projection(made, tmp_path)
    assert read_projection(tmp_path) == made
    assert (tmp_path / "costs.csv").is_file()


def test_what_runs_out_first_is_named() -> None:
    disk, memory = Limit("disk", 3, 2, "GB", "--out"), Limit("memory", 1, 2, "GB", "training.batch")
    assert verdict(projection(disk, memory))[0] == "disk runs out first: 3 of 2 GB; to change: --out"
    assert "comes nearest" in verdict(projection(memory))[0]
    assert "simulated" in projection_report(projection(disk))
