"""The plainest encoder against its formula, written once more with numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from movrecon_core.encoders.inputs import PADDING
from movrecon_core.encoders.linear_nonlinear import COLUMNS, ROWS, WIDTH, LinearNonlinear, LinearNonlinearConfig
from movrecon_core.encoders.statistics import ResponseStatistics

CONFIG = LinearNonlinearConfig((3, 5), temporal_kernel=4)
MEAN = np.array([0.5, 2.0, 7.0])
CENTRES = np.array([[0.0, 0.0], [-0.5, 0.25], [1.0, -1.0]])
BEHAVIOR = (np.array([40.0, 5.0, 2.0, -1.0]), np.array([10.0, 3.0, 1.5, 2.5]))


@pytest.fixture
def encoder() -> LinearNonlinear:
    torch.manual_seed(0)
    encoder = LinearNonlinear(CONFIG).double().eval()
    encoder.initialise(0, lambda: ResponseStatistics(MEAN, *BEHAVIOR, CENTRES))
    for readout in encoder.readouts:
        for weight, scale in ((readout.picture, 0.05), (readout.kernel, 1.0), (readout.gain, 0.3), (readout.offset, 1)):
            torch.nn.init.normal_(weight, std=scale)
    return encoder


def inputs(frames: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    found = torch.rand(1, 5, frames, 64, 64, dtype=torch.float64, generator=random) * 255
    found[:, 1:] = 3 * torch.randn(1, 4, frames, 1, 1, dtype=torch.float64, generator=random)
    return found


def test_responses_are_those_of_the_formula(encoder: LinearNonlinear) -> None:
    frames = 12
    shown = inputs(frames)
    movie, behavior = shown[0, 0, :, PADDING : PADDING + 36].numpy(), shown[0, 1:, :, 0, 0].numpy()
    contrast = (movie.reshape(frames // 2, 2, ROWS, 2, COLUMNS, 2).mean((1, 3, 5)) - 127.5) / 60
    state = (behavior - BEHAVIOR[0][:, None]) / BEHAVIOR[1][:, None]
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    readout = encoder.readouts[0]
    for neuron in range(3):
        row, column = (CENTRES[neuron] + 1) / 2 * [ROWS - 1, COLUMNS - 1]
        around = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * WIDTH**2))
        picture, kernel = readout.picture[neuron].detach().numpy(), readout.kernel[neuron, 0].detach().numpy()
        product = contrast.reshape(frames // 2, -1) @ (picture * around.ravel())
        earlier = np.concatenate([np.full(3, product[0]), product])
        drive = np.array([earlier[t : t + 4] @ kernel for t in range(frames // 2)])
        drive = np.interp((np.arange(frames) - 0.5) / 2, np.arange(frames // 2), drive)  # each stands for two frames
        gain, offset = (weights[neuron].detach().numpy() @ state for weights in (readout.gain, readout.offset))
        expected = MEAN[neuron] * np.log1p(np.exp(drive * np.exp(gain) + offset + np.log(np.e - 1)))
        np.testing.assert_allclose(encoder(shown, 0)[0, neuron].detach(), expected, rtol=1e-7)  # the bias is single


@given(frames=st.integers(1, 30), mouse=st.integers(0, 1))
def test_any_length_gives_that_many_responses(frames: int, mouse: int) -> None:
    responses = LinearNonlinear(CONFIG).double().eval()(inputs(frames), mouse)
    assert responses.shape == (1, CONFIG.readout_outputs[mouse], frames)
    assert (responses >= 0).all()


def test_an_untuned_neuron_fires_at_its_mean() -> None:
    encoder = LinearNonlinear(CONFIG).double()
    encoder.initialise(0, lambda: ResponseStatistics(MEAN, *BEHAVIOR, CENTRES))
    expected = np.repeat(MEAN[:, None], 9, axis=1)
    np.testing.assert_allclose(encoder(inputs(9), 0)[0].detach(), expected, rtol=1e-6)


def test_responses_see_neither_the_future_nor_the_padding(encoder: LinearNonlinear) -> None:
    shown, changed = inputs(24), inputs(24)
    changed[:, 0, 20:] = 255 - changed[:, 0, 20:]
    difference = (encoder(shown, 0) - encoder(changed, 0)).abs().amax((0, 1))
    # Half the frame rate, interpolated: a frame may reach back over its own pair and half of the one before.
    assert difference[:19].max() == 0
    assert difference[20:].min() > 0
    torch.testing.assert_close(encoder(shown, 0), encoder(shown[..., PADDING : PADDING + 36, :], 0))
