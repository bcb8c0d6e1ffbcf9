"""Plans: units in closed form, parts that hold each other, and encoders that know nothing of what is left out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from movrecon_core.decoders import learn_ridge
from movrecon_core.errors import ReconstructionError
from movrecon_core.recordings import Recording, load_array
from movrecon_core.recordings.folds import split_trials
from movrecon_core.simulation import SimulationConfig, simulate_mouse
from movrecon_core.study import Study, open_study
from movrecon_core.study.planned_recording import keep_part
from movrecon_core.study.plans import Plan, kept_movies, kept_neurons, planned, plans_of
from movrecon_core.study.settings import PlanningSettings
from movrecon_core.study.stages.planning import PLANNING
from movrecon_core.study.worker import Worker

pytestmark = pytest.mark.usefixtures("single")

SETTINGS = PlanningSettings(
    densities=(6.0, 3.0, 900.0),
    areas=(0.2, 0.1),
    planes=(10, 5),
    minutes=(0.5, 0.25),
    indicators=("jGCaMP8s",),
    movies=1,
)


@pytest.fixture
def places() -> np.ndarray:
    """Neurons of ten planes, evenly over 620 x 620 micrometres."""
    random = np.random.default_rng(0)
    return np.stack([*random.uniform(-310, 310, (2, 4000)), np.repeat(np.arange(200, 450, 25), 400)], axis=1)


def test_neurons_are_density_times_area_times_planes(places: np.ndarray) -> None:
    plan = Plan(density=500.0, area=0.25, planes=4, minutes=10.0)
    kept = places[kept_neurons(places, plan, seed=0)]
    assert len(kept) == plan.neurons == 500
    assert len(np.unique(kept[:, 2])) == 4
    assert np.ptp(kept[:, :2], axis=0) == pytest.approx([500, 500], abs=10)  # a square of half a millimetre


@pytest.mark.parametrize("more", [{"density": 600.0}, {"planes": 8}])
def test_a_plan_for_more_holds_the_one_for_less(places: np.ndarray, more: dict[str, Any]) -> None:
    less = Plan(density=300.0, area=0.25, planes=4, minutes=10.0)
    few = set(kept_neurons(places, less, seed=0))
    many = set(kept_neurons(places, replace(less, **more), seed=0))
    assert len(many) == 2 * len(few)
    if "density" in more:
        assert few < many
    else:
        assert {places[n, 2] for n in few} < {places[n, 2] for n in many}


@pytest.mark.parametrize("more", [{"density": 2000.0}, {"planes": 11}, {"area": 0.5}])
def test_what_was_not_recorded_cannot_be_planned(places: np.ndarray, more: dict[str, Any]) -> None:
    with pytest.raises(ReconstructionError, match=" of "):
        kept_neurons(places, replace(Plan(500.0, 0.25, 4, 10.0), **more), seed=0)


def test_movies_of_ten_seconds_fill_minutes() -> None:
    assert kept_movies(np.full(66, 300), 5.0) == 30
    assert kept_movies(np.full(60, 300), 10.0) == 60
    assert kept_movies(np.array([300, 600, 900]), 0.9) == 2
    with pytest.raises(ReconstructionError, match=r"11 minutes of 10\.0"):
        kept_movies(np.full(60, 300), 11.0)
    with pytest.raises(ReconstructionError, match="fewer than two"):
        kept_movies(np.full(60, 300), 0.2)


def test_one_thing_is_changed_at_a_time() -> None:
    base, *others = plans_of(SETTINGS)
    assert base == Plan(6.0, 0.2, 10, 0.5)
    assert [plan.changed_from(base) for plan in others] == [
        *("density", "density", "area", "planes", "minutes", "indicator")
    ]
    assert len({plan.name for plan in (base, *others)}) == 7


def planning(out: Path) -> Study:
    study = open_study(out)
    return replace(study, profile=study.profile.model_copy(update={"planning": SETTINGS}))


def plan_base(study: Study, mouse: int = 0) -> xr.Dataset:
    return perform(study, mouse, plans_of(SETTINGS)[0])


def perform(study: Study, mouse: int, plan: Plan) -> xr.Dataset:
    (task,) = [task for task in PLANNING.tasks(study) if task.keys == ((mouse, plan),)]
    PLANNING.perform(Worker(study, torch.device("cpu")), task)
    return study.result("planning", mouse, plan)


def responses(recording: Recording) -> dict[int, np.ndarray]:
    return {trial: np.load(recording.file("responses", trial)) for trial in recording.trials}


def test_encoders_know_nothing_of_neurons_and_minutes_that_are_left_out(copied: Path) -> None:
    study = planning(copied)
    plan, recording = plans_of(SETTINGS)[0], study.recordings[0]
    untouched = plan_base(study)
    assert untouched.attrs["neurons"] == plan.neurons == 12
    coordinates = np.load(recording.path / "meta" / "neurons" / "cell_motor_coordinates.npy")
    kept = kept_neurons(coordinates, plan, study.profile.seed)
    training = study.trials.of_role(0, "training")
    used = {*training[:10], *study.trials.reconstructed(0)[:1]}  # half a minute: ten movies of 3 s
    random = np.random.default_rng(0)
    for trial, values in responses(recording).items():
        other = random.gamma(1.0, 5.0, values.shape).astype(np.float32)
        if trial in used:
            other[kept] = values[kept]
        np.save(recording.file("responses", trial), other)
    study.store.path(study.unit("planning", 0, plan)).unlink()
    changed = perform(study, 0, plan)
    np.testing.assert_array_equal(changed["video_correlation"], untouched["video_correlation"])
    assert changed.attrs["single_trial_correlation"] == untouched.attrs["single_trial_correlation"]


def test_a_plan_for_more_than_was_recorded_says_so(copied: Path) -> None:
    study = planning(copied)
    dense = plans_of(SETTINGS)[2]
    assert "1800 neurons of " in perform(study, 0, dense).attrs["left_out"]


def test_another_indicator_is_for_simulated_mice_alone(copied: Path) -> None:
    study = planning(copied)
    assert sum(plan.indicator is not None for _, plan in planned(study)) == 2
    (study.recordings[0].path / "meta" / "simulated.json").unlink()
    assert [mouse for mouse, plan in planned(study) if plan.indicator is not None] == [1]


def test_imaged_again_the_same_neurons_say_the_same(copied: Path, tmp_path: Path) -> None:
    """With the recording's own indicator as many spikes are seen, in the same places of the movies."""
    recording = planning(copied).recordings[0]
    everyone = np.arange(recording.neurons)
    again = keep_part(recording, recording.trials, everyone, "GCaMP6s", tmp_path / "6s", seed=0)
    faster = keep_part(recording, recording.trials, everyone, "GCaMP6f", tmp_path / "6f", seed=0)
    before, after, fast = (np.concatenate(list(responses(r).values()), axis=1) for r in (recording, again, faster))
    assert after.mean() == pytest.approx(before.mean(), rel=0.15)
    truth = [np.load(recording.path / "truth" / "noise_free_responses" / f"{t}.npy") for t in recording.trials]
    expected = np.concatenate(truth, axis=1)

    def likeness(found: np.ndarray) -> float:
        return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(expected, found, strict=True) if b.std() > 0]))

    assert likeness(after) == pytest.approx(likeness(before), abs=0.06)
    assert fast.shape == before.shape
    assert not np.array_equal(fast, after)


def test_more_minutes_and_more_neurons_find_movies_better(tmp_path: Path) -> None:
    """Where data are few, of what ridge regression, from which movies start, makes of held-out ones on average."""
    size: dict[str, Any] = {
        "mice": 1,
        "trials": 42,
        "frames": 90,
        "neurons": 160,
        "oracle_trials": 0,
        "repeats": 1,
        "ceiling": 0.6,
    }
    mouse = simulate_mouse(tmp_path, SimulationConfig(**size), seed=3)
    split, places = split_trials(mouse, "fold:0"), load_array(mouse.path / "meta/neurons/cell_motor_coordinates.npy")
    found = {}
    for name, density, minutes in (("base", 10.0, 0.4), ("minutes", 10.0, 1.6), ("neurons", 40.0, 0.4)):
        plan = Plan(density, 0.36, 10, minutes)
        training = split.training[: kept_movies(np.full(len(split.training), 90), minutes)]
        neurons = kept_neurons(places, plan, seed=0)
        part = keep_part(mouse, (*training, *split.held_out), neurons, None, tmp_path / name, seed=0)
        decoder = learn_ridge([part.trial(trial) for trial in training])
        shown = [part.trial(trial) for trial in split.held_out]
        found[name] = np.mean([np.corrcoef(t.movie.ravel(), decoder.decode(t.responses).ravel())[0, 1] for t in shown])
    assert found["minutes"] > found["base"]
    assert found["neurons"] > found["base"]
