"""A simulation without noise, from end to end: what is known of it is used as it should be."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from small_study import PROFILE, one_thread

from movrecon_core.encoders.prediction import predicted_responses
from movrecon_core.encoders.true_neurons import shown_rates, shown_responses
from movrecon_core.figures.error_origins import error_tables
from movrecon_core.figures.microscopes import microscope_qualities
from movrecon_core.figures.quality_loss import loss_parts, qualities, shares
from movrecon_core.figures.resolution import RESPONSES, synthetic_qualities
from movrecon_core.figures.same_neurons import evoked
from movrecon_core.recordings import SIMULATED_MARKER
from movrecon_core.simulation import SimulatedNeurons, SimulationConfig, noise_free_file, simulate_recordings
from movrecon_core.storage.fingerprints import digest
from movrecon_core.study.conditions import (
    NOISE_FREE,
    NOISE_FREE_THROUGH_NEURONS,
    NOISY,
    RECORDED,
    THROUGH_NEURONS,
    Condition,
)
from movrecon_core.study.microscopes import SHOWN, imaging_of, true_neurons
from movrecon_core.study.profile import parse_profile
from movrecon_core.study.run.pipeline import run_study
from movrecon_core.study.study import Study
from movrecon_core.study.targets import build_target

TRIALS = 2


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """One mouse whose recorded responses are its noise-free ones."""
    folder = tmp_path_factory.mktemp("noiseless")
    config = SimulationConfig(mice=1, trials=14, neurons=100, frames=90, oracle_trials=0)
    (mouse,) = simulate_recordings(folder, config, seed=2)
    for trial in mouse.trials:
        shutil.copyfile(noise_free_file(mouse, trial), mouse.file("responses", trial))
    profile = {**PROFILE, "trials_per_mouse": TRIALS, "truth": {"trials_per_mouse": TRIALS, "iterations": 15}}
    profile["noise"] = {"mice": 1, "lengths": [4.0], "durations": [8.0], "samples": 2, "targets": ["predicted"]}
    microscopes = {"indicators": ["GCaMP6f"], "scan_rates": [30.0]}
    profile["resolution"] = {"mice": 1, "noise": [[4.0, 8.0]], **microscopes}
    with one_thread():
        out = folder / "study"
        return run_study(parse_profile(profile, "test"), out, recordings=[mouse.path], device="cpu", until="showings")


def test_targets_are_the_noise_free_responses(study: Study) -> None:
    trial = study.asked.truth_trials(0)[0]
    target = build_target(study, 0, trial, NOISE_FREE_THROUGH_NEURONS, [], [])
    np.testing.assert_array_equal(target.responses, np.load(noise_free_file(study.recordings[0], trial)))


def test_noise_that_is_not_there_costs_nothing(study: Study) -> None:
    for trial in study.asked.truth_trials(0):
        np.testing.assert_array_equal(*(study.results.instance_movies(0, trial, way) for way in (RECORDED, NOISE_FREE)))
        # What is recorded on average is found from the other trials: nothing but the noise-free responses again.
        with_line, without = (
            study.results.reconstruction(0, trial, w) for w in (THROUGH_NEURONS, NOISE_FREE_THROUGH_NEURONS)
        )
        assert np.corrcoef(with_line.ravel(), without.ravel())[0, 1] > 0.99
    parts = shares(loss_parts(qualities(study)), 0).set_index("part")
    assert abs(parts.loc["noise", "share"]) < 2
    assert parts.loc["inversion", "loss"] < 1


def test_the_neurons_respond_as_recorded(study: Study) -> None:
    table = evoked(study).set_index(["responding", "shown", "with", "trial"])["correlation"]
    for trial in study.asked.truth_trials(0):
        for reference in ("recorded", "noise-free"):
            assert table["neurons", "true movie", reference, trial] == pytest.approx(1, abs=1e-5)
            assert table["second showing", "true movie", reference, trial] < 0.99
            assert table["neurons", "reconstruction", reference, trial] < 0.99


def test_units_depend_on_what_is_known(study: Study) -> None:
    trial = study.asked.truth_trials(0)[0]
    recording = study.recordings[0]
    known = study.unit("reconstructions", 0, trial, None, NOISE_FREE_THROUGH_NEURONS)
    file = noise_free_file(recording, trial)
    kept = file.read_bytes()
    np.save(file, np.load(file) + 1)
    changed = Study(study.out, study.profile, study.recordings, study.held_out, study.precision)
    assert changed.unit("reconstructions", 0, trial, None, NOISE_FREE_THROUGH_NEURONS).name != known.name
    recorded = study.unit("reconstructions", 0, trial, 0, RECORDED)
    assert changed.unit("reconstructions", 0, trial, 0, RECORDED).name == recorded.name
    file.write_bytes(kept)


def test_synthetic_movies_are_shown_to_the_neurons(study: Study) -> None:
    stimuli = study.asked.resolution_stimuli(0)
    assert [(s.sample, s.inverted) for s in stimuli] == [(0, False), (0, True)]
    recording, (behavior, pupil) = study.recordings[0], study.trials.mean_behavior(0)
    movie, still = study.movie(0, stimuli[0]), [np.repeat(x[:, None], 60, axis=1) for x in (behavior, pupil)]
    showings = [shown_responses(recording, movie, *still, np.random.default_rng(i)) for i in range(200)]
    expected, mean = build_target(study, 0, stimuli[0], NOISE_FREE, [], []).responses, np.mean(showings, axis=0)
    assert np.corrcoef(expected.ravel(), mean.ravel())[0, 1] > 0.9
    noisy = [build_target(study, 0, stimulus, NOISY, [], []).responses for stimulus in (*stimuli, stimuli[0])]
    np.testing.assert_array_equal(noisy[0], noisy[2])
    assert np.corrcoef(expected.ravel(), noisy[0].ravel())[0, 1] < 0.9


def test_synthetic_movies_are_found_from_them(study: Study) -> None:
    table = synthetic_qualities(study).groupby("responses")["video_correlation"].mean()
    assert set(table.index) == set(RESPONSES)
    assert table.notna().all()
    stimulus = study.asked.resolution_stimuli(0)[0]
    predicted, noise_free = (
        study.results.reconstruction(0, stimulus, RESPONSES[name]) for name in ("predicted", "noise-free")
    )
    assert not np.array_equal(predicted, noise_free)


def test_other_microscopes_see_the_same_spikes(study: Study) -> None:
    """Another indicator changes noisy responses alone, another scan both; unlike units have unlike names."""
    stimulus = study.asked.resolution_stimuli(0)[0]
    own, *others = study.profile.resolution.microscopes
    assert [(c.target, c.indicator, c.scan_rate) for c in others] == [
        ("noisy", "GCaMP6f", None),
        ("noisy", None, 30.0),
        ("noise-free", None, 30.0),
    ]
    noisy = [build_target(study, 0, stimulus, c, [], []).responses for c in (own, *others[:2])]
    assert len({responses.tobytes() for responses in noisy}) == 3
    # The same spikes: more alike than two showings under one microscope.
    again = np.random.default_rng(1)
    rates = SimulatedNeurons(study.recordings[0]).rates(study.movie(0, stimulus))
    second = SimulatedNeurons(study.recordings[0]).recorded(rates, again)
    alike, unlike = (np.corrcoef(noisy[0].ravel(), x.ravel())[0, 1] for x in (noisy[1], second))
    assert alike > unlike + 0.2
    faster = replace(NOISE_FREE, indicator="GCaMP6f")
    same = [build_target(study, 0, stimulus, c, [], []).responses for c in (NOISE_FREE, faster)]
    np.testing.assert_array_equal(*same)
    units = [study.unit("reconstructions", 0, stimulus, None, c) for c in (own, *others)]
    assert len({unit.label for unit in units}) == len({digest(unit.definition) for unit in units}) == 4


def test_they_are_found_through_neurons_that_they_see(study: Study) -> None:
    table = microscope_qualities(study)
    assert table.groupby(["varied", "responses"]).size().to_dict() == {
        ("indicator", "noisy"): 2,
        ("scan rate", "noisy"): 2,
        ("scan rate", "noise-free"): 2,
    }
    assert table["video_correlation"].notna().all()
    own = table[table["own"] & (table["responses"] == "noisy")]
    assert own["level"].tolist() == ["GCaMP6s", "8 Hz"]
    assert own["video_correlation"].nunique() == 1


def test_neurons_stand_for_what_a_microscope_records_on_average(study: Study) -> None:
    """A line through what it records of some training movies, in what deconvolution makes of a spike."""
    recording, trials = study.recordings[0], study.trials.of_role(0, "training")
    imaging = imaging_of(recording, Condition(indicator="GCaMP6f", scan_rate=15.0))
    assert (imaging.decay, imaging.sampling_rate) == (0.2, 15.0)
    simulated, pairs = SimulatedNeurons(recording), []
    unit = simulated.values["unit"][:, None]
    for trial in map(recording.trial, trials[:SHOWN]):
        shown = (trial.movie, trial.behavior, trial.pupil_center)
        rng = np.random.default_rng((7, trial.index))
        recorded = simulated.recorded(shown_rates(recording, *shown), rng, imaging)
        pairs.append((shown_responses(recording, *shown, None, imaging) / unit, recorded / unit))
    x, y = (np.concatenate(values, axis=1).ravel() for values in zip(*pairs, strict=True))
    line = np.polyfit(x, y, 1)
    line = line if line[1] > 0 else (y.sum() / x.sum(), 0.0)  # nothing responds with less than 0
    found = predicted_responses(true_neurons(recording, imaging, trials, 7), 0, *shown)
    np.testing.assert_allclose(found, unit * np.polyval(line, pairs[-1][0]), rtol=1e-3)


def test_errors_of_a_study(study: Study) -> None:
    """Without noise nothing of the error is noise's."""
    tables = error_tables(study)
    assert tables.parts.groupby("part")["loss"].mean()["noise"] == pytest.approx(0, abs=0.02)
    assert tables.shown[tables.shown["origin"] == "noise"]["share"].to_numpy() == pytest.approx(0, abs=1e-6)


def test_of_other_recordings_nothing_is_known(study: Study) -> None:
    recording = study.recordings[0]
    marker = recording.path / SIMULATED_MARKER
    kept = marker.read_text()
    marker.unlink()
    try:
        assert study.asked.truth_trials(0) == ()
        assert study.asked.resolution_stimuli(0) == study.asked.microscope_stimuli(0) == ()
        assert microscope_qualities(study).empty
        assert not [condition for *_, condition in study.asked.reconstructions() if condition.inverted == "neurons"]
    finally:
        marker.write_text(kept)
