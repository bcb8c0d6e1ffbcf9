"""The light encoder against what must hold for any weights."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from movrecon_core.encoders.factorised import (
    COLUMNS,
    GROUP,
    LARGEST_SHIFT,
    ROWS,
    STRIP,
    Factorised,
    FactorisedConfig,
    _gaussian,
    _parts,
)
from movrecon_core.encoders.inputs import PADDING
from movrecon_core.encoders.statistics import ResponseStatistics
from movrecon_core.reconstruction.objective import window_gradients

SMALL = FactorisedConfig((3, 5), features=(4, 6), temporal_kernel=3, behavior_features=2)


@pytest.fixture
def encoder() -> Factorised:
    torch.manual_seed(0)
    encoder = Factorised(SMALL).double().eval()
    for readout in encoder.readouts:
        for weight in (readout.weight, readout.gain, readout.offset):
            torch.nn.init.normal_(weight)
        torch.nn.init.uniform_(readout.position, -0.9, 0.9)
        torch.nn.init.normal_(readout.shifter[2].weight)
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


def test_a_neuron_reads_a_gaussian_around_its_position(encoder):
    features = torch.randn(7, SMALL.features[1], COLUMNS, ROWS, dtype=torch.float64)
    readout = encoder.readouts[1]
    drive = readout.driven(features)
    for neuron in range(5):
        row, column = (readout.position[neuron] + 1) / 2 * torch.tensor([17 / 2, 31 / 2])
        rows, columns = torch.arange(ROWS), torch.arange(COLUMNS)
        squared = (rows[:, None] - row) ** 2 + (columns - column) ** 2
        place = torch.exp(-squared / (2 * torch.exp(2 * readout.log_width[neuron])))
        read = (columns - column).abs().sort().indices[:STRIP]  # whole columns: the nearest ones
        kept = torch.zeros_like(place)
        kept[:, read] = place[:, read]
        expected = torch.einsum("fcxy,yx,c->f", features, kept / kept.sum(), readout.weight[neuron])
        torch.testing.assert_close(drive[neuron], expected)


def test_no_weight_of_a_position_is_so_small_that_processors_slow_down():
    distances = torch.linspace(-12, 12, ROWS).repeat(40, 1)
    sharpness = torch.logspace(-2, 2, 40)[:, None]
    weights = _gaussian(distances, sharpness)
    exact = torch.softmax(-0.5 * distances.double().square() * sharpness.double(), dim=1)
    assert ((exact > 0) & (exact < torch.finfo(torch.float32).tiny)).any()
    assert weights[weights > 0].min() > 1e9 * torch.finfo(torch.float32).tiny
    torch.testing.assert_close(weights.double(), exact, rtol=1e-5, atol=1e-11)


def test_gradients_of_the_readout_are_slopes(encoder):
    readout = encoder.readouts[0]
    features = torch.randn(3, SMALL.features[1], COLUMNS, ROWS, dtype=torch.float64, requires_grad=True)
    names = ["position", "log_width", "weight"]

    def drive(features, *values):
        return torch.func.functional_call(readout, dict(zip(names, values, strict=True)), (features,))

    values = [getattr(readout, name).detach().clone().requires_grad_() for name in names]
    readout.forward = readout.driven
    assert torch.autograd.gradcheck(drive, (features, *values), atol=1e-6)


def test_behaviour_apart_changes_nothing(encoder):
    """The gradient and its norm over all five channels are those of the joined inputs."""
    inputs = movie(12)
    shown, behavior = inputs[:, 0], inputs[:, 1:].mean(dim=(-2, -1))
    responses = torch.rand(1, 3, 12, dtype=torch.float64)
    apart = window_gradients(encoder, 0, shown, behavior, responses)
    encoder.behavior_apart = False
    joined = window_gradients(encoder, 0, shown, behavior, responses)
    for found, expected in zip(apart[:3], joined[:3], strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)
    # Behaviour has a share in the norm.
    assert torch.linalg.vector_norm(apart.gradient) < 1 - 1e-6


def test_gaze_displaces_the_movie(encoder):
    """Eyes that look two pixels to the right see what eyes at rest see of a movie moved two pixels to the left."""
    readout = encoder.readouts[0]
    readout.shifter[2].weight.data.zero_()
    readout.shifter[2].bias.data = torch.atanh(torch.tensor([2 / LARGEST_SHIFT, 0.0], dtype=torch.float64))
    shown = movie(12)[:, 0, :, 14:50]
    seen = readout.on_retina(shown, torch.zeros(1, 12, 4, dtype=torch.float64))
    seen = seen.view(1, 12, 32, 18, 2, 2).permute(0, 1, 3, 4, 2, 5).reshape(1, 12, 36, 64)
    # Pixel centres are single precision: 1e-7 of the frame's width times the difference of two pixels.
    torch.testing.assert_close(seen[..., :-2], shown[..., 2:], rtol=0, atol=1e-3)
    torch.testing.assert_close(seen[..., -1], shown[..., -1], rtol=0, atol=1e-3)


def test_operations_of_a_step():
    """A quarter of the 87 million operations of a dense readout and space-time layer, for each two frames."""
    encoder = Factorised(FactorisedConfig((500,)))
    torch.nn.init.uniform_(encoder.readouts[0].position, -0.6, 0.6)
    with FlopCounterMode(display=False) as counter:
        encoder(movie(60).float(), 0)
    assert counter.get_total_flops() / 30 < 87e6 / 4


def test_operations_grow_with_neurons_times_what_one_reads():
    def operations(neurons: int) -> int:
        with FlopCounterMode(display=False) as counter:
            encoder.readouts[0].driven(features)
        return counter.get_total_flops()

    features = torch.zeros(10, 64, COLUMNS, ROWS)
    for neurons in (100, 1500):
        encoder = Factorised(FactorisedConfig((neurons,)))
        needed = 2 * 10 * STRIP * ROWS * 64  # of a neuron
        filled_up = (COLUMNS - STRIP + 1) * (GROUP - 1)
        assert needed * neurons <= operations(neurons) <= needed * (neurons + filled_up)


def test_products_keep_their_sizes_while_neurons_move():
    """Libraries prepare a product of a new size anew: hundreds of sizes take time and memory."""
    torch.manual_seed(0)
    columns = torch.rand(1500) * (COLUMNS - STRIP)
    sizes = set()
    for _ in range(50):
        columns = (columns + 0.1 * torch.randn(1500)).clamp(0, COLUMNS - STRIP)
        parts, rows = _parts(columns.round().long().sort().values, COLUMNS, STRIP, 9)
        assert len(rows.unique()) == 1500
        sizes |= {neurons.stop - neurons.start for neurons, _ in parts}
    assert len(sizes) <= 10
