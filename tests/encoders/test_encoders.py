"""DwiseNeuro, inputs and prediction."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.dwiseneuro import DwiseNeuro, DwiseNeuroConfig
from movrecon_core.encoders.inputs import crop_movie, encoder_inputs
from movrecon_core.encoders.prediction import predict, predict_movies
from movrecon_core.errors import ReconstructionError

SMALL = DwiseNeuroConfig(
    readout_outputs=(5, 4),
    core_features=(8, 12),
    spatial_strides=(2, 2),
    expansion_ratio=2,
    se_reduce_ratio=4,
    cortex_features=(16, 20),
)


def test_paper_size_costs_what_the_method_page_says():
    with torch.device("meta"):
        encoder = DwiseNeuro(DwiseNeuroConfig(readout_outputs=(8000,))).eval()
        stack = torch.empty(1, 5, 16, 64, 64)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        encoder(stack, 0)
    assert counter.get_total_flops() / 1e9 == pytest.approx(29.2, abs=0.05)


def test_depthwise_convolutions_are_three_dimensional_convolutions():
    block = DwiseNeuro(SMALL).core.blocks[1]
    x = torch.rand(2, 16, 7, 9, 11)
    for convolution, padding in ((block.spat_covn_dw[0], (0, 1, 1)), (block.temp_covn_dw[0], (2, 0, 0))):
        expected = nn.functional.conv3d(
            x, convolution.weight, stride=convolution.stride, padding=padding, groups=convolution.groups
        )
        torch.testing.assert_close(convolution(x), expected)


def test_dwiseneuro_trains_all_its_weights():
    torch.manual_seed(0)
    encoder = DwiseNeuro(SMALL).train()
    responses = encoder(torch.rand(3, 5, 6, 16, 16) * 255, 1)
    assert responses.shape == (3, 4, 6)
    assert (responses >= 0).all()
    responses.square().sum().backward()
    without = {name for name, weight in encoder.named_parameters() if weight.grad is None}
    assert without == {"readouts.0.layer.1.weight", "readouts.0.layer.1.bias"}


def test_dropout_and_stochastic_depth_only_while_training():
    torch.manual_seed(0)
    encoder = DwiseNeuro(SMALL)
    stack = torch.rand(2, 5, 6, 16, 16) * 255
    with torch.no_grad():
        assert not torch.equal(encoder.train()(stack, 0), encoder(stack, 0))
        assert torch.equal(encoder.eval()(stack, 0), encoder(stack, 0))


def test_stochastic_depth_grows_by_the_article():
    """0.1 · i/9 in the nine blocks of the article's size, and 0.1 in each layer of the cortex."""
    network = DwiseNeuro(DwiseNeuroConfig((4,), cortex_features=(8, 8, 8)))
    rates = [m.drop_path_rate for m in network.modules() if hasattr(m, "drop_path_rate")]
    expected = [0, 0.0111, 0.0222, 0.0333, 0.0444, 0.0556, 0.0667, 0.0778, 0.0889, 0.1, 0.1, 0.1]
    np.testing.assert_allclose(rates, expected, atol=5e-5)


def test_a_cortex_layer_drops_its_path_but_not_its_shortcut():
    """Of many stacks a tenth leaves the layer as its shortcut; the others' path is scaled by 1/0.9."""
    torch.manual_seed(0)
    layer = DwiseNeuro(replace(SMALL, drop_path_rate=0.1)).cortex.layers[0]
    x = torch.rand(4000, layer.conv.in_channels, 2)
    for module in layer.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.eval()
    layer.training = False
    with torch.no_grad():
        whole = layer(x)
        layer.training = True
        found = layer(x)
        shortcut = layer.bn_sc(x.repeat(1, 9, 1)[:, : layer.out_features])
    dropped = (found - shortcut).abs().amax((1, 2)) < 1e-6
    assert 0.08 < dropped.float().mean() < 0.12
    torch.testing.assert_close(found[~dropped], (shortcut + (whole - shortcut) / 0.9)[~dropped], rtol=1e-4, atol=1e-5)


def test_padding_is_zero_and_cropping_undoes_it():
    movie = np.random.default_rng(0).uniform(1, 255, (3, 36, 64))
    still = np.zeros((2, 3))
    padded = encoder_inputs(movie, still, still)[0].numpy()
    assert padded.shape == (3, 64, 64)
    assert (padded != 0).sum() == movie.size
    np.testing.assert_array_equal(crop_movie(padded), movie.astype(np.float32))


def test_inputs_that_disagree_are_refused():
    movie, two = np.zeros((5, 36, 64)), np.zeros((2, 5))
    with pytest.raises(ReconstructionError, match=r"expected \(2, 5\)"):
        encoder_inputs(movie, two, two[:, :4])
    with pytest.raises(ReconstructionError, match="expected \\(frames, 36, 64\\)"):
        encoder_inputs(np.zeros((5, 64, 64)), two, two)


class FrameSum(Encoder):
    """Adds the sum of its stack to every frame, so that each stack leaves its own trace."""

    def __init__(self, stack_frames, stack_step):
        super().__init__()
        self.stack_frames, self.stack_step, self.neurons = stack_frames, stack_step, (1, 1)
        self.unused = nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def forward(self, inputs, mouse):
        frames = inputs[:, 0, :, 0, 0]
        return (frames + 10 * frames.sum(dim=1, keepdim=True))[:, None] * (mouse + 1)


@given(st.integers(1, 5), st.integers(1, 3), st.integers(0, 12), st.integers(1, 7))
def test_prediction_is_the_mean_over_all_stacks_that_contain_a_frame(size, step, extra, batch):
    frames = (size - 1) * step + step + extra
    movie = np.random.default_rng(frames).integers(0, 255, frames).astype(float)
    expected = [[] for _ in range(frames)]
    for start in range(frames - (size - 1) * step):
        members = [start + i * step for i in range(size)]
        for frame in members:
            expected[frame].append(movie[frame] + 10 * movie[members].sum())
    inputs = torch.from_numpy(movie)[None, :, None, None].expand(5, frames, 1, 1)
    responses = predict(FrameSum(size, step), inputs, 1, batch=batch)
    np.testing.assert_allclose(responses[0], [2 * np.mean(values) for values in expected])


@pytest.mark.parametrize("step", [1, 2])
def test_encoders_without_a_stack_get_the_movie_in_one_pass(step):
    movies = torch.rand(3, 5, 9, 1, 1, dtype=torch.float64)
    responses = predict_movies(FrameSum(None, step), movies, 0, batch=2)
    for phase in range(step):
        frames = movies[:, 0, phase::step, 0, 0]
        torch.testing.assert_close(responses[:, 0, phase::step], frames + 10 * frames.sum(1, keepdim=True))


def test_movies_too_short_for_a_stack_are_refused():
    with pytest.raises(ReconstructionError, match=r"31 frames is too short .* at least 32"):
        predict(FrameSum(16, 2), torch.zeros(5, 31, 1, 1), 0)


def test_mice_of_one_batch_share_its_statistics():
    torch.manual_seed(0)
    encoder = DwiseNeuro(DwiseNeuroConfig((3, 4), core_features=(8,), spatial_strides=(2,), cortex_features=(8,)))
    inputs = {0: torch.rand(2, 5, 6, 16, 16), 1: torch.rand(3, 5, 6, 16, 16)}
    encoder.eval()
    for mouse, responses in encoder.respond(inputs).items():
        torch.testing.assert_close(responses, encoder(inputs[mouse], mouse))
    encoder.train()
    encoder.respond(inputs)
    stem = next(m for m in encoder.modules() if isinstance(m, torch.nn.BatchNorm3d))
    assert stem.num_batches_tracked == 1
