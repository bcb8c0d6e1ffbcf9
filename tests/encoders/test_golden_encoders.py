"""Encoder, inputs, checkpoints and prediction against the golden numbers; tolerances are those of their README."""

import json

import numpy as np
import torch
from golden_numbers import assert_golden

from movrecon_core.encoders.checkpoints import build_encoder, load_checkpoint, read_checkpoint
from movrecon_core.encoders.inputs import encoder_inputs
from movrecon_core.encoders.prediction import predict


def dwiseneuro(arrays):
    encoder = build_encoder("dwiseneuro", json.loads(str(arrays["config"]))).eval()
    state = {name.removeprefix("state/"): arrays[name] for name in arrays.files if name.startswith("state/")}
    encoder.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    return encoder


def inputs_of(arrays):
    return encoder_inputs(np.moveaxis(arrays["video"], -1, 0), arrays["behavior"], arrays["pupil_center"])


def test_state_dictionary_has_the_published_keys_and_shapes(golden):
    arrays = np.load(golden / "dwiseneuro.npz")
    state = dwiseneuro(arrays).state_dict()
    published = {name.removeprefix("state/") for name in arrays.files if name.startswith("state/")}
    assert set(state) == published
    assert all(tuple(state[name].shape) == arrays[f"state/{name}"].shape for name in published)


def test_dwiseneuro_responses(golden):
    arrays = np.load(golden / "dwiseneuro.npz")
    encoder = dwiseneuro(arrays)
    with torch.no_grad():
        for mouse in range(len(encoder.neurons)):
            for size in ("", "other_shape_"):
                responses = encoder(torch.from_numpy(arrays[f"{size}input"]), mouse).numpy()
                np.testing.assert_allclose(responses, arrays[f"{size}output_{mouse}"], rtol=1e-4, atol=1e-3)


def test_dwiseneuro_gradient(golden):
    arrays = np.load(golden / "dwiseneuro.npz")
    encoder = dwiseneuro(arrays)
    inputs = torch.from_numpy(arrays["input"]).requires_grad_()
    weighted = [
        (encoder(inputs, mouse) * torch.from_numpy(arrays[f"cotangent_{mouse}"])).sum()
        for mouse in range(len(encoder.neurons))
    ]
    (gradient,) = torch.autograd.grad(sum(weighted), inputs)
    assert_golden(gradient, arrays, "grad_input", rtol=0, atol=5e-4)


def test_checkpoint_is_the_same_network(golden):
    arrays = np.load(golden / "dwiseneuro.npz")
    loaded, built = load_checkpoint(golden / "checkpoint.pth"), dwiseneuro(arrays)
    assert loaded.neurons == built.neurons
    stack = read_checkpoint(golden / "checkpoint.pth")["params"]["frame_stack"]
    assert (loaded.stack_frames, loaded.stack_step) == (stack["size"], stack["step"])
    for name, value in built.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_encoder_inputs(golden):
    arrays = np.load(golden / "inputs.npz")
    assert np.array_equal(inputs_of(arrays).numpy(), arrays["inputs"])
    assert np.array_equal(np.maximum(arrays["responses_raw"], 0), arrays["responses"])


def test_prediction_over_a_trial(golden):
    arrays = np.load(golden / "prediction.npz")
    encoder = load_checkpoint(golden / "checkpoint.pth")
    responses = predict(encoder, inputs_of(arrays), int(arrays["mouse_index"])).numpy()
    np.testing.assert_allclose(responses, arrays["responses"], rtol=1e-4, atol=2e-3)
