"""Every kind of damage is found, all of it in one pass, and named."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from example_recording import FRAMES, NEURONS, TRIALS, write_example
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from movrecon_core.errors import RecordingError
from movrecon_core.recordings import Recording
from movrecon_core.recordings.checks import check_recording, report_recording
from movrecon_core.recordings.folds import held_out_trials
from movrecon_core.recordings.plausibility import Plausibility
from movrecon_core.storage.paths import REPOSITORY


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    return write_example(tmp_path_factory.mktemp("sound") / "mouse")


@pytest.fixture
def mouse(sound, tmp_path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "mouse"))


def change(file: Path, function) -> None:
    np.save(file, function(np.load(file)), allow_pickle=False)


def assigned(index, value):
    def function(array):
        array = array.copy()
        array[index] = value
        return array

    return function


def test_sound_recording_has_no_problem(sound):
    report = report_recording(sound)
    assert check_recording(sound) == []
    assert (report.trials, report.trials_with_responses, report.neurons) == (TRIALS, TRIALS, NEURONS)
    assert report.negative_responses == 0


DAMAGE = {
    "videos/3: unlink": ("data/videos/3.npy", Path.unlink),
    "behavior/3: unlink": ("data/behavior/3.npy", Path.unlink),
    "responses/3: unlink": ("data/responses/3.npy", Path.unlink),
    "responses: no directory": ("data/responses", shutil.rmtree),
    "tiers: unlink": ("meta/trials/tiers.npy", Path.unlink),
    "truncated": ("data/videos/4.npy", lambda f: f.write_bytes(f.read_bytes()[:-100])),
    "empty file": ("data/behavior/4.npy", lambda f: f.write_bytes(b"")),
    "no array": ("data/responses/4.npy", lambda f: f.write_text("text")),
    "pickled": ("data/responses/4.npy", lambda f: np.save(f, np.array([{}], object), allow_pickle=True)),
    "text for numbers": ("data/behavior/4.npy", lambda f: np.save(f, np.array([["a"] * FRAMES] * 2))),
    "complex numbers": ("data/behavior/4.npy", lambda f: change(f, lambda a: a.astype(complex))),
    "shorter behaviour": ("data/behavior/5.npy", lambda f: change(f, lambda a: a[:, :-1])),
    "shorter movie": ("data/videos/5.npy", lambda f: change(f, lambda a: a[..., :-1])),
    "longer movie": ("data/videos/5.npy", lambda f: change(f, lambda a: np.concatenate([a, a], axis=-1))),
    "movie of another size": ("data/videos/5.npy", lambda f: change(f, lambda a: a[:, :60])),
    "movie with time first": ("data/videos/5.npy", lambda f: change(f, lambda a: np.moveaxis(a, -1, 0))),
    "three behaviours": ("data/behavior/5.npy", lambda f: change(f, lambda a: np.concatenate([a, a[:1]]))),
    "flat responses": ("data/responses/5.npy", lambda f: change(f, np.ravel)),
    "fewer neurons": ("data/responses/5.npy", lambda f: change(f, lambda a: a[:-1])),
    "fewer unit ids": ("meta/neurons/unit_ids.npy", lambda f: change(f, lambda a: a[:-1])),
    "flat coordinates": ("meta/neurons/cell_motor_coordinates.npy", lambda f: change(f, lambda a: a[:, :2])),
    "tiers too short": ("meta/trials/tiers.npy", lambda f: change(f, lambda a: a[:-1])),
    "numbers as tiers": ("meta/trials/tiers.npy", lambda f: np.save(f, np.arange(TRIALS))),
    "no tier train": ("meta/trials/tiers.npy", lambda f: change(f, lambda a: np.full_like(a, "oracle"))),
    "tier without files": ("meta/trials/tiers.npy", lambda f: change(f, lambda a: np.append(a, "train"))),
    "not a number": ("data/responses/6.npy", lambda f: change(f, assigned((2, 10), np.nan))),
    "infinite responses": ("data/responses/6.npy", lambda f: change(f, assigned((2, 10), np.inf))),
    "infinity": ("data/videos/6.npy", lambda f: change(f, assigned((3, 4, 10), np.inf))),
    "a neuron without numbers": ("data/responses/6.npy", lambda f: change(f, assigned(2, np.nan))),
    "too bright": ("data/videos/6.npy", lambda f: change(f, assigned((3, 4, 10), 256))),
    "negative grey": ("data/videos/6.npy", lambda f: change(f, assigned((3, 4, 10), -1))),
    "trial name": ("data/videos/first.npy", lambda f: np.save(f, np.zeros((36, 64, FRAMES)))),
    "trial name with zeros": ("data/videos/01.npy", lambda f: np.save(f, np.zeros((36, 64, FRAMES)))),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_named(mouse, damage):
    name, spoil = DAMAGE[damage]
    spoil(mouse / name)
    problems = check_recording(mouse)
    assert problems
    where = {str(p.file) for p in problems}
    # A tier that has no files is a problem of the files that should be there.
    expected = mouse / "data" if damage == "tier without files" else mouse / name
    assert any(file.startswith(str(expected)) for file in where), where
    assert all("\n" not in str(p) for p in problems)


def test_short_trial_is_found(mouse):
    for signal in ("videos", "responses", "behavior", "pupil_center"):
        change(mouse / f"data/{signal}/7.npy", lambda a: a[..., :81])
    assert [(p.file.parent.name, p.found) for p in check_recording(mouse)] == [("responses", "81")]


WIDE = {"responses: no directory", "no tier train", "tiers: unlink"}
"""Damage that leaves nothing to compare other files with."""


@settings(max_examples=50)
@given(chosen=st.sets(st.sampled_from(sorted(set(DAMAGE) - WIDE)), min_size=2, max_size=6))
@example(chosen={"shorter behaviour", "flat responses"})
@example(chosen={"shorter behaviour", "flat responses", "longer movie", "a neuron without numbers"})
@example(chosen={"shorter behaviour", "flat responses", "shorter movie", "a neuron without numbers"})
def test_no_problem_hides_another(sound, tmp_path_factory, chosen):
    by_file = {DAMAGE[damage][0]: damage for damage in sorted(chosen)}  # one damage a file
    mouse = Path(shutil.copytree(sound, tmp_path_factory.mktemp("damaged") / "mouse"))
    for name, damage in by_file.items():
        DAMAGE[damage][1](mouse / name)
    where = [str(p.file) for p in check_recording(mouse)]
    for name, damage in by_file.items():
        expected = mouse / ("data" if damage == "tier without files" else name)
        assert any(file.startswith(str(expected)) for file in where), (damage, where)


def test_trials_whose_responses_were_withheld_are_no_problem(mouse):
    change(mouse / "meta/trials/tiers.npy", lambda a: np.array([*a[:-1], "live_test_main"]))
    (mouse / f"data/responses/{TRIALS - 1}.npy").unlink()
    assert check_recording(mouse) == []


def test_padding_and_negative_responses_are_no_problem(mouse):
    for signal in ("videos", "responses", "behavior", "pupil_center"):
        change(mouse / f"data/{signal}/2.npy", assigned((..., slice(-2, None)), np.nan))
    change(mouse / "data/responses/3.npy", assigned((0, slice(0, 3)), -0.1))
    report = report_recording(mouse)
    assert report.problems == ()
    assert report.negative_responses == 3


def test_missing_directory_is_one_problem(tmp_path):
    assert [p.file for p in check_recording(tmp_path / "absent")] == [tmp_path / "absent"]


# Data that labs bring -----------------------------------------------------------------------------------------------


def found(mouse: Path) -> str:
    """All problems as `movrecon check` prints them."""
    problems = [str(problem) for problem in check_recording(mouse)]
    assert all("\n" not in problem for problem in problems)
    return "\n".join(problems)


def everywhere(mouse: Path, signal: str, function) -> None:
    for file in (mouse / "data" / signal).glob("*.npy"):
        change(file, function)


def test_latin_1_tiers_are_one_line_that_mends_them(mouse):
    file = mouse / "meta/trials/tiers.npy"
    np.save(file, np.array(["train"] * (TRIALS - 1) + ["spät"]))
    np.save(file, np.char.encode(np.load(file), "latin-1"))
    assert "not UTF-8" in found(mouse)
    with pytest.raises(RecordingError, match=r"tiers\.npy: bytes that are not UTF-8") as error:
        _ = Recording(mouse).tiers
    run_advice(str(error.value))
    assert Recording(mouse).tiers[-1] == "spät"


def run_advice(message: str) -> None:
    """Do what the message says."""
    subprocess.run([sys.executable, "-c", re.search(r'python -c "(.+)"', message)[1]], check=True)


def test_tiers_that_are_too_short_are_the_same_line_everywhere(mouse):
    change(mouse / "meta/trials/tiers.npy", lambda a: a[:-1])
    with pytest.raises(RecordingError) as error:
        held_out_trials(Recording(mouse), "tier:oracle")
    assert str(error.value) in found(mouse).splitlines()
    assert "expected 10 tiers, for trials 0 to 9" in found(mouse)


def test_blanks_in_tiers_are_understood_and_capitals_named(mouse):
    change(mouse / "meta/trials/tiers.npy", lambda a: np.array([f"{tier}  " for tier in a]))
    assert found(mouse) == ""
    assert held_out_trials(Recording(mouse), "tier:oracle") == (8, 9)
    change(mouse / "meta/trials/tiers.npy", lambda a: np.array([tier.strip().title() for tier in a]))
    assert "tier 'train', in small letters, found Oracle, Train" in found(mouse)


@pytest.mark.parametrize(
    ("file", "kind"), [("meta/trials/tiers.npy", object), ("data/responses/4.npy", object)], ids=["tiers", "responses"]
)
def test_object_arrays_come_with_their_conversion(mouse, file, kind):
    values = np.load(mouse / file)
    np.save(mouse / file, values.astype(kind), allow_pickle=True)
    message = found(mouse)
    assert "never unpickled" in message
    run_advice(message)
    assert check_recording(mouse) == []
    np.testing.assert_array_equal(np.load(mouse / file), values)


@pytest.mark.parametrize("signal", ["videos", "responses", "behavior"])
@pytest.mark.parametrize("suffix", [".npz", ".mat"])
def test_files_of_another_format_are_one_line_with_their_conversion(mouse, signal, suffix):
    folder = mouse / "data" / signal
    for file in list(folder.glob("*.npy")):
        if suffix == ".npz":
            np.savez_compressed(file.with_suffix(".npz"), np.load(file))
        else:
            savemat(file.with_suffix(".mat"), {"recorded": np.load(file)})
        file.unlink()
    (message,) = found(mouse).splitlines()
    assert message.startswith(f"{folder}: ")
    assert f"10 files <trial>{suffix}" in message
    run_advice(message)
    for file in folder.glob(f"*{suffix}"):
        file.unlink()
    assert check_recording(mouse) == []


def test_a_trial_without_any_file_is_named_beside_those_to_convert(mouse):
    (mouse / "data/videos/4.npy").unlink()
    for file in list((mouse / "data/videos").glob("*.npy")):
        file.rename(file.with_suffix(".mat"))
    assert [problem.file.name for problem in check_recording(mouse)] == ["videos", "4.npy"]


@pytest.mark.parametrize("suffix", [".npz", ".mat"])
def test_tiers_of_another_format_come_with_their_conversion(mouse, suffix):
    file = mouse / "meta/trials/tiers.npy"
    tiers = np.load(file)
    if suffix == ".npz":
        np.savez(file.with_suffix(".npz"), tiers)
    else:
        savemat(file.with_suffix(".mat"), {"tiers": tiers.astype(object)})  # a cell, as MATLAB has names
    file.unlink()
    (message,) = found(mouse).splitlines()
    assert f"no such file; tiers{suffix} can be converted" in message
    with pytest.raises(RecordingError, match=rf"tiers{suffix} can be converted"):
        _ = Recording(mouse).tiers
    run_advice(message)
    np.testing.assert_array_equal(np.load(file), tiers)
    assert check_recording(mouse) == []


@pytest.mark.parametrize("scaled", [lambda a: a / 255, lambda a: (a / 255).astype(np.uint8)], ids=["float", "cut"])
def test_movies_from_0_to_1_are_a_problem(mouse, scaled):
    everywhere(mouse, "videos", scaled)
    assert "expected grey levels 0 .. 255, found at most 1 in all movies" in found(mouse)


def test_some_movies_from_0_to_1_are_a_problem_and_a_black_one_is_none(mouse):
    change(mouse / "data/videos/3.npy", np.zeros_like)
    assert found(mouse) == ""
    change(mouse / "data/videos/4.npy", lambda a: a / 255)
    assert "expected grey levels 0 .. 255, found at most 1 in 1 of 10 movies" in found(mouse)


def test_movies_around_0_are_not_told_to_be_multiplied(mouse):
    everywhere(mouse, "videos", lambda a: a / 127.5 - 1)
    assert "found -1 .. 1" in found(mouse)
    assert "multiply" not in found(mouse)


@pytest.mark.filterwarnings("error")
def test_a_movie_without_a_number_is_one_line_and_no_warning(mouse):
    change(mouse / "data/videos/4.npy", lambda a: np.full_like(a, np.nan))
    assert found(mouse).count("\n") == 0
    assert "videos/4.npy: expected finite numbers" in found(mouse)


def test_movies_that_never_change_are_a_problem(mouse):
    everywhere(mouse, "videos", lambda a: np.full_like(a, 90))
    assert "one grey level throughout" in found(mouse)


def test_one_movie_in_all_trials_is_a_problem_and_a_single_grey_one_is_none(mouse):
    change(mouse / "data/videos/3.npy", lambda a: np.full_like(a, 90))
    assert found(mouse) == ""
    movie = np.load(mouse / "data/videos/4.npy")
    everywhere(mouse, "videos", lambda a: movie)
    assert "the same movie in all 10 trials" in found(mouse)


def test_z_scored_responses_are_a_problem(mouse):
    everywhere(mouse, "responses", lambda a: (a - a.mean(axis=1, keepdims=True)) / a.std(axis=1, keepdims=True))
    assert re.search(r"expected deconvolved activity, >= 0, found 50% of their magnitude below 0", found(mouse))


def test_rounding_below_0_is_no_problem(mouse):
    everywhere(mouse, "responses", lambda a: np.where(a < 0.6, -1e-8, a))
    report = report_recording(mouse)
    assert report.problems == ()
    assert report.negative_responses > 0


def test_silent_recordings_are_a_problem_and_silent_neurons_a_note(mouse):
    everywhere(mouse, "responses", assigned((slice(0, 2),), 0))
    report = report_recording(mouse)
    assert (report.problems, report.silent_neurons) == ((), 2)
    assert "2 neurons that never respond" in report.notes()
    everywhere(mouse, "responses", np.zeros_like)
    assert "0 in all trials" in found(mouse)


def test_transposed_responses_are_one_line_that_mends_them(mouse):
    everywhere(mouse, "responses", np.transpose)
    (message,) = found(mouse).splitlines()
    assert "expected shape (neurons, frames), found shape (frames, neurons) in 10 trials; transpose them" in message
    assert report_recording(mouse).neurons == NEURONS
    run_advice(message)
    assert check_recording(mouse) == []


def test_transposed_responses_hide_no_other_problem(mouse):
    everywhere(mouse, "responses", np.transpose)
    change(mouse / "data/responses/6.npy", assigned((10, 2), np.nan))
    assert [problem.file.name for problem in check_recording(mouse)] == ["responses", "6.npy"]


def test_as_many_neurons_as_frames_are_not_taken_for_transposed(mouse):
    everywhere(mouse, "responses", lambda a: np.random.default_rng(1).random((FRAMES, FRAMES)))
    for file in (mouse / "meta/neurons").glob("*.npy"):
        file.unlink()
    assert found(mouse) == ""


def test_responses_that_never_change_are_a_problem(mouse):
    everywhere(mouse, "responses", lambda a: np.full_like(a, 7))
    assert "expected responses that change, found one value throughout" in found(mouse)
    assert found(mouse).count("\n") == 0


@pytest.mark.parametrize(("factor", "advice"), [(1e-3, "100000"), (1e6, "0.0001")])
def test_another_unit_of_responses_is_named_with_its_factor(mouse, factor, advice):
    everywhere(mouse, "responses", lambda a: a * factor)
    assert f"multiply all responses by {advice}" in found(mouse)


def test_real_mice_have_a_scale_without_problem():
    """The s.d. of the article's ten mice: 8 to 15, median over neurons."""
    for scale in (8.05, 15.04):
        plausibility = Plausibility(Path("mouse"))
        plausibility.responses(scale * np.random.default_rng(0).standard_gamma(0.05, (50, 4000)) / np.sqrt(0.05))
        assert plausibility.findings() == []


def test_blinks_are_interpolated_and_counted(mouse):
    change(mouse / "data/pupil_center/3.npy", assigned((slice(None), slice(20, 26)), np.nan))
    change(mouse / "data/behavior/3.npy", assigned((0, slice(0, 4)), np.nan))
    report = report_recording(mouse)
    assert (report.problems, report.filled_frames) == ((), 10)
    assert "10 frames of pupil or running interpolated" in report.notes()
    trial, before = Recording(mouse).trial(3), np.load(mouse / "data/pupil_center/3.npy")
    assert trial.filled_frames == 10
    line = before[:, 19] + np.arange(1, 7)[:, None] / 7 * (before[:, 26] - before[:, 19])
    np.testing.assert_allclose(trial.pupil_center[:, 20:26].T, line, atol=1e-6)
    np.testing.assert_array_equal(trial.behavior[0, :4], np.full(4, trial.behavior[0, 4]))
    change(mouse / "data/pupil_center/3.npy", assigned((slice(None), slice(20, 60)), np.nan))
    assert "but for gaps of 30 frames at most" in found(mouse)


@pytest.mark.parametrize("how", ["no folder", "NaN"])
def test_a_recording_without_pupil_is_allowed_and_says_so(mouse, how):
    everywhere(mouse, "behavior", assigned((0,), np.nan))
    if how == "no folder":
        shutil.rmtree(mouse / "data/pupil_center")
    else:
        everywhere(mouse, "pupil_center", lambda a: np.full_like(a, np.nan))
    report, recording = report_recording(mouse), Recording(mouse)
    assert report.problems == ()
    assert report.missing_signals == recording.missing_signals == ("pupil dilation", "pupil position")
    assert "pupil position not recorded, read as 0" in report.notes()
    trial = recording.trial(2)
    assert not trial.pupil_center.any()
    assert not trial.behavior[0].any()
    np.testing.assert_array_equal(trial.behavior[1], np.load(mouse / "data/behavior/2.npy")[1].astype(np.float32))


def test_a_signal_that_is_missing_in_the_first_trial_alone_is_a_problem(mouse):
    change(mouse / "data/behavior/0.npy", assigned((0,), np.nan))
    assert "behavior/1.npy: expected no pupil dilation, NaN throughout as in the first trial" in found(mouse)
    assert found(mouse).count("\n") == 0


def test_files_of_macos_are_ignored_and_counted(mouse):
    for signal in ("videos", "responses"):
        for trial in range(TRIALS):
            (mouse / f"data/{signal}/._{trial}.npy").write_bytes(b"\0\5\26\7")
        (mouse / f"data/{signal}/.DS_Store").write_bytes(b"\0\0\0\1Bud1")
    report = report_recording(mouse)
    assert (report.problems, report.ignored_files) == ((), 2 * TRIALS + 2)
    assert Recording(mouse).trials == tuple(range(TRIALS))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("0009.npy", "9.npy"), ("trial_3.npy", "3.npy"), ("first.npy", "12.npy for"), ("9.NPY", "9.npy; rename")],
)
def test_odd_names_say_what_to_rename(mouse, name, wanted):
    (mouse / "data/responses/9.npy").rename(mouse / f"data/responses/{name}")
    assert f"a trial number as name: {wanted}" in found(mouse)
    assert "rename it" in found(mouse)


@pytest.mark.parametrize(
    ("mean", "told"),
    [
        (np.zeros(7), "expected numbers of shape (2, frames), found float64 (7,)"),
        (np.full((2, 9), np.nan), "or no such file, found no frame without NaN"),
    ],
    ids=["shape", "NaN"],
)
def test_a_stated_mean_that_cannot_be_used_is_found_before_anything_is_computed(mouse, mean, told):
    """It is needed for synthetic movies, hours later."""
    file = mouse / "meta/statistics/behavior/all/mean.npy"
    np.save(file, mean)
    assert told in found(mouse)
    assert found(mouse).startswith(str(file))
    assert found(mouse).count("\n") == 0


def test_a_recording_with_exactly_the_files_of_the_page(mouse):
    page = (REPOSITORY / "jupyter-book/own-recording.md").read_text()
    listed = re.findall(r"^<mouse>/(\S+)", page, re.MULTILINE)
    kept = {file.replace("<trial>", str(trial)) for file in listed for trial in range(TRIALS)}
    for file in [path for path in mouse.rglob("*") if path.is_file()]:
        if str(file.relative_to(mouse)) not in kept:
            file.unlink()
    assert not (mouse / "meta/neurons/unit_ids.npy").exists()
    assert check_recording(mouse) == []
    assert Recording(mouse).trial(0).frames == FRAMES
