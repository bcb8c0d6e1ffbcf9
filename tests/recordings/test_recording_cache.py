"""The cache of training trials: the same numbers as the files, made again when they change, whole or not there."""

import errno
import fcntl
import os
from pathlib import Path

import numpy as np
import pytest
from example_recording import FRAMES, NEURONS, write_example
from hypothesis import given
from hypothesis import strategies as st

from movrecon_core.errors import RecordingError, StoreError
from movrecon_core.recordings import Recording
from movrecon_core.recordings import cache as recording_cache
from movrecon_core.recordings.cache import TrialCache, cached_trials
from movrecon_core.study.profile import parse_profile
from movrecon_core.study.study import Study

TRIALS = (1, 4, 7)


@pytest.fixture
def mouse(tmp_path: Path) -> Recording:
    return Recording(write_example(tmp_path / "mouse"))


def same(cache: TrialCache, mouse: Recording) -> None:
    """Every number of the cached trials is the recording's."""
    found = list(cache.trials())
    assert [trial.index for trial in found] == list(TRIALS)
    for trial in found:
        source = mouse.trial(trial.index)
        for name in ("movie", "responses", "behavior", "pupil_center"):
            np.testing.assert_array_equal(getattr(trial, name), getattr(source, name))


def changed(mouse: Recording, signal: str, trial: int, change: float) -> None:
    array = np.load(mouse.file(signal, trial))
    array[..., 3] += change
    np.save(mouse.file(signal, trial), array)


def test_a_cache_holds_what_the_files_hold(mouse: Recording, tmp_path: Path) -> None:
    cache = cached_trials(mouse, TRIALS, tmp_path / "cache")
    same(cache, mouse)
    assert cache.movies.dtype == np.uint8
    assert cache.responses.shape == (3 * FRAMES, NEURONS)


@given(trial=st.sampled_from(TRIALS), first=st.integers(0, 40), span=st.integers(1, 26), step=st.integers(1, 3))
def test_stretches(tmp_path_factory: pytest.TempPathFactory, trial: int, first: int, span: int, step: int) -> None:
    folder = tmp_path_factory.getbasetemp() / "shared"
    mouse = Recording(folder / "mouse" if folder.exists() else write_example(folder / "mouse"))
    movie, responses, behavior = cached_trials(mouse, TRIALS, folder / "cache").stretch(trial, first, span, step)
    source, frames = mouse.trial(trial), slice(first, first + span, step)
    np.testing.assert_array_equal(movie, source.movie[frames])
    np.testing.assert_array_equal(responses.T, source.responses[:, frames])
    np.testing.assert_array_equal(behavior.T, np.concatenate([source.behavior, source.pupil_center])[:, frames])


def test_padding_negative_values_and_trials_of_other_lengths(mouse: Recording, tmp_path: Path) -> None:
    responses = np.load(mouse.file("responses", 4))
    responses[:, 50:] = np.nan
    responses[0, 3] = -0.5
    np.save(mouse.file("responses", 4), responses)
    cache = cached_trials(mouse, TRIALS, tmp_path / "cache")
    assert cache.lengths == {1: FRAMES, 4: 50, 7: FRAMES}
    same(cache, mouse)
    assert cache.responses.min() == 0


def test_fractional_grey_levels_are_kept(mouse: Recording, tmp_path: Path) -> None:
    changed(mouse, "videos", 7, -0.3)
    exact = cached_trials(mouse, TRIALS, tmp_path / "cache")
    same(exact, mouse)
    half = cached_trials(mouse, TRIALS, tmp_path / "cache", "half")
    assert half.movies.dtype == np.float16
    np.testing.assert_allclose(half.movies.astype(float), exact.movies, atol=1 / 16)


def test_it_is_made_once(mouse: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached_trials(mouse, TRIALS, tmp_path / "cache")
    os.utime(mouse.file("responses", 1))  # newer, but the same content
    monkeypatch.setattr(Recording, "trial", lambda *_: pytest.fail("read again"))
    cached_trials(mouse, TRIALS, tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").iterdir() if path.name.endswith(".partial")]


@pytest.mark.parametrize("signal", ["videos", "responses", "behavior", "pupil_center"])
def test_it_is_made_again_when_a_source_changes(mouse: Recording, tmp_path: Path, signal: str) -> None:
    cached_trials(mouse, TRIALS, tmp_path / "cache")
    changed(mouse, signal, 4, 1 if signal != "videos" else -1)
    array = np.load(mouse.file("videos", 4))
    np.save(mouse.file("videos", 4), np.clip(array, 0, 255))
    same(cached_trials(mouse, TRIALS, tmp_path / "cache"), mouse)


@pytest.mark.parametrize("damage", ["cut", "no manifest", "manifest of nonsense"])
def test_it_is_made_again_when_damaged(mouse: Recording, tmp_path: Path, damage: str) -> None:
    cached_trials(mouse, TRIALS, tmp_path / "cache")
    (folder,) = (path for path in (tmp_path / "cache").iterdir() if path.is_dir())
    if damage == "cut":
        with (folder / "responses.raw").open("ab") as file:
            file.truncate(100)
    elif damage == "no manifest":
        (folder / "manifest.json").unlink()
    else:
        (folder / "manifest.json").write_text("[3]")
    same(cached_trials(mouse, TRIALS, tmp_path / "cache"), mouse)


def test_a_link_to_another_folder_is_another_source(mouse: Recording, tmp_path: Path) -> None:
    """Even where its files are as large and as old."""
    videos = mouse.path / "data" / "videos"
    first, second = tmp_path / "first", tmp_path / "second"
    videos.rename(first)
    second.mkdir()
    for file in first.iterdir():
        np.save(second / file.name, 255 - np.load(file))
        status = file.stat()
        os.utime(second / file.name, ns=(status.st_atime_ns, status.st_mtime_ns))
    videos.symlink_to(first)
    study = Study(tmp_path, parse_profile({"name": "links"}, "test"), (mouse,), "fold:0")
    same(cached_trials(mouse, TRIALS, tmp_path / "cache"), mouse)
    digest = study.trials.digest_of_recording(0)
    assert study.trials.digest_of_recording(0) == digest
    videos.unlink()
    videos.symlink_to(second)
    same(cached_trials(mouse, TRIALS, tmp_path / "cache"), mouse)
    assert study.trials.digest_of_recording(0) != digest


def test_a_signal_that_is_added_later_is_read(mouse: Recording, tmp_path: Path) -> None:
    folder = mouse.path / "data" / "pupil_center"
    folder.rename(tmp_path / "away")
    without = Recording(mouse.path)
    same(cached_trials(without, TRIALS, tmp_path / "cache"), without)
    (tmp_path / "away").rename(folder)
    same(cached_trials(mouse, TRIALS, tmp_path / "cache"), mouse)


def test_a_killed_run_leaves_no_cache(mouse: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = recording_cache._read

    def killed(recording: Recording, index: int, sources: dict) -> object:
        if index == 7:
            raise KeyboardInterrupt
        return read(recording, index, sources)

    with monkeypatch.context() as patch:
        patch.setattr(recording_cache, "_read", killed)
        with pytest.raises(KeyboardInterrupt):
            cached_trials(mouse, TRIALS, tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]
    same(cached_trials(mouse, TRIALS, tmp_path / "cache"), mouse)


def test_other_trials_have_their_own(mouse: Recording, tmp_path: Path) -> None:
    first = cached_trials(mouse, TRIALS, tmp_path / "cache")
    second = cached_trials(mouse, (0, 1), tmp_path / "cache")
    assert set(second.lengths) == {0, 1}
    same(first, mouse)


def test_responses_beyond_half_precision_are_an_error(mouse: Recording, tmp_path: Path) -> None:
    changed(mouse, "responses", 1, 1e6)
    with pytest.raises(RecordingError, match=r"responses/1\.npy: .*does not fit half precision.*training\.cache"):
        cached_trials(mouse, TRIALS, tmp_path / "cache", "half")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS])
def test_a_file_system_without_locks_is_named(
    mouse: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(StoreError, match=r"cache: its file system has no locks .*choose a folder"):
        cached_trials(mouse, TRIALS, tmp_path / "cache")


def test_a_folder_that_cannot_be_written_is_named(mouse: Recording, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(RecordingError, match="cache cannot be written"):
        cached_trials(mouse, TRIALS, tmp_path / "cache")
