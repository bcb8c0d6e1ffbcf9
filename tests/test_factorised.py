"""The light encoder against what must hold for any weights."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from movrecon_core.encoders.factorised import Factorised, FactorisedConfig
from movrecon_core.encoders.inputs import PADDING
from movrecon_core.encoders.statistics import ResponseStatistics

SMALL = FactorisedConfig((3, 5), features=(4, 6), temporal_kernel=3, behavior_features=2)


@pytest.fixture
def encoder() -> Factorised:
    torch.manual_seed(0)
    encoder = Factorised(SMALL).double().eval()
    for readout in encoder.readouts:
        for weight in (readout.weight, readout.gain, readout.offset):
            torch.nn.init.normal_(weight)
    return encoder


def movie(frames: int, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    inputs = torch.rand(1, 5, frames, 64, 64, dtype=torch.float64, generator=random) * 255
    inputs[:, 1:] = torch.randn(1, 4, frames, 1, 1, dtype=torch.float64, generator=random)
    return inputs


@given(frames=st.integers(1, 40), mouse=st.integers(0, 1))
def test_any_length_gives_that_many_responses(frames, mouse):
    torch.manual_seed(0)
    responses = Factorised(SMALL).double().eval()(movie(frames), mouse)
    assert responses.shape == (1, SMALL.readout_outputs[mouse], frames)
    assert (responses >= 0).all()


def test_responses_do_not_see_the_future(encoder):
    shown, changed = movie(40), movie(40)
    changed[:, 0, 30:] = 255 - changed[:, 0, 30:]
    difference = (encoder(shown, 1) - encoder(changed, 1)).abs().amax((0, 1))
    # Half the frame rate, interpolated: a frame may reach back over its own pair and half of the one before.
    assert difference[:29].max() == 0
    assert difference[30:].min() > 0


def test_the_padding_is_not_seen(encoder):
    inputs = movie(20)
    rows = slice(PADDING, PADDING + 36)
    torch.testing.assert_close(encoder(inputs, 0), encoder(inputs[..., rows, :], 0))


def test_gradient_is_the_slope_of_the_responses(encoder):
    inputs, direction = movie(20).requires_grad_(), movie(20, seed=1)
    (gradient,) = torch.autograd.grad(encoder(inputs, 1).sum(), inputs)
    step = 1e-5
    with torch.no_grad():
        slope = (encoder(inputs + step * direction, 1) - encoder(inputs - step * direction, 1)).sum() / (2 * step)
    np.testing.assert_allclose((gradient * direction).sum().item(), slope.item(), rtol=1e-7)


def test_an_untuned_neuron_fires_at_its_mean(encoder):
    mean = np.array([0.5, 2.0, 7.0])
    encoder.initialise(0, lambda: ResponseStatistics(mean, np.zeros(4), np.ones(4), np.zeros((3, 2))))
    readout = encoder.readouts[0]
    for weight in (readout.weight, readout.gain, readout.offset):
        torch.nn.init.zeros_(weight)
    responses = encoder(movie(12), 0)[0].detach().numpy()
    np.testing.assert_allclose(responses, np.repeat(mean[:, None], 12, axis=1), rtol=1e-6)


def test_bfloat16_stays_near_float64(encoder):
    inputs = movie(60)
    exact = encoder(inputs, 1)
    fast = encoder.float()(inputs.float(), 1).double()
    correlation = np.corrcoef(exact.detach().numpy().ravel(), fast.detach().numpy().ravel())[0, 1]
    assert correlation > 0.999
