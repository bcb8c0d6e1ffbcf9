"""What goes beyond the published method: tiled windows, smoothed gradients, priors, stopping, batches by memory."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from image_filters import Filters, target
from scipy.ndimage import gaussian_filter

from movrecon_core.errors import ReconstructionError
from movrecon_core.reconstruction import ReconstructionConfig, reconstruct
from movrecon_core.reconstruction.memory import WithinMemory
from movrecon_core.reconstruction.movies import MovieGroup
from movrecon_core.reconstruction.optimiser import learning_rate
from movrecon_core.reconstruction.priors import (
    natural_spectrum,
    prior_gradient,
    spatial_smoothness,
    temporal_smoothness,
)
from movrecon_core.reconstruction.stopping import EarlyStopping, left_out_neurons
from movrecon_core.reconstruction.windows import plan_windows, tiled_starts

BRIEF = ReconstructionConfig(iterations=6, window_frames=4, window_stride=2)


@given(st.integers(4, 120), st.integers(1, 40), st.data())
def test_tiled_windows_cover_every_frame_and_are_as_many_for_every_offset(frames, window, data):
    window = min(window, frames)
    offset = data.draw(st.integers(0, window - 1))
    starts = tiled_starts(frames, window, offset)
    plan = plan_windows(starts, frames, window)
    covered = sum((np.arange(frames) >= start) & (np.arange(frames) < start + window) for start in starts)
    assert covered.min() >= 1
    np.testing.assert_array_equal(plan.counts, covered)
    assert len(starts) == len(tiled_starts(frames, window, 0)) == len(plan.history)
    assert [plan.starts[k] for k in plan.history] == list(starts)
    assert sum(plan.repeats) == len(starts)
    assert min(starts) >= 0
    assert max(starts) + window <= frames


def test_tiled_windows_of_a_movie_do_not_depend_on_its_company():
    config = ReconstructionConfig(iterations=6, window_frames=4, tiled_windows=True, seed=3)
    alone = [reconstruct([Filters().double()], 0, [target(13, seed)], config)[0] for seed in (0, 1)]
    together = reconstruct([Filters().double()], 0, [target(13, 0), target(13, 1)], config, batch=3)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one.movie, other.movie, atol=1e-9)
    assert alone[0].losses.shape == (6, 1, 5)
    assert np.isfinite(alone[0].losses).all()


def test_smoothed_gradients_are_scipys():
    config = ReconstructionConfig(iterations=2, window_frames=None, gradient_blur=(1.5, 2.0), warm_up=0)
    plain = ReconstructionConfig(iterations=2, window_frames=None, warm_up=0)
    group = MovieGroup([target(9)], 1, plain, torch.zeros(1, dtype=torch.float64))
    gradient = group.gradient([Filters().double()], 0, 0, 4).numpy()[0]
    smooth = gaussian_filter(gradient, (1.5, 2.0, 2.0), mode="nearest")
    # At iteration 1, momentum and its corrections are those of one step from rest.
    step = learning_rate(1, config) / (1 - 0.9**2) * 0.1 * np.clip(smooth, -1, 1)
    (found,) = reconstruct([Filters().double()], 0, [target(9)], config)
    np.testing.assert_allclose(found.movie, np.clip(127.5 - step, 0, 255), atol=1e-6)


def test_learning_rate_falls_along_a_cosine():
    config = ReconstructionConfig(iterations=100, final_rate=0.1)
    full = ReconstructionConfig(iterations=100)
    for iteration, share in ((0, 1.0), (50, 0.55), (100, 0.1)):
        expected = share * learning_rate(iteration, full)
        assert learning_rate(iteration, config) == pytest.approx(expected)


def movie(seed=0, frames=3):
    return torch.rand(2, frames, 64, 64, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 255


def test_smoothness_by_hand():
    ramp = torch.arange(64.0).expand(1, 2, 64, 64)
    assert spatial_smoothness(ramp).item() == pytest.approx(1)
    assert spatial_smoothness(3 * ramp.transpose(2, 3)).item() == pytest.approx(9)
    assert temporal_smoothness(ramp).item() == 0
    assert temporal_smoothness(torch.stack([ramp[0, 0], ramp[0, 0] + 2])[None]).item() == pytest.approx(4)


def test_natural_spectrum_charges_a_grating_by_its_squared_frequency():
    """A sine of amplitude a has the mean power a² / 2; the mean grey level costs nothing."""
    x = torch.arange(64.0, dtype=torch.float64)
    for cycles in (1, 5, 20):
        grating = 100 + 10 * torch.sin(2 * torch.pi * cycles * x / 64)
        for picture in (grating.expand(64, 64), grating.expand(64, 64).t()):
            cost = natural_spectrum(picture.expand(1, 3, 64, 64)).item()
            # rfft keeps half of the columns: the mean runs over 33 of 64.
            assert cost * 33 / 64 == pytest.approx(50 * (cycles / 64) ** 2, rel=1e-9)


def test_priors_pull_as_hard_as_their_weights_say():
    size = torch.tensor([2.0, 5.0], dtype=torch.float64)
    for name in ("spatial_smoothness", "temporal_smoothness", "natural_spectrum"):
        gradient = prior_gradient(movie(), {name: 0.3}, size)
        torch.testing.assert_close(torch.linalg.vector_norm(gradient, dim=(1, 2, 3)), 0.3 * size)
    flat = torch.full((2, 3, 64, 64), 9.0)
    assert prior_gradient(flat, {"spatial_smoothness": 1.0}, size.float()).abs().max() == 0


def test_a_prior_makes_the_movie_smoother():
    rough, smooth = (
        reconstruct([Filters()], 0, [target(12)], ReconstructionConfig(iterations=12, window_frames=4, priors=priors))[
            0
        ]
        for priors in ({}, {"spatial_smoothness": 0.7})
    )
    cost = [spatial_smoothness(torch.from_numpy(found.movie)[None]).item() for found in (rough, smooth)]
    assert cost[1] < 0.8 * cost[0]


def test_left_out_neurons_are_as_many_as_asked_for_and_not_fitted():
    chosen = left_out_neurons(100, 0.17, 4)
    assert chosen.sum() == 17
    assert not np.array_equal(chosen, left_out_neurons(100, 0.17, 5))
    config = ReconstructionConfig(iterations=5, window_frames=4, left_out=1 / 6, patience=5)
    judge = int(np.flatnonzero(left_out_neurons(6, 1 / 6, 0))[0])
    other = target()
    changed = other.responses.copy()
    changed[judge] = 0
    results = [reconstruct([Filters()], 0, [target(responses=r)], config)[0] for r in (other.responses, changed)]
    np.testing.assert_array_equal(results[0].losses[0], results[1].losses[0])
    assert results[0].left_out_loss[0] != results[1].left_out_loss[0]


def test_early_stopping_keeps_the_best_movie_and_ends_with_patience():
    movies = torch.zeros(2, 1, 1, 1)
    stopping = EarlyStopping(movies, patience=2)
    losses = [(3.0, 3.0), (2.0, 2.0), (2.5, 1.0), (2.6, 1.5), (9.0, 0.5)]
    going_on = []
    for iteration, loss in enumerate(losses):
        movies.fill_(iteration)
        going_on.append(stopping.update(iteration, torch.tensor(loss)).tolist())
    assert going_on == [[True, True], [True, True], [True, True], [False, True], [False, True]]
    assert stopping.best.flatten().tolist() == [1, 4]


def test_early_stopping_judges_no_version_of_the_warm_up():
    movies = torch.zeros(1, 1, 1, 1)
    stopping = EarlyStopping(movies, patience=2, first=3)
    going_on = []
    for iteration, loss in enumerate([0.0, 1.0, 1.0, 5.0, 4.0, 4.5, 4.6]):
        movies.fill_(iteration)
        going_on += stopping.update(iteration, torch.tensor([loss])).tolist()
    assert going_on == [True] * 6 + [False]
    assert stopping.best.item() == 4


def test_a_finished_movie_is_left_while_others_go_on():
    """Responses that are explained at once stop early; the result is shorter, not longer."""
    config = ReconstructionConfig(iterations=40, window_frames=None, left_out=0.5, patience=2)
    results = reconstruct([Filters()], 0, [target(8, seed) for seed in range(4)], config)
    lengths = [len(result.losses) for result in results]
    assert min(lengths) < 40
    for result in results:
        assert len(result.left_out_loss) == len(result.losses) == len(result.video_correlation)
        judged = result.left_out_loss[config.warm_up :]
        assert np.argmin(judged) >= len(judged) - 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tiled_windows": True, "window_frames": None}, "tiled_windows needs window_frames"),
        ({"left_out": 1.0}, "left_out must be 0 to below 1"),
        ({"patience": 0}, "patience at least 1"),
        ({"priors": {"smooth": 1.0}}, "'smooth: 1.0'; known.*spatial_smoothness"),
        ({"priors": {"natural_spectrum": -1.0}}, "weights >= 0"),
    ],
)
def test_settings_that_make_no_sense(changes, message):
    with pytest.raises(ReconstructionError, match=message):
        ReconstructionConfig(**changes)


class Hungry(Filters):
    """Fits only so many stacks."""

    most = 3
    seen: list[int]

    def forward(self, inputs, mouse):
        self.seen.append(len(inputs))
        if len(inputs) > self.most:
            raise torch.OutOfMemoryError("no more memory")
        return super().forward(inputs, mouse)


def test_batches_are_halved_until_they_fit():
    encoder = Hungry().double()
    encoder.seen = []
    (found,) = reconstruct([encoder], 0, [target(20)], BRIEF, batch=8)
    (expected,) = reconstruct([Filters().double()], 0, [target(20)], BRIEF)
    np.testing.assert_allclose(found.movie, expected.movie, atol=1e-9)
    assert [n for n in encoder.seen if n > 3] == [8, 4]


def test_a_cpu_takes_few_frames_at_a_time():
    encoder = Hungry()
    encoder.seen, encoder.most = [], 100
    whole = ReconstructionConfig(iterations=1, window_frames=None)
    reconstruct([encoder], 0, [target(250, seed) for seed in range(5)], whole)
    assert encoder.seen == [2, 2, 1]


def test_too_little_memory_for_one_window_says_what_to_change():
    encoder = Hungry()
    encoder.seen, encoder.most = [], 0
    with pytest.raises(ReconstructionError, match="one window does not fit the memory of cpu: lower reconstruction"):
        reconstruct([encoder], 0, [target()], BRIEF)


def test_other_errors_are_not_taken_for_want_of_memory():
    within = WithinMemory(4, torch.device("cpu"), 1, lambda batch: None)

    def broken(batch):
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        within.call(broken)
