"""Reconstruction and mask training on encoders small enough to reason about."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from image_filters import NEURONS, Filters, target
from scipy.ndimage import gaussian_filter

from movrecon_core.analysis import video_correlation
from movrecon_core.encoders.inputs import crop_movie, encoder_inputs
from movrecon_core.errors import ReconstructionError
from movrecon_core.reconstruction import (
    MaskConfig,
    ReconstructionConfig,
    Segment,
    UnfinishedError,
    ensemble,
    evaluation_mask,
    population_mask,
    reconstruct,
    train_mask,
    training_mask,
)
from movrecon_core.reconstruction.box import bounding_box
from movrecon_core.reconstruction.masks import blend, gaussian_blur
from movrecon_core.reconstruction.movies import _blurred
from movrecon_core.reconstruction.objective import frozen, poisson_loss, window_gradients, window_responses
from movrecon_core.reconstruction.optimiser import MovieOptimiser, learning_rate
from movrecon_core.reconstruction.windows import window_starts

SHORT = ReconstructionConfig(iterations=8, window_frames=4, window_stride=2)


@pytest.mark.parametrize(("frames", "windows"), [(300, 35), (32, 2), (64, 6), (75, 7)])
def test_number_of_windows_is_the_method_pages(frames, windows):
    starts = window_starts(frames, 32, 8)
    assert len(starts) == windows == 2 + (frames - 32) // 8
    assert starts[-1] == frames - 32


@given(st.integers(4, 200), st.integers(1, 40), st.integers(1, 40))
def test_windows_cover_every_frame_when_the_stride_is_not_longer(frames, window, stride):
    if window > frames:
        with pytest.raises(ReconstructionError, match=f"{frames} frames is shorter than a window of {window}"):
            window_starts(frames, window, stride)
    elif stride <= window:
        covered = {frame for start in window_starts(frames, window, stride) for frame in range(start, start + window)}
        assert covered == set(range(frames))


def test_learning_rate_by_hand():
    config = ReconstructionConfig()
    assert learning_rate(0, config) == 0
    by_hand = 1000 * 0.3 * math.sqrt(1 - 0.999**4) / (1 - 0.9**4)
    assert learning_rate(3, config) == pytest.approx(by_hand)
    assert learning_rate(5000, config) == pytest.approx(1000 * math.sqrt(1 - 0.999**5001))


def test_optimiser_follows_the_recurrence_and_stays_within_grey_levels():
    config = ReconstructionConfig(learning_rate=20_000)
    random = np.random.default_rng(1)
    gradients = random.normal(0, 1, (12, 1, 3, 2, 2))
    mask = np.array([[1.0, 0.0], [1.0, 1.0]])
    movie, momentum = np.full((1, 3, 2, 2), 127.5), np.zeros((1, 3, 2, 2))
    tensor = torch.full((1, 3, 2, 2), 127.5, dtype=torch.float64)
    optimiser = MovieOptimiser(tensor, config)
    limits = []
    for t, gradient in enumerate(gradients):
        optimiser.step(t, torch.from_numpy(gradient), torch.from_numpy(mask))
        if t:
            momentum = 0.9 * momentum + 0.1 * np.clip(gradient * mask, -1, 1)
            rate = 20_000 * min(1, t / 10) * np.sqrt(1 - 0.999 ** (t + 1)) / (1 - 0.9 ** (t + 1))
            movie = np.clip(movie - rate * momentum / (1 - 0.9 ** (t + 1)), 0, 255)
        np.testing.assert_allclose(tensor.numpy(), movie, rtol=1e-12)
        limits += [(movie == 0).any(), (movie == 255).any()]
    assert any(limits[::2])
    assert any(limits[1::2])
    assert (tensor[..., 0, 1] == 127.5).all()


def test_poisson_loss_by_hand():
    predicted, observed = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), torch.tensor([[[0.0, 1.0], [2.0, 3.0]]])
    terms = [1, 2 - math.log(2), 3 - 2 * math.log(3), 4 - 3 * math.log(4)]
    assert poisson_loss(predicted, observed).item() == pytest.approx(sum(terms) / 4, abs=1e-6)
    second = torch.tensor([[False, True]])
    assert poisson_loss(predicted, observed, second).item() == pytest.approx(sum(terms[2:]) / 2, abs=1e-6)


def test_window_gradient_is_the_finite_difference_divided_by_its_norm():
    encoder = Filters().double()
    random = torch.Generator().manual_seed(3)
    movie = torch.rand(1, 3, 64, 64, generator=random, dtype=torch.float64) * 255
    behavior = torch.rand(1, 4, 3, generator=random, dtype=torch.float64) * 255
    window = torch.cat([movie[:, None], behavior[..., None, None].expand(1, 4, 3, 64, 64)], dim=1)
    observed = torch.rand(1, NEURONS, 3, generator=random, dtype=torch.float64)
    with frozen([encoder]):
        gradient, loss, norm, _ = window_gradients(encoder, 0, movie, behavior, observed)
        for frame, row, column in ((0, 5, 7), (2, 40, 63)):
            moved = window.clone()
            moved[0, 0, frame, row, column] += 1e-3
            slope = (poisson_loss(encoder(moved, 0), observed) - loss) / 1e-3
            assert gradient[0, frame, row, column].item() == pytest.approx((slope / (norm + 1e-6)).item(), rel=1e-4)
    # The norm is that of all channels, and running speed (a gain here) has a share in it.
    assert 0 < torch.linalg.vector_norm(gradient).item() < 1 - 1e-6


@given(arrays(bool, (6, 9)))
def test_bounding_box_is_the_smallest_that_holds_the_mask(mask):
    box = bounding_box(torch.from_numpy(mask))
    assert mask[box].sum() == mask.sum()
    if mask.any():
        rows, columns = mask[box].any(axis=1), mask[box].any(axis=0)
        assert all((rows[0], rows[-1], columns[0], columns[-1]))
    else:
        assert mask[box].shape == mask.shape


def test_smoothed_gradient_is_scipys_within_the_box():
    gradient = torch.randn(2, 20, 64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = gaussian_filter(gradient.numpy(), (0, 3.0, 2.0, 2.0), mode="nearest")
    found = _blurred(gradient, 3.0, 2.0, (..., slice(10, 30), slice(5, 64)))
    np.testing.assert_allclose(found, expected[..., 10:30, 5:64], atol=1e-9)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_window_responses_keep_the_order_of_frames(step):
    class Brightness(Filters):
        def forward(self, inputs, mouse):
            assert inputs.shape[2] == 6 // step
            return inputs[:, 0].mean(dim=(-2, -1))[:, None]

    windows = torch.arange(12.0).reshape(2, 1, 6, 1, 1).expand(2, 5, 6, 4, 4)
    responses = window_responses(Brightness(stack_step=step), windows, 0)
    assert torch.equal(responses, torch.arange(12.0).reshape(2, 1, 6))


@pytest.mark.parametrize("config", [SHORT, ReconstructionConfig(iterations=8, window_frames=None)])
def test_a_few_steps_lower_the_loss_and_keep_to_the_mask(config):
    mask = np.zeros((64, 64), dtype=bool)
    mask[20:40, 10:50] = True
    (result,) = reconstruct([Filters()], 0, [target(update_mask=mask)], config)
    assert result.loss[-1] < result.loss[0]
    assert np.all(result.movie[:, ~mask] == 127.5)
    assert np.all(result.movie[:, mask].std(axis=0) > 0)
    assert result.losses.shape == result.gradient_norm.shape == (8, 1, 6 if config.window_frames else 1)


@pytest.mark.parametrize("window_frames", [4, None])
def test_targets_of_different_lengths_do_not_see_each_other(window_frames):
    config = ReconstructionConfig(iterations=6, window_frames=window_frames, window_stride=2)
    targets = [target(12, 0), target(9, 1), target(12, 2)]
    together = reconstruct([Filters().double()], 0, targets, config, batch=5)
    for one, result in zip(targets, together, strict=True):
        (alone,) = reconstruct([Filters().double()], 0, [one], config, batch=1)
        assert alone.movie.dtype == np.float64
        np.testing.assert_allclose(result.movie, alone.movie, rtol=0, atol=1e-9)
        np.testing.assert_allclose(result.losses, alone.losses, rtol=1e-12)


def test_gradients_of_several_encoders_are_averaged():
    config = ReconstructionConfig(iterations=5, window_frames=4, window_stride=2)
    (single,) = reconstruct([Filters()], 0, [target()], config)
    (twice,) = reconstruct([Filters(), Filters()], 0, [target()], config)
    (mixed,) = reconstruct([Filters(), Filters(seed=1)], 0, [target()], config)
    np.testing.assert_allclose(twice.movie, single.movie, atol=1e-3)
    assert np.abs(mixed.movie - single.movie).max() > 1
    assert mixed.losses.shape == (5, 2, 6)


def test_silenced_neurons_pull_and_missing_neurons_do_not():
    kept = np.arange(NEURONS) < 3
    config = ReconstructionConfig(iterations=30, window_frames=None)
    full = target()
    silenced = target(responses=full.responses * kept[:, None])
    missing = target(neurons_in_loss=kept)
    results = reconstruct([Filters()], 0, [silenced, missing], config)
    with torch.no_grad():
        dropped = [
            Filters()(torch.from_numpy(np.stack([r.movie] + [np.zeros_like(r.movie)] * 4))[None], 0)[0, ~kept].mean()
            for r in results
        ]
    assert dropped[0] < dropped[1]
    # What missing neurons did is never looked at.
    other = target(neurons_in_loss=kept, responses=np.where(kept[:, None], full.responses, 99).astype(np.float32))
    (again,) = reconstruct([Filters()], 0, [other], config)
    np.testing.assert_array_equal(again.movie, reconstruct([Filters()], 0, [missing], config)[0].movie)


def test_callback_sees_every_iteration_in_the_targets_order():
    seen = {}

    def look(iteration, movies):
        seen[iteration] = [movie.numpy().copy() for movie in movies]

    results = reconstruct([Filters()], 0, [target(9), target(12), target(9, 1)], SHORT, on_iteration=look)
    assert list(seen) == list(range(1, 9))
    assert all((movie == 127.5).all() for movie in seen[1])  # the first iteration changes nothing
    for result, movie in zip(results, seen[8], strict=True):
        np.testing.assert_array_equal(result.movie, movie)


def test_encoders_are_left_as_they_were():
    encoder = Filters().train()
    encoder.images.requires_grad_(False)
    before = encoder.images.clone()
    reconstruct([encoder], 0, [target()], SHORT)
    assert encoder.training
    assert not encoder.images.requires_grad
    assert torch.equal(before, encoder.images)
    encoder.images.requires_grad_(True)
    reconstruct([encoder], 0, [target()], SHORT)
    assert encoder.images.requires_grad
    assert encoder.images.grad is None


def test_a_movie_that_is_not_finite_does_not_spoil_the_others():
    broken = np.full((2, 12), np.nan, dtype=np.float32)
    with pytest.raises(UnfinishedError, match=r"target 1: .* not finite") as raised:
        reconstruct([Filters()], 0, [target(), target(behavior=broken), target(seed=2)], SHORT)
    first, second, third = raised.value.finished
    assert second is None
    np.testing.assert_allclose(first.movie, reconstruct([Filters()], 0, [target()], SHORT)[0].movie, atol=1e-3)
    assert np.isfinite(third.movie).all()


@pytest.mark.parametrize(
    ("encoder", "bad", "message"),
    [
        (Filters(), target(responses=np.ones((3, 12))), "target 1: expected responses of 6 neurons"),
        (Filters(), target(behavior=np.ones((2, 11))), r"target 1: expected behavior of shape \(2, 12\)"),
        (Filters(), target(update_mask=np.zeros((64, 64), bool)), "target 1: update_mask selects no pixel"),
        (Filters(), target(update_mask=np.ones((36, 64), bool)), "target 1: expected update_mask of shape"),
        (Filters(), target(neurons_in_loss=np.zeros(NEURONS, bool)), "target 1: neurons_in_loss"),
        (Filters(), target(3), "target 1: a movie of 3 frames is shorter than a window of 4"),
        (Filters(stack_frames=3), target(), "set window_frames to at most 3"),
        (Filters(stack_step=3), target(), "multiple of 3"),
    ],
)
def test_bad_targets_are_named(encoder, bad, message):
    """And the good ones of the call are found all the same."""
    targets = [target(), bad] if "target 1" in message else [bad]
    with pytest.raises(UnfinishedError, match=message) as raised:
        reconstruct([encoder], 0, targets, SHORT)
    assert [result is None for result in raised.value.finished] == [other is bad for other in targets]


def test_unknown_mouse_and_empty_calls():
    with pytest.raises(ReconstructionError, match="mouse 1: the encoder knows mice 0 to 0"):
        reconstruct([Filters()], 1, [target()], SHORT)
    with pytest.raises(ReconstructionError, match="at least one encoder"):
        reconstruct([], 0, [target()], SHORT)
    with pytest.raises(ReconstructionError, match="at least 1"):
        ReconstructionConfig(iterations=0)


def test_ensemble_is_the_mean_and_the_filter_keeps_the_brightness():
    movies = np.random.default_rng(0).uniform(0, 255, (4, 10, 12, 14))
    np.testing.assert_allclose(ensemble(movies, sigma=None), movies.mean(axis=0))
    impulse = np.zeros((1, 9, 9, 9))
    impulse[0, 4, 4, 4] = 1
    weights = np.exp(-2.0 * np.arange(-2, 3) ** 2)  # sigma 0.5, cut at 4 sigma
    weights /= weights.sum()
    expected = np.einsum("i,j,k->ijk", weights, weights, weights)
    np.testing.assert_allclose(ensemble(impulse)[2:7, 2:7, 2:7], expected, atol=1e-12)


def test_mask_thresholds_include_their_value():
    alpha = np.array([0.49, 0.5, 0.99, 1.0, 1.2])
    assert training_mask(alpha).tolist() == [False, True, True, True, True]
    assert evaluation_mask(alpha).tolist() == [False, False, False, True, True]


@pytest.mark.parametrize("kept", [0.125, 0.25, 0.5, 1.0])
def test_population_mask_keeps_the_share_it_should(kept):
    masks = np.stack([population_mask(4000, kept, seed) for seed in range(3)])
    assert abs(masks.mean() - kept) < 0.02
    assert np.array_equal(masks[1], population_mask(4000, kept, 1))
    assert kept == 1.0 or not np.array_equal(masks[0], masks[1])


def test_blend_clips_alpha_and_leaves_behaviour_alone():
    inputs, background = torch.rand(5, 2, 4, 4), torch.rand(2, 4, 4)
    alpha = torch.tensor([-1.0, 0.0, 0.25, 3.0]).expand(2, 4, 4)
    blended = blend(inputs, background, alpha)
    torch.testing.assert_close(blended[0, ..., :2], background[..., :2])
    torch.testing.assert_close(blended[0, ..., 2], 0.25 * inputs[0, ..., 2] + 0.75 * background[..., 2])
    torch.testing.assert_close(blended[0, ..., 3], inputs[0, ..., 3])
    assert torch.equal(blended[1:], inputs[1:])


def test_blur_against_a_plain_convolution():
    image = torch.rand(20, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    offsets = np.arange(-3, 4)
    kernel = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 2.0**2))
    kernel /= kernel.sum()
    mirrored = np.pad(image.numpy(), 3, mode="reflect")
    expected = sum(
        kernel[i, j] * mirrored[i : i + 20, j : j + 24] for i in range(len(offsets)) for j in range(len(offsets))
    )
    np.testing.assert_allclose(gaussian_blur(image, 7, 2.0), expected, rtol=1e-10)


def test_mask_grows_where_the_neurons_look_and_is_reproducible():
    encoder = Filters().double()
    with torch.no_grad():
        encoder.images[:, :, :32] = 0  # neurons see the right half alone
        encoder.images[:, :, 32:] = encoder.images[:, :, 32:].abs()
    random = np.random.default_rng(0)
    segments = []
    for _ in range(5):
        movie = np.repeat(random.uniform(0, 255, (8, 1, 1)), 36, axis=1) * np.ones((1, 1, 64))
        behavior, pupil = np.zeros((2, 8)), np.zeros((2, 8))
        with torch.no_grad():
            responses = encoder(encoder_inputs(movie, behavior, pupil)[None].double(), 0)[0].numpy()
        segments.append(Segment(movie, behavior, pupil, responses))
    config = MaskConfig(iterations=40, learning_rate=30)
    alpha = train_mask(encoder, 0, segments, config, seed=1)
    assert alpha.shape == (64, 64)
    assert alpha[14:50, 45:].mean() > 0.1
    assert np.all((alpha[:, :20] >= 0) & (alpha[:, :20] <= 0.05))
    np.testing.assert_array_equal(alpha, train_mask(encoder, 0, segments, config, seed=1))
    assert not np.array_equal(alpha, train_mask(encoder, 0, segments, config, seed=2))


def test_bad_segments_are_named():
    good = Segment(np.zeros((8, 36, 64)), np.zeros((2, 8)), np.zeros((2, 8)), np.zeros((NEURONS, 8)))
    bad = Segment(np.zeros((8, 36, 64)), np.zeros((2, 8)), np.zeros((2, 8)), np.zeros((NEURONS + 1, 8)))
    with pytest.raises(ReconstructionError, match="at least two"):
        train_mask(Filters(), 0, [good])
    with pytest.raises(ReconstructionError, match="segment 1"):
        train_mask(Filters(), 0, [good, bad])
    with pytest.raises(ReconstructionError, match="set window_frames to at most 4"):
        train_mask(Filters(stack_frames=4), 0, [good, good])


def test_recorded_video_correlation_is_that_of_the_movies_themselves():
    """The curve equals the metric of the analysis on the movie of that iteration, in the mask, from frame 30 on."""
    random = np.random.default_rng(1)
    truth = random.uniform(0, 255, (40, 36, 64)).astype(np.float32)
    mask = np.zeros((64, 64), dtype=bool)
    mask[20:40, 10:50] = True
    targets = [target(40, truth=truth, evaluation_mask=mask), target(40, seed=2), target(40, seed=3, truth=truth)]
    seen: list[list[np.ndarray]] = []
    config = ReconstructionConfig(iterations=5, window_frames=None)
    results = reconstruct(
        [Filters()], 0, targets, config, on_iteration=lambda _, movies: seen.append([m.numpy().copy() for m in movies])
    )
    assert np.isnan(results[1].video_correlation).all()
    assert np.isnan(results[0].video_correlation[0])  # no update at iteration 0: still flat
    for result, index, pixels in ((results[0], 0, mask), (results[2], 2, np.ones_like(mask))):
        expected = [
            video_correlation(truth[30:], crop_movie(movies[index])[30:], crop_movie(pixels)) for movies in seen[1:]
        ]
        np.testing.assert_allclose(result.video_correlation[1:], expected, atol=1e-4)
