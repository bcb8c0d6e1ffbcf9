"""What moves is found to move, and a reconstruction that is ahead of it, or late, to be so."""

import numpy as np
import pytest
from planted_study import moving_movie

from movrecon_core.analysis import local_motion, shifts_along_motion

MASK = np.zeros((36, 64), bool)
MASK[4:32, 8:56] = True


@pytest.mark.parametrize("speed", [0.3, 0.6, 1.0])
def test_velocity_of_a_texture(speed: float) -> None:
    down, right = local_motion(moving_movie(0, 40, speed))
    assert np.median(right[:, 4:12]) == pytest.approx(speed, rel=0.1)
    assert np.median(right[:, 24:32]) == pytest.approx(-speed, rel=0.1)
    assert abs(np.median(down)) < 0.02


@pytest.mark.parametrize("ahead", [2.0, -2.0, 0.7, 0.0])
def test_a_shift_along_the_motion(ahead: float) -> None:
    """Both halves move in opposite directions: a shift to the right would cancel."""
    truth, found = moving_movie(1, 70, 0.5), moving_movie(1, 70, 0.5, ahead)
    noise = np.random.default_rng(0).normal(0, 60, truth.shape)
    for pixels, frames in shifts_along_motion(truth, np.stack([found, 100 + 0.3 * found + noise]), MASK):
        assert pixels == pytest.approx(ahead, abs=0.25)
        assert frames == pytest.approx(-ahead / 0.5, abs=0.25)


def test_a_delay() -> None:
    truth = moving_movie(2, 70, 0.5)
    (found,) = shifts_along_motion(truth, np.roll(truth, 3, axis=0)[None], MASK)
    assert found.frames == pytest.approx(3, abs=0.05)
    assert found.pixels == pytest.approx(-1.5, abs=0.1)


def test_what_stands_still_has_no_shift() -> None:
    still = np.repeat(moving_movie(3, 1, 0.5), 70, axis=0)
    assert np.isnan(shifts_along_motion(still, still[None], MASK)).all()


def test_a_shift_beyond_those_that_are_tried_is_not_told() -> None:
    truth = moving_movie(4, 70, 0.5)
    (found,) = shifts_along_motion(truth, moving_movie(4, 70, 0.5, 6.0)[None], MASK)
    assert np.isnan(found.frames)  # 12 frames early
