"""Parts of a population by what neurons tell, from end to end in a small simulated study."""

import numpy as np
import pytest
import torch
from small_study import PROFILE, one_thread

from movrecon_core.encoders.prediction import predicted_responses
from movrecon_core.figures.redundancy import chosen_populations, kept_neurons
from movrecon_core.study.conditions import CHOSEN, EXCHANGED, WITHHELD, Condition
from movrecon_core.study.profile import parse_profile
from movrecon_core.study.run.pipeline import run_study
from movrecon_core.study.study import Study
from movrecon_core.study.targets import build_target
from movrecon_core.study.trials import Trials
from movrecon_core.study.worker import Worker

NEURONS = 40


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    profile = {
        **PROFILE,
        "from_predicted": False,
        "simulation": {"mice": 1, "trials": 14, "neurons": NEURONS, "frames": 90, "oracle_trials": 0},
        "redundancy": {"trials_per_mouse": 1, "fractions": [0.25]},
    }
    with one_thread():
        out = tmp_path_factory.mktemp("populations") / "study"
        return run_study(parse_profile(profile, "test"), out, device="cpu", until="reconstructions")


def test_a_chosen_part_is_missing_the_others(study: Study) -> None:
    (trial,) = study.asked.redundancy_trials(0)
    parts = {}
    for way in CHOSEN:
        condition = Condition(neurons=0.25, dropped="missing", chosen=way)
        target = build_target(study, 0, trial, condition, [], [])
        np.testing.assert_array_equal(target.responses, study.trial(0, trial).responses)
        assert target.neurons_in_loss is not None
        parts[way] = target.neurons_in_loss
        assert study.results.instance_movies(0, trial, condition).shape[0] == (2 if way == "random" else 1)
    assert {int(parts[way].sum()) for way in CHOSEN[1:]} == {NEURONS // 4}
    assert (parts["independent"] != parts["redundant"]).any()


def test_behaviour_is_withheld_or_of_another_trial(study: Study) -> None:
    (trial,) = study.asked.redundancy_trials(0)
    mean = study.trials.mean_behavior(0)
    other = study.trial(0, study.trials.other_behavior(0, trial))
    assert other.index in study.trials.of_role(0, "training")
    withheld, exchanged = (build_target(study, 0, trial, condition, [], []) for condition in (WITHHELD, EXCHANGED))
    for place, signal in enumerate(("behavior", "pupil_center")):
        np.testing.assert_array_equal(getattr(withheld, signal), np.repeat(mean[place][:, None], 90, axis=1))
        np.testing.assert_array_equal(getattr(exchanged, signal), getattr(other, signal))
    for target in (withheld, exchanged):
        np.testing.assert_array_equal(target.responses, study.trial(0, trial).responses)


def test_signals_are_those_of_training_movies_at_rest(study: Study) -> None:
    """Mean correlation of predicted responses to training movies over all pairs, once more from the encoder alone."""
    work = Worker(study, torch.device("cpu"))
    encoder = work.load(study.unit("encoders", 0))
    behavior, pupil = study.trials.mean_behavior(0)
    found = []
    for number in study.trials.of_role(0, "training"):
        movie = study.trial(0, number).movie
        still = [np.repeat(mean[:, None], len(movie), axis=1) for mean in (behavior, pupil)]
        found.append(predicted_responses(encoder, 0, movie, *still))
    correlation = np.corrcoef(np.concatenate(found, axis=1))
    whole = kept_neurons(study).set_index("chosen")["signal_correlation"]
    assert whole["all"] == pytest.approx(correlation[~np.eye(NEURONS, dtype=bool)].mean(), abs=1e-3)
    orders = study.results.orders(0)
    first = np.flatnonzero(orders["place"].sel(way="redundant").values < NEURONS // 4)
    between = correlation[np.ix_(first, first)][~np.eye(NEURONS // 4, dtype=bool)]
    assert whole["redundant"] == pytest.approx(between.mean(), abs=1e-3)
    assert whole["redundant"] > whole["independent"]


def test_every_condition_has_its_quality(study: Study) -> None:
    table = chosen_populations(study)
    assert set(table["chosen"]) == {*CHOSEN, "noise-free", "unshared"}
    assert table["video_correlation"].between(-1, 1).all()
    (trial,) = study.asked.redundancy_trials(0)
    stored = study.result("unshared", 0, trial)["responses"].values
    recorded, expected = study.trial(0, trial).responses, study.trials.noise_free(0, trial)
    assert stored.shape == recorded.shape
    assert (stored >= 0).all()
    assert not np.allclose(stored, recorded)
    # Once more the same neurons: their means over time follow those without noise.
    assert np.corrcoef(stored.mean(axis=1), expected.mean(axis=1))[0, 1] > 0.5


def test_real_recordings_have_no_conditions_that_need_the_truth(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trials, "truth_known", lambda trials, mouse: False)
    assert not [condition for *_, condition in study.asked.reconstructions() if condition.needs_truth]
    assert not study.units()["unshared"]
