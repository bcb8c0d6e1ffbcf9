"""Decoders against refitting, least squares and worlds in which the answer is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from movrecon_core.analysis import video_correlation
from movrecon_core.decoders import (
    convolutional,
    learn_mean_frame,
    learn_nearest,
    learn_pseudo_inverse,
    learn_receptive_field_sum,
)
from movrecon_core.decoders.by_name import LEARNERS, arrays_of, decoder_of
from movrecon_core.decoders.errors import error_spectrum, spread_of_frequencies
from movrecon_core.decoders.frames import doubled, halved
from movrecon_core.decoders.lagged import LONG_LAGS, SHORT_LAGS, lagged, sampled
from movrecon_core.decoders.ridge import PENALTIES, learn_ridge, left_out_errors
from movrecon_core.decoders.roots import Roots, learn_roots
from movrecon_core.errors import ReconstructionError
from movrecon_core.recordings import Trial

EVERYWHERE = np.ones((36, 64), dtype=bool)
NEURONS, DELAY = 24, 6


def world(trials: int = 8, frames: int = 120, noise: float = 0.0, seed: int = 0) -> list[Trial]:
    """Movies of 6 pictures whose strengths the neurons' square roots tell, 6 frames later."""
    random = np.random.default_rng(seed)
    pictures = (
        40 * gaussian_filter(np.random.default_rng(99).normal(size=(6, 18, 32)), (0, 2, 2)).reshape(6, 576) / 0.14
    )
    mixing = np.random.default_rng(98).normal(0, 0.3, (NEURONS, 6))
    found = []
    for index in range(trials):
        course = random.normal(size=(frames + DELAY, 6))
        for _ in range(3):  # slow
            course = (course + np.roll(course, 1, axis=0) + np.roll(course, -1, axis=0)) / 3
        movie = doubled(127.5 + course[DELAY:] @ pictures)
        roots = 2 + mixing @ course[:frames].T + noise * random.normal(size=(NEURONS, frames))
        responses = np.square(np.maximum(roots, 0)).astype(np.float32)
        still = np.zeros((2, frames), np.float32)
        found.append(Trial("world", index, movie, responses, still, still))
    return found


def quality(decoder, trials: list[Trial]) -> float:
    """Mean video correlation without the ends, where lagged frames are repeated."""
    inner = slice(12, -30)
    found = [video_correlation(t.movie[inner], decoder.decode(t.responses)[inner], EVERYWHERE) for t in trials]
    return float(np.mean(found))


def test_ridge_finds_a_linear_world_and_its_components() -> None:
    *learning, new = world(13)
    decoder = learn_ridge(learning)
    assert quality(decoder, [new]) > 0.98
    assert quality(decoder.components, [new]) > 0.98
    assert decoder.axes.shape == (576, 8)  # the world has 6
    assert quality(learn_mean_frame(learning), [new]) < 0.3


def test_ridge_is_least_squares_with_a_penalty() -> None:
    """The dual solution against numpy's least squares of the primal equations, extended by the penalty."""
    trials = world(noise=0.5)
    decoder = learn_ridge(trials)
    samples = sampled(trials, learn_roots([trial.responses for trial in trials]), decoder.lags.tolist())
    features = np.hstack([columns for _, columns in samples.features()])
    size = np.square(features).sum(axis=1).mean()
    columns = np.hstack([features / np.sqrt(size), np.ones((len(samples.pixels), 1))]).astype(np.float64)
    target = samples.pixels.astype(np.float64)
    found = (features @ decoder.weights) + decoder.mean - samples.pixel_mean + (samples.feature_mean @ decoder.weights)
    errors = []
    for penalty in PENALTIES:
        extended = np.vstack([columns, np.sqrt(penalty) * np.eye(columns.shape[1])])
        zeros = np.zeros((columns.shape[1], target.shape[1]))
        solution = np.linalg.lstsq(extended, np.vstack([target, zeros]), rcond=None)[0]
        errors.append(np.abs(columns @ solution - found).max())
    assert min(errors) < 0.02 < sorted(errors)[1]  # grey levels: one of the penalties, and no other


def test_samples_multiply_what_they_do_not_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some neurons and some rows at a time give the products of all features, the last parts being smaller."""
    trials = world(noise=0.5)
    whole = sampled(trials, learn_roots([trial.responses for trial in trials]), LONG_LAGS)
    features = np.concatenate([lagged(t.responses, whole.roots, LONG_LAGS, whole.every) for t in trials])
    np.testing.assert_allclose(whole.feature_mean, features.mean(axis=0), rtol=1e-5)
    features = (features - features.mean(axis=0)).astype(np.float64)
    count = len(whole.movies)
    monkeypatch.setattr("movrecon_core.decoders.lagged.PART", 7 * count * len(LONG_LAGS))
    monkeypatch.setattr("movrecon_core.decoders.lagged.ROWS_AT_ONCE", 50)
    assert [columns.stop for columns, _ in whole.features()] == [7 * 11, 14 * 11, 21 * 11, 24 * 11]
    np.testing.assert_allclose(whole.kernel(), features @ features.T, atol=1e-3)
    values = np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32)
    for chosen in (slice(None), whole.learning, whole.judging):
        found = whole.weighted_sum(values, chosen)
        np.testing.assert_allclose(found, features[chosen].T @ values[chosen], atol=1e-3)
    weights = np.random.default_rng(1).normal(size=(features.shape[1], 3)).astype(np.float32)
    np.testing.assert_allclose(whole.shown(weights), features @ weights, atol=1e-3)
    assert (whole.learning.stop, whole.judging.stop) == (whole.judging.start, count)
    assert set(whole.movies[whole.judging]) == {7}


def test_errors_of_a_left_out_movie_are_those_of_learning_without_it() -> None:
    random = torch.Generator().manual_seed(0)
    features = torch.randn(60, 20, generator=random, dtype=torch.float64)
    targets = torch.randn(60, 3, generator=random, dtype=torch.float64)
    movies = np.repeat([0, 1, 2, 3], 15)
    kernel = features @ features.t() + 1
    inverse = torch.linalg.inv(kernel + 2 * torch.eye(60))
    found = left_out_errors(inverse, inverse @ targets, movies)
    for movie in range(4):
        out = torch.from_numpy(movies == movie)
        solved = torch.linalg.solve(kernel[~out][:, ~out] + 2 * torch.eye(45), targets[~out])
        np.testing.assert_allclose(found[movies == movie], targets[out] - kernel[out][:, ~out] @ solved, atol=1e-10)


def test_receptive_fields_are_response_weighted_means() -> None:
    trials = world(noise=0.5)
    decoder = learn_receptive_field_sum(trials)
    frames = [range(t.frames)[2::4] for t in trials]
    shown = np.concatenate([halved(t.movie[list(f)]) for t, f in zip(trials, frames, strict=True)])
    root = np.sqrt(
        np.concatenate(
            [t.responses[:, [min(i + 4, t.frames - 1) for i in f]] for t, f in zip(trials, frames, strict=True)], axis=1
        )
    )
    neuron = 5
    field = (root[neuron] - root[neuron].mean()) @ (shown - shown.mean(axis=0))
    place = neuron * len(SHORT_LAGS) + SHORT_LAGS.index(4)
    assert np.corrcoef(field, decoder.weights[place])[0, 1] == pytest.approx(1, abs=1e-4)
    assert quality(decoder, trials) > 0.3
    assert quality(learn_pseudo_inverse(trials), trials) > 0.5


def test_nearest_movie_is_recognised_and_nothing_is_reconstructed() -> None:
    trials = world()
    decoder = learn_nearest(trials)
    coarse = doubled(halved(trials[3].movie))
    np.testing.assert_allclose(decoder.decode(trials[3].responses), coarse, atol=0.6)  # whole grey levels are kept
    assert len(decoder.decode(trials[3].responses[:, :50])) == 50


def test_network_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolutional, "ROUNDS", 4)
    *learning, new = world(13)
    _, learn = LEARNERS["network"]
    decoder, again = learn(learning, 0), learn(learning, 0)
    assert quality(decoder, [new]) > 0.3
    np.testing.assert_array_equal(decoder.decode(new.responses), again.decode(new.responses))


@pytest.mark.parametrize("name", LEARNERS)
def test_decoders_come_back_from_their_arrays(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolutional, "UPDATES", 2)
    trials = world(4, 100)
    decoder = LEARNERS[name][1](trials, 0)
    arrays = {key: value.copy() for key, value in arrays_of(decoder).items()}
    np.testing.assert_array_equal(
        decoder_of(name, arrays).decode(trials[0].responses), decoder.decode(trials[0].responses)
    )
    assert decoder.decode(trials[0].responses).shape == (100, 36, 64)
    with pytest.raises(ReconstructionError, match="24 neurons"):
        decoder.decode(trials[0].responses[:-1])


def test_one_movie_is_too_few() -> None:
    with pytest.raises(ReconstructionError, match="two training movies"):
        learn_ridge(world(1))


def test_lags_repeat_the_ends() -> None:
    responses = np.arange(5, dtype=np.float32)[None] ** 2
    found = lagged(responses, Roots(np.ones(1), np.asarray(2)), (-2, 0, 3))
    np.testing.assert_array_equal(found, [[0, 0, 3], [0, 1, 4], [0, 2, 4], [1, 3, 4], [2, 4, 4]])


def test_spectrum_of_white_errors_is_flat_and_of_right_size() -> None:
    """White noise of unit variance, seen at every fourth frame and in means of four pixels."""
    random = np.random.default_rng(0)
    movies = np.repeat(np.arange(40), 75)
    errors = random.normal(size=(len(movies), 576))
    power = error_spectrum(errors, movies, apart=4)
    np.testing.assert_allclose(power.mean(), 16, rtol=0.02)  # as if each sample stood for 4 frames of 4 pixels
    assert power.std() / power.mean() < 0.1
    spread = spread_of_frequencies(power, 4, 300)
    assert spread.shape == (75, 18, 32)
    np.testing.assert_allclose(np.square(spread).mean(), 16, rtol=0.02)


@pytest.mark.parametrize("at_a_time", [5, 256])
def test_heavy_tails_are_drawn_in_harder(at_a_time: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("movrecon_core.decoders.roots.AT_A_TIME", at_a_time)
    trials = world(4, 100)
    assert learn_roots([trial.responses for trial in trials]).root == 2
    heavy = [replace(trial, responses=(trial.responses / 10) ** 16) for trial in trials]
    found = learn_roots([trial.responses for trial in heavy])
    assert found.root == 4
    frames = np.concatenate([trial.responses for trial in heavy], axis=1)
    np.testing.assert_allclose(found.scale, frames.std(axis=1), rtol=1e-4)
    np.testing.assert_allclose(found(frames), (frames / found.scale[:, None]) ** 0.25, rtol=1e-5)
    silent = [replace(trial, responses=0 * trial.responses) for trial in trials]
    assert learn_roots([trial.responses for trial in silent]).scale.tolist() == [1] * NEURONS
