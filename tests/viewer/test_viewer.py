"""The viewer: shows what is stored, frame by frame, fast enough to follow a slider."""

import io
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH
from movrecon_core.study import open_study
from movrecon_core.viewer import SCALE, Viewer


@pytest.fixture(scope="module")
def viewer(smoke_study: Path) -> Viewer:
    return Viewer(open_study(smoke_study))


def picture(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def test_first_picture_is_the_true_frame(viewer: Viewer, smoke_study: Path) -> None:
    study = open_study(smoke_study)
    for frame in (0, 40, viewer.frame.max):
        viewer.frame.value = frame
        shown = picture(viewer.pictures.value)[::SCALE, ::SCALE]
        truth = study.trial(viewer.mouse.value, viewer.trial.value).movie[frame]
        np.testing.assert_array_equal(shown[:, :FRAME_WIDTH], np.repeat(truth[..., None], 3, axis=-1).round())
        assert shown.shape[0] == FRAME_HEIGHT


def test_cursor_moves_with_time(viewer: Viewer) -> None:
    places = []
    for frame in (0, 30, 60):
        viewer.frame.value = frame
        cursor = (picture(viewer.traces.value) == (213, 94, 0)).all(axis=(0, 2))
        places.append(np.flatnonzero(cursor)[0])
    # Frames are as far apart as the seconds that they were shown at.
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=1.5)
    assert places[1] > places[0]


def test_every_choice_can_be_shown(viewer: Viewer) -> None:
    for menu in (viewer.mouse, viewer.trial, viewer.condition, viewer.instances):
        for value in [value for _, value in menu.options]:
            viewer.says.value = ""
            menu.value = value
            viewer.frame.value = 31 if viewer.frame.value == 30 else 30
            assert "video correlation" in viewer.says.value


def test_fewer_instances_give_another_movie(viewer: Viewer) -> None:
    first = viewer.condition.options[0][1]
    viewer.condition.value = first
    viewer.instances.value = 2
    together = viewer.pictures.value
    viewer.instances.value = 1
    assert viewer.pictures.value != together


def test_a_frame_takes_less_than_a_tenth_of_a_second(viewer: Viewer) -> None:
    seconds = []
    for frame in range(30, 60):
        started = time.perf_counter()
        viewer.frame.value = frame
        seconds.append(time.perf_counter() - started)
    assert np.median(seconds) < 0.1
