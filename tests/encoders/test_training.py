"""Training: schedule, mixing, statistics, resuming, and that it learns what was planted."""

import copy
import errno
import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from example_recording import FRAMES, NEURONS, write_example

from movrecon_core.encoders import training
from movrecon_core.encoders.checkpoints import build_encoder, load_checkpoint
from movrecon_core.encoders.inputs import encoder_inputs
from movrecon_core.encoders.prediction import predict
from movrecon_core.encoders.segments import SegmentReader, cutmix
from movrecon_core.encoders.statistics import response_statistics
from movrecon_core.encoders.training import TrainingConfig, _Run, train_encoder
from movrecon_core.errors import RecordingError
from movrecon_core.recordings import Recording, Trial
from movrecon_core.recordings.cache import cached_trials
from movrecon_core.recordings.writer import recording_writer

SMALL = {"readout_outputs": (NEURONS, NEURONS), "features": (4, 4), "temporal_kernel": 2, "behavior_features": 2}
QUICK = TrainingConfig(
    batch=4, segments_per_epoch=12, warm_up_epochs=1, cosine_epochs=2, segment_frames=20, ema_decay=0.9
)
PLANTED = ((6, 50), (18, 20), (30, 40))
"""Row and column of the pixels that drive the planted neurons."""


def planted_trial(index: int) -> Trial:
    """Each neuron follows the brightness around one pixel, five frames late."""
    random = np.random.default_rng(index)
    coarse = random.uniform(0, 255, (13, 9, 16))
    movie = coarse.repeat(8, 0)[:100].repeat(4, 1).repeat(4, 2).astype(np.float32)
    drive = np.stack([movie[:, y, x] / 25 for y, x in PLANTED])
    responses = np.concatenate([drive[:, :1].repeat(5, 1), drive[:, :-5]], axis=1).astype(np.float32)
    behavior = random.standard_normal((4, 100)).astype(np.float32)
    return Trial("planted", index, movie, responses, behavior[:2], behavior[2:])


@pytest.fixture(scope="module")
def mice(tmp_path_factory) -> list[Recording]:
    folder = tmp_path_factory.mktemp("mice")
    return [Recording(write_example(folder / f"mouse{i}", seed=i)) for i in range(2)]


def train(mice, checkpoint, config=QUICK, **options):
    trials = [mouse.trials_of_tier("train") for mouse in mice]
    return train_encoder(mice, trials, "factorised", SMALL, config, 3, checkpoint, **options)


def test_learning_rate_warms_up_and_follows_a_cosine():
    config = TrainingConfig()
    assert config.steps_per_epoch == 3000
    peak = 3e-4 * 24 / 4
    assert config.rate(0) == pytest.approx(peak / 9000)
    assert config.rate(9000) == pytest.approx(peak)
    assert config.rate(9000 + 27000) == pytest.approx(peak * (0.01 + 0.99 / 2))
    assert config.rate(config.steps) == pytest.approx(peak * 0.01)


def test_cutmix_mixes_responses_by_the_area_of_the_box():
    """Each sample of one grey level: what the box covers is the partner's level, so responses follow the mean."""
    random = np.random.default_rng(1)
    levels = iter(range(1000, 2000))
    drawn: list[float] = []

    def partner() -> tuple[torch.Tensor, torch.Tensor]:
        drawn.append(float(next(levels)))
        return torch.full((1, 5, 4, 64, 64), drawn[-1]), torch.full((1, 2, 4), drawn[-1])

    inputs, responses = torch.zeros(40, 5, 4, 64, 64), torch.zeros(40, 2, 4)
    cutmix(inputs, responses, partner, random, 1.0, 1.0)
    torch.testing.assert_close(responses[:, 0, 0], inputs[:, 0].mean((1, 2, 3)))
    assert len(set(drawn)) == 40
    boxes = {tuple(np.flatnonzero(x[0, 0].numpy().ravel())[[0, -1]]) for x in inputs if x.any()}
    assert len(boxes) > 30  # a box of its own
    untouched = inputs.clone()
    cutmix(inputs, responses, partner, random, 0.0, 1.0)
    assert torch.equal(inputs, untouched)
    assert len(drawn) == 40


def test_cutmix_mixes_half_of_the_segments_whatever_the_batch():
    """Article: every segment with probability 0.5; 10,000 draws in batches of 2 to 3, as ten mice share 24."""
    random, mixed, batches = np.random.default_rng(0), 0, [2, 3] * 2000
    for size in batches:
        calls: list[int] = []

        def partner(calls: list[int] = calls) -> tuple[torch.Tensor, torch.Tensor]:
            calls.append(1)
            return torch.ones(1, 5, 1, 2, 2), torch.ones(1, 1, 1)

        cutmix(torch.zeros(size, 5, 1, 2, 2), torch.zeros(size, 1, 1), partner, random, 0.5, 1.0)
        mixed += len(calls)
    assert mixed / sum(batches) == pytest.approx(0.5, abs=0.02)


def test_weights_decay_by_the_article_or_without_biases(mice, tmp_path):
    """With no gradient a step of AdamW multiplies every decayed parameter by 1 − rate · decay and leaves the others."""
    encoder = build_encoder("factorised", SMALL).eval()
    for decayed in ("all", "kernels"):
        run = _Run(copy.deepcopy(encoder), replace(QUICK, decayed=decayed, weight_decay=0.05), 0)
        for weights in run.encoder.parameters():
            torch.nn.init.constant_(weights, 2.0)
            weights.grad = torch.zeros_like(weights)
        for group in run.optimiser.param_groups:
            group["lr"] = 0.1
        run.optimiser.step()
        kept = [n for n, w in run.encoder.named_parameters() if torch.equal(w, torch.full_like(w, 2.0))]
        shrunk = [w for n, w in run.encoder.named_parameters() if n not in kept]
        assert all(torch.allclose(w, torch.full_like(w, 2.0 * (1 - 0.1 * 0.05))) for w in shrunk)
        assert shrunk
        assert (kept == []) == (decayed == "all")


def test_statistics_find_means_and_receptive_fields():
    trials = [planted_trial(i) for i in range(12)]
    statistics = response_statistics(trials)
    responses = np.concatenate([t.responses[:, :100] for t in trials], axis=1)
    np.testing.assert_allclose(statistics.mean_response, responses.mean(1), rtol=0.05)  # the first bin has no past
    behavior = np.concatenate([np.concatenate([t.behavior, t.pupil_center]) for t in trials], axis=1)
    np.testing.assert_allclose(statistics.behavior_mean, behavior.mean(1), atol=1e-6)
    np.testing.assert_allclose(statistics.behavior_scale, behavior.std(1), rtol=1e-6)
    found = (statistics.centres + 1) / 2 * [35, 63]
    np.testing.assert_allclose(found, PLANTED, atol=3)  # a planted field is 4 pixels wide


@pytest.mark.parametrize("unit", [1e-3, 1e6])
def test_statistics_and_training_are_the_same_in_any_unit(mice, tmp_path, unit):
    trials = [mice[0].trial(i) for i in range(8)]
    scaled = [replace(trial, responses=(unit * trial.responses).astype(np.float32)) for trial in trials]
    first, second = response_statistics(trials), response_statistics(scaled)
    np.testing.assert_allclose(second.mean_response, unit * first.mean_response, rtol=1e-5)
    np.testing.assert_array_equal(second.centres, first.centres)
    folder = shutil.copytree(mice[0].path.parent, tmp_path / "mice")
    for file in folder.glob("*/data/responses/*.npy"):
        np.save(file, unit * np.load(file))
    others = [Recording(folder / mouse.name) for mouse in mice]
    encoders = [train(given, tmp_path / f"{i}.pth") for i, given in enumerate((mice, others))]
    trial = mice[0].trial(9)
    inputs = encoder_inputs(trial.movie, trial.behavior, trial.pupil_center)
    expected, found = (predict(encoder, inputs, 0).detach().numpy() for encoder in encoders)
    np.testing.assert_allclose(found, unit * expected, rtol=2e-3)


def test_segments_come_from_the_files(mice, tmp_path):
    reader = SegmentReader(cached_trials(mice[0], mice[0].trials, tmp_path), 8, 2)
    inputs, responses = reader.draw(5, np.random.default_rng(0))
    assert inputs.shape == (5, 5, 8, 64, 64)
    starts = set()
    for one, response in zip(inputs.numpy(), responses.numpy(), strict=True):
        places = [
            (trial.index, start)
            for trial in map(mice[0].trial, mice[0].trials)
            for start in range(FRAMES - 15 + 1)
            if np.array_equal(trial.movie[start : start + 15 : 2], one[0, :, 14:50])
            and np.array_equal(trial.responses[:, start : start + 15 : 2], response)
            and np.array_equal(trial.behavior[:, start : start + 15 : 2], one[1:3, :, 0, 0])
            and np.array_equal(trial.pupil_center[:, start : start + 15 : 2], one[3:, :, 63, 63])
        ]
        assert len(places) == 1
        starts.add(places[0])
    assert len(starts) > 1


def test_a_trial_shorter_than_a_segment_is_not_drawn(mice, tmp_path):
    with pytest.raises(RecordingError, match=f"{FRAMES + 1} frames"):
        SegmentReader(cached_trials(mice[0], mice[0].trials, tmp_path), FRAMES + 1, 1)


def test_resumed_training_ends_with_the_same_weights(mice, tmp_path, monkeypatch):
    train(mice, tmp_path / "undisturbed.pth")
    step = training._Run.train_step
    steps = []

    def killed(run, batch):
        if len(steps) == 5:
            raise KeyboardInterrupt
        steps.append(run.step)
        step(run, batch)

    monkeypatch.setattr(training._Run, "train_step", killed)
    with pytest.raises(KeyboardInterrupt):
        train(mice, tmp_path / "resumed.pth", save_seconds=0)
    assert not (tmp_path / "resumed.pth").exists()
    monkeypatch.setattr(training._Run, "train_step", step)
    train(mice, tmp_path / "resumed.pth")
    first, second = (load_checkpoint(tmp_path / f"{n}.pth").state_dict() for n in ("undisturbed", "resumed"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    histories = [json.loads((tmp_path / f"{n}.history.json").read_text()) for n in ("undisturbed", "resumed")]
    assert [h["loss"] for h in histories[0]] == [h["loss"] for h in histories[1]]
    assert not list(tmp_path.glob("*.partial"))


def test_a_saved_state_of_other_settings_or_a_damaged_one_is_not_used(mice, tmp_path):
    plain = train(mice, tmp_path / "plain.pth").state_dict()
    (tmp_path / "damaged.pth.partial").write_bytes(b"no state")
    again = train(mice, tmp_path / "damaged.pth").state_dict()
    assert all(torch.equal(plain[name], again[name]) for name in plain)


def refusing(reason):
    def load(*arguments, **options):
        raise reason

    return load


@pytest.mark.parametrize("reason", [OSError(errno.EIO, os.strerror(errno.EIO)), MemoryError()])
def test_a_state_that_cannot_be_read_now_stays(mice, tmp_path, monkeypatch, reason):
    """The disk does not answer, or another program has the memory: what was learned is not thrown away."""
    partial = tmp_path / "again.pth.partial"
    torch.save({"step": 5}, partial)
    monkeypatch.setattr(training.torch, "load", refusing(reason))
    with pytest.raises(type(reason)):
        train(mice, tmp_path / "again.pth")
    assert partial.is_file()


@pytest.mark.parametrize("damage", ["cut", "flipped bit", "one part missing", "optimiser of another size"])
def test_a_state_that_is_damaged_in_part_leaves_no_trace(mice, tmp_path, monkeypatch, damage):
    plain = train(mice, tmp_path / "plain.pth").state_dict()
    with monkeypatch.context() as patch:
        step = training._Run.train_step

        def killed(run, batch):
            if run.step == 5:
                raise KeyboardInterrupt
            step(run, batch)

        patch.setattr(training._Run, "train_step", killed)
        with pytest.raises(KeyboardInterrupt):
            train(mice, tmp_path / "again.pth", save_seconds=0)
    partial = tmp_path / "again.pth.partial"
    if damage == "cut":
        partial.write_bytes(partial.read_bytes()[:-2000])
    elif damage == "flipped bit":
        content, state = bytearray(partial.read_bytes()), torch.load(partial, weights_only=True)
        place = content.index(state["encoder"]["readouts.0.weight"].numpy().tobytes())
        content[place] ^= 1
        partial.write_bytes(content)
    else:
        state = torch.load(partial, weights_only=True)
        if damage == "one part missing":
            del state["average"]
        else:
            state["optimiser"]["param_groups"] = state["optimiser"]["param_groups"][:1]
        torch.save(state, partial)
    again = train(mice, tmp_path / "again.pth").state_dict()
    assert all(torch.equal(plain[name], again[name]) for name in plain)


def test_batches_made_ahead_are_those_made_in_turn(mice, tmp_path):
    readers = [SegmentReader(cached_trials(m, m.trials, tmp_path), 8, 2) for m in mice]

    def make(step):
        return training._batch(readers, QUICK, 7, step)

    ahead, in_turn = (list(training._ahead(make, range(3, 12), threads)) for threads in (3, 0))
    assert [batch.seed for batch in ahead] == [batch.seed for batch in in_turn]
    assert len({batch.seed for batch in ahead}) == 9
    for first, second in zip(ahead, in_turn, strict=True):
        assert all(torch.equal(first.inputs[mouse], second.inputs[mouse]) for mouse in (0, 1))
        assert all(torch.equal(first.responses[mouse], second.responses[mouse]) for mouse in (0, 1))


def test_half_precision_of_the_cache_is_as_near_as_stated(mice, tmp_path):
    exact, half = (
        SegmentReader(cached_trials(mice[0], mice[0].trials, tmp_path, precision), 8, 2).draw(
            6, np.random.default_rng(0)
        )
        for precision in ("exact", "half")
    )
    assert torch.equal(exact[0], half[0])  # whole grey levels
    torch.testing.assert_close(half[1], exact[1], rtol=2**-11, atol=1e-7)
    assert not torch.equal(half[1], exact[1])


def test_a_diverging_loss_is_an_error(mice, tmp_path):
    with pytest.raises(training.CheckpointError, match="not finite"):
        train(mice, tmp_path / "diverged.pth", TrainingConfig(**{**vars(QUICK), "learning_rate": 1e30}))
    assert not (tmp_path / "diverged.pth").exists()


@pytest.mark.parametrize(
    ("architecture", "size", "rate"),
    [("factorised", {"features": (8, 8)}, 4e-3), ("linear-nonlinear", {}, 2e-2)],
    ids=["factorised", "linear-nonlinear"],
)
def test_an_encoder_learns_planted_neurons(architecture, size, rate, tmp_path):
    with recording_writer(tmp_path / "planted") as writer:
        for index in range(14):
            trial = planted_trial(index)
            writer.movie(index, trial.movie)
            for signal in ("responses", "behavior", "pupil_center"):
                writer.signal(signal, index, getattr(trial, signal))
        writer.metadata(["train"] * 12 + ["oracle"] * 2, np.arange(3), np.zeros((3, 3)))
    config = TrainingConfig(
        batch=6, segments_per_epoch=120, warm_up_epochs=0.5, cosine_epochs=4, segment_frames=60, learning_rate=rate,
        cutmix_probability=0.0, ema_decay=0.9, skipped_frames=10,
    )  # fmt: skip
    size = {"readout_outputs": (3,), **size}
    recording = Recording(tmp_path / "planted")
    checkpoint = tmp_path / "learned.pth"
    encoder = train_encoder([recording], [range(12)], architecture, size, config, 0, checkpoint)
    history = json.loads(checkpoint.with_suffix(".history.json").read_text())
    assert history[-1]["loss"] < history[0]["loss"]
    for trial in (recording.trial(12), recording.trial(13)):
        inputs = encoder_inputs(trial.movie, trial.behavior, trial.pupil_center)
        predicted = predict(encoder, inputs, 0).numpy()
        assert np.mean([np.corrcoef(x, y)[0, 1] for x, y in zip(predicted, trial.responses, strict=True)]) > 0.8
