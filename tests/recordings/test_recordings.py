"""Reading and writing recordings in the Sensorium layout."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from example_recording import FRAMES, NEURONS, TRIALS, write_example

from movrecon_core.errors import RecordingError
from movrecon_core.recordings.recording import LONGEST_GAP, Recording, open_recordings
from movrecon_core.recordings.writer import recording_writer


@pytest.fixture
def mouse(tmp_path: Path) -> Recording:
    return Recording(write_example(tmp_path / "mouse"))


def replace(mouse: Recording, signal: str, trial: int, change) -> None:
    file = mouse.file(signal, trial)
    np.save(file, change(np.load(file)), allow_pickle=False)


def test_layout_is_that_of_the_competition(mouse):
    assert np.load(mouse.path / "data/videos/0.npy").shape == (36, 64, FRAMES)
    assert np.load(mouse.path / "data/responses/0.npy").shape == (NEURONS, FRAMES)
    assert np.load(mouse.path / "data/behavior/0.npy").shape == (2, FRAMES)
    assert np.load(mouse.path / "data/pupil_center/0.npy").shape == (2, FRAMES)
    assert np.load(mouse.path / "meta/trials/tiers.npy").tolist() == ["train"] * 8 + ["oracle"] * 2
    assert np.load(mouse.path / "meta/neurons/unit_ids.npy").shape == (NEURONS,)
    assert np.load(mouse.path / "meta/neurons/cell_motor_coordinates.npy").shape == (NEURONS, 3)
    assert mouse.trials == tuple(range(TRIALS))
    assert mouse.trials_of_tier("oracle") == (8, 9)
    assert mouse.neurons == NEURONS
    assert not mouse.simulated


def test_written_arrays_are_read_back(tmp_path):
    rng = np.random.default_rng(1)
    movie, responses = rng.integers(0, 256, (70, 36, 64)).astype(np.float32), rng.random((3, 70))
    behavior, pupil = rng.random((2, 2, 70))
    with recording_writer(tmp_path / "m") as writer:
        writer.movie(4, movie)
        for name, array in {"responses": responses, "behavior": behavior, "pupil_center": pupil}.items():
            writer.signal(name, 4, array)
        writer.metadata(["none"] * 4 + ["train"], [1, 2, 3], np.zeros((3, 3)))
    trial = Recording(tmp_path / "m").trial(4)
    np.testing.assert_array_equal(trial.movie, movie)
    np.testing.assert_array_equal(trial.responses, responses.astype(np.float32))
    np.testing.assert_array_equal(trial.behavior, behavior.astype(np.float32))
    np.testing.assert_array_equal(trial.pupil_center, pupil.astype(np.float32))


def test_statistics_are_those_of_the_files(mouse):
    arrays = {
        signal: np.stack([np.load(mouse.file(signal, t)) for t in mouse.trials]).astype(float)
        for signal in ("videos", "responses", "behavior", "pupil_center")
    }
    axes = {"videos": None, "responses": (0, 2), "behavior": 0, "pupil_center": 0}
    for signal, array in arrays.items():
        for name in ("mean", "std", "min", "max", "median"):
            found = np.load(mouse.path / f"meta/statistics/{signal}/all/{name}.npy")
            np.testing.assert_allclose(found, getattr(np, name)(array, axis=axes[signal]), rtol=2e-6)


def test_trial_is_cut_at_the_padding(mouse):
    def pad(array):
        return np.concatenate([array[..., :64], np.full_like(array[..., 64:], np.nan)], axis=-1)

    for signal in ("videos", "responses", "behavior", "pupil_center"):
        replace(mouse, signal, 2, pad)
    trial = mouse.trial(2)
    assert trial.frames == 64
    assert {a.shape[-1] for a in (trial.responses, trial.behavior, trial.pupil_center)} == {64}


def test_negative_responses_become_zero_and_are_counted(mouse):
    before = mouse.trial(3).responses

    def subtract(array):
        array[1, 5:9] = -0.01
        return array

    replace(mouse, "responses", 3, subtract)
    trial = mouse.trial(3)
    assert trial.negative_responses == 4
    assert (trial.responses[1, 5:9] == 0).all()
    np.testing.assert_array_equal(np.delete(trial.responses, range(5, 9), 1), np.delete(before, range(5, 9), 1))


@pytest.mark.parametrize("signal", ["videos", "responses", "behavior", "pupil_center"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_invalid_number_is_an_error_that_names_the_file(mouse, signal, value):
    def spoil(array):
        array[(0,) * (array.ndim - 1) + (slice(7, 7 + LONGEST_GAP + 1),)] = value  # too long for a blink
        return array

    replace(mouse, signal, 1, spoil)
    with pytest.raises(RecordingError, match=f"{signal}/1.npy") as error:
        mouse.trial(1)
    assert "\n" not in str(error.value)


def test_truncated_file_is_an_error_that_names_it(mouse):
    file = mouse.file("videos", 6)
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(RecordingError, match=r"videos/6\.npy"):
        mouse.trial(6)
    with pytest.raises(RecordingError, match=r"videos/6\.npy"):
        mouse.movie(6)


def test_pickled_array_is_never_loaded(mouse):
    np.save(mouse.file("responses", 0), np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(RecordingError, match=r"responses/0\.npy"):
        mouse.trial(0)


def test_first_frames_of_a_movie_are_those_of_the_trial(mouse):
    np.testing.assert_array_equal(mouse.movie(5, frames=2), mouse.trial(5).movie[:2])


def test_folder_of_mice_and_single_mice(tmp_path):
    a, b = write_example(tmp_path / "mice" / "a"), write_example(tmp_path / "mice" / "b")
    assert [r.name for r in open_recordings([tmp_path / "mice"])] == ["a", "b"]
    assert [r.name for r in open_recordings([b, a])] == ["b", "a"]
    (tmp_path / "mice" / ".c.partial" / "data").mkdir(parents=True)  # left by a writer that was killed
    assert [r.name for r in open_recordings([tmp_path / "mice"])] == ["a", "b"]
    with pytest.raises(RecordingError, match="no recording here"):
        open_recordings([a / "meta"])
    with pytest.raises(RecordingError, match="no such directory"):
        open_recordings([tmp_path / "absent"])


def test_a_mouse_that_is_given_twice_counts_once(tmp_path):
    mouse = write_example(tmp_path / "mice" / "a")
    (tmp_path / "link").symlink_to(mouse)
    assert [r.name for r in open_recordings([mouse, tmp_path / "mice", tmp_path / "link"])] == ["a"]


def test_an_unreadable_folder_beside_the_mice_is_skipped_and_named(tmp_path, capsys, monkeypatch):
    write_example(tmp_path / "a")
    (tmp_path / "lost+found").mkdir()
    stat = os.stat

    def denied(path, **options):  # root may read everything
        if Path(path).parent.name == "lost+found":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", denied)
    assert [r.name for r in open_recordings([tmp_path])] == ["a"]
    assert capsys.readouterr().err == f"{tmp_path / 'lost+found'}: skipped (Permission denied)\n"


def test_a_name_that_leaves_no_room_for_results_is_refused_at_once(tmp_path):
    write_example(tmp_path / ("m" * 128))
    assert len(open_recordings([tmp_path])) == 1
    too_long = tmp_path / ("ü" * 65)  # 130 bytes
    with pytest.raises(RecordingError, match=r"rename it.* 128 bytes"):
        write_example(too_long)
    write_example(tmp_path / "short").rename(too_long)
    with pytest.raises(RecordingError, match=r"rename it.* 128 bytes"):
        open_recordings([tmp_path])


def test_nothing_is_left_of_a_recording_that_failed(tmp_path):
    def fail() -> None:
        with recording_writer(tmp_path / "m") as writer:
            writer.movie(0, np.zeros((64, 36, 64)))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_recording_is_not_overwritten(tmp_path):
    write_example(tmp_path / "m")
    with pytest.raises(RecordingError, match="exists already"):
        write_example(tmp_path / "m")


def test_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RecordingError, match="cannot be written"):
        write_example(tmp_path / "file" / "mouse")
