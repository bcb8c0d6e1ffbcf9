"""Conditions of a reconstruction: their targets, their names, what depends on what, and units that fail alone."""

import dataclasses

import numpy as np
import pytest
import torch
import xarray as xr
import yaml

from movrecon_core.analysis import video_correlation
from movrecon_core.encoders.checkpoints import load_checkpoint
from movrecon_core.encoders.inputs import crop_movie, encoder_inputs
from movrecon_core.encoders.prediction import predict
from movrecon_core.errors import MovreconError, ReconstructionError
from movrecon_core.figures import fig5_population, rows_table
from movrecon_core.figures.fig2_performance import performance
from movrecon_core.figures.fig3_ensembling import ensemble_sizes
from movrecon_core.figures.fig5_population import population_sizes
from movrecon_core.stimuli import GratingStimulus, NoiseStimulus, grating_movie, noise_movie
from movrecon_core.storage.cost import Cost
from movrecon_core.study import Study, open_study
from movrecon_core.study import study as study_module
from movrecon_core.study.conditions import (
    OWN_PREDICTION,
    PREDICTED,
    RECORDED,
    SYNTHETIC_TRUTH,
    TRUTH_KNOWN,
    UNSHARED,
    VARIATIONS,
    Condition,
)
from movrecon_core.study.profile import parse_profile
from movrecon_core.study.run.pipeline import run_study
from movrecon_core.study.run.schedulers import run_stages
from movrecon_core.study.run.schedulers.local import Local
from movrecon_core.study.settings import ResolutionSettings
from movrecon_core.study.stage import Stage, Task
from movrecon_core.study.stages import STAGES, reconstructions
from movrecon_core.study.stages.reconstructions import RECONSTRUCTIONS
from movrecon_core.study.targets import build_target, kept_neurons
from movrecon_core.study.worker import Worker

TINY = yaml.safe_load("""
name: tiny
trials_per_mouse: 2
instances: 2
batch_trials: 3
simulation: {mice: 1, trials: 14, neurons: 30, frames: 90, oracle_trials: 0}
training: {batch: 2, segment_frames: 64, segments_per_epoch: 16, warm_up_epochs: 1, cosine_epochs: 2,
           learning_rate: 3.0e-3, ema_decay: 0.9, mixed_precision: false}
mask: {iterations: 20, learning_rate: 300.0}
receptive_fields: {pixel_step: 4}
reconstruction: {iterations: 4, window_frames: null}
variations: {trials_per_mouse: 1}
population: {trials_per_mouse: 1, fractions: [0.25, 0.5]}
noise: {lengths: [1.0], durations: [2.0], samples: 1, mice: 1}
gratings: {directions: [0.0], spatial_frequencies: [0.0625], temporal_frequencies: [1.875], mice: 1}
""")
NOISE, GRATING = NoiseStimulus(1.0, 2.0), GratingStimulus(0.0, 0.0625, 1.875)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    out = tmp_path_factory.mktemp("conditions")
    run_study(parse_profile(TINY, "tiny"), out, device="cpu")
    return open_study(out)


@pytest.fixture
def encoders(study: Study) -> list:
    return [load_checkpoint(path, CPU) for path in study.checkpoints]


def with_profile(study: Study, **changes: object) -> Study:
    content = {**TINY, **{key: {**TINY.get(key, {}), **value} for key, value in changes.items()}}
    return dataclasses.replace(study, profile=parse_profile(content, "changed"))


def target(study: Study, encoders: list, movie: object, condition: Condition, instance: int = 0):
    return build_target(study, 0, movie, condition, [encoders[instance]], encoders)


def test_names_tell_conditions_apart() -> None:
    assert [c.name for c in (RECORDED, PREDICTED, OWN_PREDICTION)] == ["recorded", "ensemble", "predicted"]
    assert Condition(neurons=0.125, dropped="missing").name == "recorded-neurons-0.125-missing"
    chosen = Condition(neurons=0.125, dropped="missing", chosen="spread")
    assert chosen.name == "recorded-neurons-0.125-missing-spread"
    assert (chosen.first_instance, UNSHARED.first_instance, RECORDED.first_instance) == (True, True, False)
    microscopes = ResolutionSettings(indicators=("GCaMP6f", "jGCaMP8s"), scan_rates=(15.0, 30.0)).microscopes
    conditions = (RECORDED, PREDICTED, *VARIATIONS, *TRUTH_KNOWN, *SYNTHETIC_TRUTH[1:2], *microscopes, UNSHARED, chosen)
    names = [c.name for c in conditions]
    assert len(set(names)) == len(names)
    assert [c.name.removeprefix("noisy-through-neurons") for c in microscopes[:5]] == [
        *("", "-GCaMP6f", "-jGCaMP8s", "-scan-15-Hz", "-scan-30-Hz")
    ]
    assert all(c.needs_truth for c in microscopes)
    assert ResolutionSettings().microscopes == ()


def test_another_microscope_sees_a_simulation_see_synthetic_movies_alone(study: Study, encoders: list) -> None:
    for movie, seen in ((study.trials.reconstructed(0)[0], "noise-free"), (NOISE, "predicted")):
        with pytest.raises(ReconstructionError, match="another microscope sees noise-free or noisy responses"):
            target(study, encoders, movie, Condition(target=seen, scan_rate=15.0))


def test_recorded_and_predicted_targets(study: Study, encoders: list) -> None:
    trial = study.trial(0, study.trials.reconstructed(0)[0])
    found = target(study, encoders, trial.index, RECORDED)
    np.testing.assert_array_equal(found.responses, trial.responses)
    np.testing.assert_array_equal(found.truth, trial.movie)
    np.testing.assert_array_equal(found.update_mask, study.results.alpha(0) >= 0.5)
    np.testing.assert_array_equal(found.evaluation_mask, study.results.alpha(0) >= 1)
    assert found.neurons_in_loss is None

    inputs = encoder_inputs(trial.movie, trial.behavior, trial.pupil_center)
    predicted = [predict(encoder, inputs, 0).numpy() for encoder in encoders]
    for instance in (0, 1):
        found = target(study, encoders, trial.index, OWN_PREDICTION, instance)
        np.testing.assert_allclose(found.responses, predicted[instance], rtol=1e-6)
    found = target(study, encoders, trial.index, PREDICTED)
    np.testing.assert_allclose(found.responses, np.mean(predicted, axis=0), rtol=1e-5)


def test_masks(study: Study, encoders: list) -> None:
    trial, alpha = study.trials.reconstructed(0)[0], study.results.alpha(0)
    np.testing.assert_array_equal(target(study, encoders, trial, Condition(mask="none")).update_mask, alpha >= 0)
    np.testing.assert_array_equal(target(study, encoders, trial, Condition(mask="strict")).update_mask, alpha >= 1)


def test_neurons_are_silent_or_missing(study: Study, encoders: list) -> None:
    number = study.trials.reconstructed(0)[0]
    recorded = study.trial(0, number).responses
    kept = {fraction: kept_neurons(study, 0, number, Condition(neurons=fraction)) for fraction in (0.25, 0.5)}
    # The scripts' draw: uniform numbers of the seed (place in the fold's list + 1) · (mouse + 1)
    place = study.trials.of_fold(0).index(number)
    uniform = torch.rand(30, generator=torch.Generator().manual_seed(place + 1)).numpy()
    np.testing.assert_array_equal(kept[0.25], uniform >= 0.75)
    assert (kept[0.5] | ~kept[0.25]).all()  # the smaller population is a part of the larger one

    silent = target(study, encoders, number, Condition(neurons=0.25))
    assert silent.neurons_in_loss is None
    np.testing.assert_array_equal(silent.responses, recorded * kept[0.25][:, None])
    missing = target(study, encoders, number, Condition(neurons=0.25, dropped="missing"), instance=1)
    np.testing.assert_array_equal(missing.neurons_in_loss, kept[0.25])
    np.testing.assert_array_equal(missing.responses, recorded)


def test_exchanged_neurons(study: Study, encoders: list) -> None:
    number = study.trials.reconstructed(0)[0]
    recorded = study.trial(0, number).responses
    shuffled = [target(study, encoders, number, Condition(shuffled=True), i).responses for i in (0, 1)]
    np.testing.assert_array_equal(*shuffled)
    assert not np.array_equal(shuffled[0], recorded)
    order = [np.lexsort(responses.T[::-1]) for responses in (recorded, shuffled[0])]
    np.testing.assert_array_equal(recorded[order[0]], shuffled[0][order[1]])


@pytest.mark.parametrize(("stimulus", "movie"), [(NOISE, noise_movie(NOISE, 0)), (GRATING, grating_movie(GRATING))])
def test_synthetic_stimuli_are_seen_with_mean_behaviour(
    study: Study, encoders: list, stimulus: object, movie: np.ndarray
) -> None:
    found = target(study, encoders, stimulus, OWN_PREDICTION)
    np.testing.assert_array_equal(found.truth, movie)
    for name in ("behavior", "pupil_center"):
        values = np.load(study.recordings[0].path / f"meta/statistics/{name}/all/mean.npy").max(axis=1)
        np.testing.assert_allclose(getattr(found, name), np.repeat(values[:, None], 60, axis=1), rtol=1e-5)
    inputs = encoder_inputs(movie, found.behavior, found.pupil_center)
    np.testing.assert_allclose(found.responses, predict(encoders[0], inputs, 0).numpy(), rtol=1e-6)


def test_everything_wanted_is_there(study: Study) -> None:
    wanted = list(study.asked.reconstructions())
    # 2 movies recorded and predicted; of one 5 variations and 2 fractions in both readings; a stimulus of each kind,
    # noise in both phases, from both targets
    assert len(wanted) == 2 * 2 + 5 + 2 * 2 + 2 * 2 + 2
    names = [unit.name for w in wanted for unit in study.results.reconstruction_units(*w)]
    assert len(set(names)) == len(names) == 2 * len(wanted) - 1
    for mouse, movie, condition in wanted:
        instances = 1 if condition.gradients == "ensemble" else 2
        frames = 90 if isinstance(movie, int) else 60
        assert study.results.instance_movies(mouse, movie, condition).shape == (instances, frames, 64, 64)


def test_correlation_is_stored_with_every_iteration(study: Study) -> None:
    number = study.trials.reconstructed(0)[0]
    stored = study.store.require(study.unit("reconstructions", 0, number, 1, RECORDED))
    assert stored["loss"].shape == stored["video_correlation"].shape == (4,)
    assert np.isnan(stored["video_correlation"][0])  # the first iteration leaves the movie grey
    movie = crop_movie(stored["movie"].values)
    expected = video_correlation(study.movie(0, number)[30:], movie[30:], crop_movie(study.results.evaluation_mask(0)))
    assert stored["video_correlation"].values[-1] == pytest.approx(expected, abs=1e-4)


def test_dropped_neurons_do_not_count(study: Study) -> None:
    """The stored loss of the first iteration, from its definition: mean of ŷ − y log(ŷ + 1e-8) over kept neurons."""
    number = study.trials.reconstructed(0)[0]
    condition = Condition(neurons=0.5, dropped="missing")
    trial = study.trial(0, number)
    encoder = load_checkpoint(study.checkpoint(0), CPU)
    grey = torch.full((90, 64, 64), 127.5)
    inputs = encoder_inputs(trial.movie, trial.behavior, trial.pupil_center)
    inputs[0] = grey
    with torch.inference_mode():
        predicted = encoder.eval()(inputs[None], 0)[0].numpy().astype(float)
    kept = kept_neurons(study, 0, number, condition)
    expected = (predicted - trial.responses * np.log(predicted + 1e-8))[kept].mean()
    stored = study.store.require(study.unit("reconstructions", 0, number, 0, condition))
    assert stored["loss"].values[0] == pytest.approx(expected, rel=1e-3)


def test_responses_to_movies_and_reconstructions(study: Study, encoders: list) -> None:
    number = study.trials.reconstructed(0)[0]
    trial, found = study.trial(0, number), study.results.responses(0, number)
    np.testing.assert_array_equal(found["recorded"], trial.responses)

    def respond(encoder, movie):
        inputs = encoder_inputs(movie, trial.behavior, trial.pupil_center)
        return predict(encoder, inputs, 0).numpy().astype(float)

    allowed, inside = (study.results.alpha(0)[14:50] >= threshold for threshold in (0.5, 1.0))
    instances = study.results.instance_movies(0, number, RECORDED)[:, :, 14:50]
    mean = instances.mean(axis=0)  # not smoothed
    pixels, target_pixels = mean[:, allowed].astype(float), trial.movie[:, allowed].astype(float)
    scaled = (mean - pixels.mean()) / pixels.std() * target_pixels.std() + target_pixels.mean()  # s.d. over the video
    movies = {
        "true": trial.movie,
        "masked": np.where(allowed, trial.movie, 127.5),
        "reconstructed": mean,
        "matched": np.where(allowed, np.clip(scaled, 0, 255), 127.5),
    }
    expected = {name: np.mean([respond(e, movie) for e in encoders], axis=0) for name, movie in movies.items()}
    # Each instance's own movie, grey outside α ≥ 1, for that instance; of expected ones for all instances.
    own = [respond(e, np.where(inside, movie, 127.5)) for e, movie in zip(encoders, instances, strict=True)]
    expected["evoked"] = np.mean(own, axis=0)
    others = [np.where(inside, m, 127.5) for m in study.results.instance_movies(0, number, PREDICTED)[:, :, 14:50]]
    expected["expected"] = np.mean([respond(e, movie) for e in encoders for movie in others], axis=0)
    assert set(found["stimulus"].values) == set(expected)
    for stimulus, values in expected.items():
        np.testing.assert_allclose(found["predicted"].sel(stimulus=stimulus), values, rtol=1e-4, err_msg=stimulus)
    # Fig. 1C as the scripts log it: of the masked movie's whole prediction, from frame 32 on.
    recorded = trial.responses[:, 32:].astype(float)
    shown = [[respond(e, np.full((90, 36, 64), 127.5)), mine] for e, mine in zip(encoders, own, strict=True)]
    losses = [[(y[:, 32:] - recorded * np.log(y[:, 32:] + 1e-8)).mean() for y in pair] for pair in shown]
    np.testing.assert_allclose(found["loss"], losses, rtol=1e-4)


CHANGES = [
    ("variations", {"trials_per_mouse": 2}, set()),
    ("population", {"fractions": [0.25]}, set()),
    ("noise", {"samples": 2}, set()),
    ("gratings", {"directions": [0.0, 90.0]}, set()),
    ("receptive_fields", {"pixel_step": 2}, {"receptive_fields"}),
    ("reconstruction", {"iterations": 5}, {"reconstructions", "responses"}),
    ("mask", {"iterations": 21}, {"masks", "reconstructions", "responses"}),
]


@pytest.mark.parametrize(("section", "change", "again"), CHANGES, ids=[section for section, _, _ in CHANGES])
def test_only_what_depends_on_a_changed_parameter_is_missing(
    study: Study, section: str, change: dict, again: set[str]
) -> None:
    changed = with_profile(study, **{section: change})
    before, after = study.units(), changed.units()
    for stage in before:
        old, new = ({unit.name for unit in units[stage]} for units in (before, after))
        if stage in again:
            assert not old & new
        else:
            assert old <= new or new <= old
    assert changed.checkpoints == study.checkpoints


def test_a_unit_is_the_same_whatever_was_asked_for_before(study: Study) -> None:
    """What movies have in common is found once for all of them."""
    for key in RECONSTRUCTIONS.asked(study):
        alone = dataclasses.replace(study)
        assert study.unit("reconstructions", *key) == alone.unit("reconstructions", *key)


def test_the_precision_names_what_encoders_compute(study: Study) -> None:
    other = dataclasses.replace(study, precision={"bfloat16": "float32", "float32": "bfloat16"}[study.precision])
    assert other.unit("encoders", 0) != study.unit("encoders", 0)
    for instance in range(2):  # the same weights
        other._units["encoders", (instance,)] = study.unit("encoders", instance)
    before, after = study.units(), other.units()
    same = {stage for stage in before if before[stage] and before[stage] == after[stage]}
    assert same == {"recordings", "encoders", "physiology"}  # a simulated mouse's neurons are asked themselves
    assert open_study(study.out).precision == study.precision


def test_the_seed_decides_noise_and_populations_alone(study: Study) -> None:
    """Of the reconstructions from one encoder and mask, those without a random choice keep their name."""
    profile = study.profile.model_copy(update={"seed": 1})
    seeded = dataclasses.replace(study, profile=profile)
    for stage, key in (("encoders", (0,)), ("encoders", (1,)), ("masks", (0,))):
        seeded._units[stage, key] = study.unit(stage, *key)
    for mouse, movie, condition in study.asked.reconstructions():
        same = seeded.unit("reconstructions", mouse, movie, 0, condition) == study.unit(
            "reconstructions", mouse, movie, 0, condition
        )
        random = condition.neurons < 1 or condition.shuffled or isinstance(movie, NoiseStimulus)
        assert same != random


def test_nothing_is_missing_after_a_run_and_a_lost_unit_is_found(study: Study) -> None:
    assert [task for stage in STAGES for task in stage.tasks(study)] == []
    unit = study.unit("reconstructions", 0, NOISE, 1, OWN_PREDICTION)
    content = study.store.path(unit).read_bytes()
    study.store.path(unit).unlink()
    (task,) = [task for stage in STAGES for task in stage.tasks(study)]
    assert task.units == (unit,)
    run_stages((RECONSTRUCTIONS,), study, Local(CPU))
    assert study.store.load(unit) is not None
    study.store.path(unit).write_bytes(content)


def test_batches_hold_one_mouse_and_instance_and_are_filled(study: Study) -> None:
    changed = with_profile(study, reconstruction={"iterations": 5})
    tasks = RECONSTRUCTIONS.tasks(changed)
    units = [unit for task in tasks for unit in task.units]
    expected = {u.name for w in changed.asked.reconstructions() for u in changed.results.reconstruction_units(*w)}
    assert {unit.name for unit in units} == expected
    assert len(units) == len(expected)
    # Instances 0 and 1: 12 natural movies in threes, 6 short ones in fifteens; one movie of all instances
    assert sorted(len(task.units) for task in tasks) == sorted([3, 3, 3, 3, 6] * 2 + [1])


def test_a_movie_that_fails_does_not_take_its_batch_along(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = with_profile(study, reconstruction={"iterations": 3})
    _, second = study.trials.reconstructed(0)

    def spoilt(study: Study, mouse: int, movie: object, condition: Condition, *encoders: object):
        found = build_target(study, mouse, movie, condition, *encoders)
        if movie == second and condition == PREDICTED:
            found = dataclasses.replace(found, responses=np.full_like(found.responses, np.inf))
        return found

    monkeypatch.setattr(reconstructions, "build_target", spoilt)
    with pytest.raises(ReconstructionError, match=rf"trial-{second} \(ensemble\): .*not finite"):
        run_stages((RECONSTRUCTIONS,), changed, Local(CPU))
    stored = {
        (movie, condition): [changed.store.has(u) for u in changed.results.reconstruction_units(0, movie, condition)]
        for _, movie, condition in changed.asked.reconstructions()
    }
    assert not any(stored.pop((second, PREDICTED)))
    assert all(all(found) for found in stored.values())


def test_a_task_that_fails_does_not_stop_the_others(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def perform(work: Worker, task: Task) -> None:
        ((number,),), (unit,) = task.keys, task.units
        if number in (1, 2):
            raise MovreconError(f"task {number} is broken")
        work.save(unit, xr.Dataset(), Cost())

    stage = Stage(
        name="made-up",
        label="made-up",
        item="task",
        part="made-up",
        keys=lambda study: [(number,) for number in range(4)],
        define=lambda study, number: (f"task-{number}", {"number": number}),
        perform=perform,
    )
    monkeypatch.setitem(study_module._STAGES, "made-up", stage)
    with pytest.raises(MovreconError, match=r"task 1 is broken \(1 more of 4 tasks failed\)"):
        run_stages((stage,), study, Local(CPU))
    assert [study.store.has(study.unit("made-up", number)) for number in range(4)] == [True, False, False, True]


def test_ensemble_sizes(study: Study) -> None:
    """The covariances' shortcut against averaging, filtering and correlating each ensemble."""
    table = ensemble_sizes(study)
    assert list(table["size"]) == [1, 2] * 2
    for (_, number), rows in table.groupby(["mouse", "trial"]):
        truth, mask = study.movie(0, number)[30:], crop_movie(study.results.evaluation_mask(0))
        values = []
        for instances in ([0], [1], [0, 1]):
            found = study.results.reconstruction(0, number, instances=instances)
            values.append(video_correlation(truth, found[30:], mask))
        assert rows["video_correlation"].tolist() == pytest.approx([np.mean(values[:2]), values[2]], abs=1e-5)
        assert rows["first_instances"].tolist() == pytest.approx([values[0], values[2]], abs=1e-5)


def test_population_sizes(study: Study) -> None:
    table = population_sizes(study)
    assert table.groupby("dropped", sort=False)["percent"].apply(list).tolist() == [[25, 50, 100]] * 2
    whole = table[table["percent"] == 100]["video_correlation"]
    whole_study = performance(study)
    chosen = (whole_study["trial"] == study.asked.population_trials(0)[0]) & (whole_study["condition"] == "recorded")
    full = whole_study.loc[chosen, "video_correlation"].item()
    assert whole.tolist() == pytest.approx([full, full])
    rows = rows_table(fig5_population.rows(table, seed=0)).set_index("quantity")["published"]
    assert rows["video correlation, 25 % of the neurons, others silent"] == 0.4273313
    assert rows["change (%), 25 % of the neurons, others silent"] == -24.8603
    assert np.isnan(rows["video correlation, 25 % of the neurons, others missing"])
