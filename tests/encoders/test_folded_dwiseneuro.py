"""The frozen form of DwiseNeuro against the readable one: responses, gradients, precisions, and a golden movie."""

import numpy as np
import pytest
import torch
from golden_numbers import assert_golden
from small_dwiseneuro import CONFIGS, movies, relative, responses_and_gradient, trained

from movrecon_core.encoders.checkpoints import load_checkpoint
from movrecon_core.reconstruction import ReconstructionConfig, Target, reconstruct, training_mask
from movrecon_core.reconstruction.objective import frozen, window_gradients


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-12), ("float32", 1e-4), ("bfloat16", 0.1)])
def test_responses_and_gradients_are_those_of_the_readable_form(name, precision, tolerance):
    encoder = trained(CONFIGS[name])
    mouse = len(encoder.neurons) - 1
    inputs = movies(3, seed=1)
    responses, gradient = responses_and_gradient(encoder, inputs, mouse)
    form = encoder.frozen_form(precision)
    exact = torch.float64 if precision == "float64" else torch.float32
    found, of_inputs = responses_and_gradient(form, inputs.to(exact), mouse)
    assert found.shape == (3, encoder.neurons[mouse], 6)
    assert relative(found, responses) < tolerance
    assert relative(of_inputs[:, 0], gradient[:, 0]) < tolerance * 3


def test_large_frames_are_worked_on_one_by_one_with_the_same_result(monkeypatch):
    encoder = trained(CONFIGS["deep"])
    inputs = movies(1, seed=2)
    together = responses_and_gradient(encoder.frozen_form("float64"), inputs, 0)
    monkeypatch.setattr("movrecon_core.encoders.dwiseneuro_steps.cache_bytes", lambda: 0)
    apart = responses_and_gradient(encoder.frozen_form("float64"), inputs, 0)
    for found, expected in zip(apart, together, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-15)


def test_the_form_keeps_its_weights_when_the_encoder_changes():
    encoder = trained(CONFIGS["small"])
    form = encoder.frozen_form("float64")
    inputs = movies(1)
    before = form(inputs, 0)
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.zero_()
    assert torch.equal(form(inputs, 0), before)
    assert next(encoder.parameters()).dtype == torch.float64


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_golden_movie(golden, precision):
    """The first updates of the published implementation, at the pixel tolerances of its README."""
    arrays = np.load(golden / "reconstruction.npz")
    target = Target(
        arrays["responses"], arrays["behavior"], arrays["pupil_center"], training_mask(arrays["alpha"], 0.5)
    )
    encoder = load_checkpoint(golden / "checkpoint.pth")
    config = ReconstructionConfig(iterations=2, precision=precision)
    (result,) = reconstruct([encoder], int(arrays["mouse_index"]), [target], config)
    assert_golden(result.movie, arrays, "a_video_after_2", atol=5e-5)
    np.testing.assert_allclose(result.gradient_norm, arrays["a_gradient_norm"][:2], rtol=1e-4)


def test_bfloat16_finds_much_the_same_movie(monkeypatch):
    """The benchmark measures what it does to the video correlation of trained encoders."""
    monkeypatch.setattr("movrecon_core.encoders.precision.fast_bfloat16", lambda device: True)
    encoder = trained(CONFIGS["small"]).float()
    random = np.random.default_rng(0)
    still = np.zeros((2, 32), np.float32)
    target = Target(random.random((7, 32), np.float32), still, still, np.ones((64, 64), bool))
    found = []
    for precision in ("float32", "bfloat16"):
        config = ReconstructionConfig(iterations=10, precision=precision)
        (result,) = reconstruct([encoder], 0, [target], config)
        found.append(result.movie.ravel() - config.initial_grey)
    assert 0.95 < np.corrcoef(found)[0, 1] < 1


def test_norms_and_losses_of_windows_agree():
    encoder = trained(CONFIGS["small"])
    shown = movies(2, frames=8, seed=3)
    window = shown[:, 0], shown[:, 1:].mean(dim=(-2, -1))
    target = torch.rand(2, 7, 8, dtype=torch.float64)
    with frozen([encoder]):
        expected = window_gradients(encoder, 0, *window, target)
    found = window_gradients(encoder.frozen_form("float64"), 0, *window, target)
    for part, of_readable in zip(found[:3], expected[:3], strict=True):
        torch.testing.assert_close(part, of_readable, rtol=1e-9, atol=1e-12)
