"""Movies pulled to a decoder's: gradients against autograd and differences, and worlds in which the answer is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.fft import dctn
from torch import Tensor

from movrecon_core.decoders.roots import Roots
from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.errors import ReconstructionError
from movrecon_core.reconstruction import Guide, Misfit, Target, best_config, learn_misfit, reconstruct
from movrecon_core.reconstruction.guided import (
    GuidedGroup,
    cosines,
    curvature,
    negative_log_likelihood,
    standardised,
)
from movrecon_core.reconstruction.optimiser import decayed_rate

FRAMES, NEURONS = 40, 3


class Patches(Encoder):
    """Each neuron's response is the mean grey level of a patch, some time point by itself."""

    stack_frames, stack_step, neurons = None, 1, (NEURONS,)

    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(()))

    def forward(self, inputs: Tensor, mouse: int) -> Tensor:
        movie = inputs[:, 0]
        patches = [movie[..., 20:30, 10 + 15 * n : 20 + 15 * n].mean(dim=(2, 3)) for n in range(NEURONS)]
        return self.gain * torch.stack(patches, dim=1) / 10


CONFIG = replace(best_config(None), precision=None, independence=1.0)


def world(spread: float = 3.0, noise: float = 0.02) -> tuple[Encoder, Target]:
    """A decoder that shows grey, and responses to a brighter movie."""
    encoder = Patches()
    truth = np.full((FRAMES, 36, 64), 160.0, np.float32)
    shown = torch.zeros(1, 5, FRAMES, 64, 64)
    shown[0, 0, :, 14:50] = torch.from_numpy(truth)
    responses = encoder(shown, 0)[0].detach().numpy()
    ones = np.ones(NEURONS, np.float32)
    misfit = Misfit(ones, ones / 2, ones, 0 * ones, noise * ones)
    spreads = np.zeros((10, 9, 16), np.float32)
    spreads[0, :, :] = spread * 100
    guide = Guide(np.full_like(truth, 120), spreads, (misfit,))
    still = np.zeros((2, FRAMES), np.float32)
    mask = np.zeros((64, 64), dtype=bool)
    mask[16:40, 5:60] = True
    return encoder, Target(responses, still, still, mask, truth=truth, guide=guide)


def test_cosines_are_the_orthonormal_transform() -> None:
    movie = np.random.default_rng(0).normal(size=(12, 6, 8))
    time, rows, columns = (cosines(n, k).numpy() for n, k in ((12, 5), (6, 6), (8, 3)))
    found = np.einsum("tyx,tk,yr,xc->krc", movie, time, rows, columns)
    np.testing.assert_allclose(found, dctn(movie, norm="ortho")[:5, :, :3], atol=1e-12)


def test_the_pulled_gradient_is_that_of_likelihood_and_prior() -> None:
    """Against automatic differentiation of the whole objective with respect to the coefficients, in float64."""
    encoder, target = world()
    encoder.double()
    weight = encoder.gain
    group = GuidedGroup([target], 1, CONFIG, weight)
    random = torch.Generator().manual_seed(0)
    group.coefficients = 0.02 * torch.randn(group.spread.shape, generator=random, dtype=torch.float64)
    group._show()
    found = group.pulled(group.gradient([encoder], 0, 0, 8))

    variable = group.coefficients.clone().requires_grad_()
    time, rows, columns = group.cosines
    change = torch.einsum("tk,mkrc,yr,xc->mtyx", time, group.spread * variable, rows, columns)
    movie = group.start + change * crop_movie(group.mask)
    inputs = torch.zeros(1, 5, FRAMES, 64, 64, dtype=torch.float64)
    inputs[:, 0, :, 14:50] = movie
    likelihood = negative_log_likelihood(encoder(inputs, 0), group.standardised[0], None, group.misfits[0], 1.0)
    (expected,) = torch.autograd.grad(likelihood.sum() + 0.5 * variable.square().sum(), variable)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert expected.abs().max() > 1


@pytest.mark.parametrize("exponents", [[0.25] * 4, [0.5] * 4, [0.5, 0.25, 0.25, 0.5]])
def test_likelihood_is_the_gaussian_of_roots(exponents: list[float]) -> None:
    random = np.random.default_rng(0)
    target, predicted = random.gamma(1, 1, (2, 1, 4, 6))
    misfit = random.uniform(0.5, 2, (5, 1, 4, 1))
    misfit[1] = np.array(exponents)[:, None]
    kept = np.array([[True, False, True, True]])
    shown, responses, counted, known_misfit = (torch.from_numpy(x) for x in (predicted, target, kept, misfit))
    scale, exponent, slope, offset, spread = misfit
    roots, known = ((x / scale) ** exponent for x in (target, predicted + 1e-6))
    left = (roots - slope * known - offset) / spread
    expected = 0.1 * 0.5 * np.square(left)[:, [0, 2, 3]].sum()
    observed = standardised(responses, known_misfit)
    found = negative_log_likelihood(shown, observed, counted, known_misfit, 0.1)
    assert found.item() == pytest.approx(expected)


def test_the_movie_follows_responses_where_the_decoder_may_err() -> None:
    encoder, target = world()
    (found,) = reconstruct([encoder], 0, [target], replace(CONFIG, iterations=150))
    movie = crop_movie(found.movie)
    for n in range(NEURONS):
        assert abs(movie[:, 6:16, 10 + 15 * n : 20 + 15 * n].mean() - 160) < 2
    assert movie[:, 6:16, 20:25].mean() < 158  # no neuron looks there
    outside = ~crop_movie(target.update_mask)
    np.testing.assert_array_equal(movie[:, outside], 120)
    assert not found.movie[:, :14].any()  # the padding is as in training


def test_a_decoder_that_never_errs_is_believed() -> None:
    encoder, target = world(spread=1e-4)
    (found,) = reconstruct([encoder], 0, [target], CONFIG)
    np.testing.assert_allclose(crop_movie(found.movie), 120, atol=0.5)


def test_responses_that_tell_nothing_change_nothing() -> None:
    encoder, target = world(noise=1e6)
    (found,) = reconstruct([encoder], 0, [target], CONFIG)
    np.testing.assert_allclose(crop_movie(found.movie), 120, atol=0.5)


@pytest.mark.parametrize("known", [0.0, 0.1, 1.0, 30.0])
def test_the_size_of_gradients_tells_the_curvature(known: float) -> None:
    """Of a quadratic loss whose minimum is drawn from the prior, seen through noise of the size that it expects."""
    random = torch.Generator().manual_seed(0)
    truth, noise = torch.randn(2, 1, 40, 20, 20, generator=random)
    gradient = -known * truth - known**0.5 * noise
    found = curvature(gradient)
    assert found.shape == gradient.shape
    assert found.mean().item() == pytest.approx(known, rel=0.05, abs=1e-6)


def test_few_steps_come_as_near_as_many() -> None:
    encoder, target = world()

    def loss(iterations: int) -> float:
        group = GuidedGroup([target], 1, replace(CONFIG, iterations=iterations), encoder.gain.detach())
        for iteration in range(iterations):
            group.step([encoder], 0, iteration, 8)
        inputs = torch.zeros(1, 5, FRAMES, 64, 64)
        inputs[:, 0] = group.movies
        predicted = encoder(inputs, 0).detach()
        likelihood = negative_log_likelihood(predicted, group.standardised[0], None, group.misfits[0], 1.0)
        return float(likelihood + 0.5 * group.coefficients.square().sum())

    least = loss(300)
    assert loss(CONFIG.iterations) - least < 0.02 * (loss(1) - least)


@pytest.mark.parametrize("at_a_time", [2, 256])
def test_misfit_is_the_regression_of_roots(at_a_time: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("movrecon_core.decoders.roots.AT_A_TIME", at_a_time)
    random = np.random.default_rng(0)
    predicted = random.gamma(2, 1, (3, 4000))
    roots = 0.5 * np.sqrt(predicted) + 1 + 0.1 * random.normal(size=predicted.shape)
    recorded = np.square(roots)
    recorded[2] = 0  # a silent neuron
    scale = np.array([1.0, 2.0, 3.0])
    movies = (np.split(responses, [1500, 1501], axis=1) for responses in (recorded, predicted))
    found = learn_misfit(*movies, Roots(scale, np.asarray(2)))
    for n in (0, 1):
        line = np.polyfit(np.sqrt(predicted[n] / scale[n]), np.sqrt(recorded[n] / scale[n]), 1)
        np.testing.assert_allclose([found.slope[n], found.offset[n]], line, rtol=1e-4)
        assert found.spread[n] == pytest.approx(0.1 / np.sqrt(scale[n]), rel=0.05)
    assert found.slope[2] == 0
    assert found.spread[2] == 1


def test_rate_falls_to_its_last_part() -> None:
    config = replace(CONFIG, learning_rate=0.2, final_rate=0.25, iterations=10)
    assert decayed_rate(0, config) == pytest.approx(0.2)
    assert decayed_rate(10, config) == pytest.approx(0.05)


def test_what_does_not_fit_is_named() -> None:
    encoder, target = world()
    with pytest.raises(ReconstructionError, match="expected a guide"):
        reconstruct([encoder], 0, [replace(target, guide=None)], CONFIG)
    with pytest.raises(ReconstructionError, match="misfits of 2 encoders, found 1"):
        reconstruct([encoder, encoder], 0, [target], CONFIG)
    with pytest.raises(ReconstructionError, match="a decoder takes the place of left_out"):
        replace(CONFIG, left_out=0.1)
    with pytest.raises(ReconstructionError, match="independence"):
        replace(CONFIG, independence=0)
