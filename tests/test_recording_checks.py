"""Every kind of damage is found, all of it in one pass, and named."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from example_recording import FRAMES, NEURONS, TRIALS, write_example
from hypothesis import example, given, settings
from hypothesis import strategies as st

from movrecon_core.recording_checks import check_recording, report_recording


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
    "pupil: no directory": ("data/pupil_center", shutil.rmtree),
    "tiers: unlink": ("meta/trials/tiers.npy", Path.unlink),
    "unit ids: unlink": ("meta/neurons/unit_ids.npy", Path.unlink),
    "coordinates: unlink": ("meta/neurons/cell_motor_coordinates.npy", Path.unlink),
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
        change(mouse / f"data/{signal}/7.npy", lambda a: a[..., :63])
    assert [(p.file.parent.name, p.found) for p in check_recording(mouse)] == [("responses", "63")]


WIDE = {"responses: no directory", "pupil: no directory", "no tier train", "tiers: unlink"}
"""Damage that leaves nothing to compare other files with."""


@settings(max_examples=25)
@given(chosen=st.sets(st.sampled_from(sorted(set(DAMAGE) - WIDE)), min_size=2, max_size=6))
@example(chosen={"shorter behaviour", "flat responses"})
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
