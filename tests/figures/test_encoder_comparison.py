"""Ceilings, repeats and calibration against closed forms; the comparison of a study; encoders by name."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import xarray as xr
from example_recording import write_example
from torch import Tensor, nn

from movrecon_core.analysis.encoder_quality import calibration, encoder_qualities, repeat_groups
from movrecon_core.analysis.streams import RepeatCeiling
from movrecon_core.encoders import checkpoints
from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.checkpoints import (
    build_encoder,
    known_encoders,
    load_checkpoint,
    register_encoder,
    save_checkpoint,
)
from movrecon_core.encoders.prediction import predicted_responses
from movrecon_core.errors import CheckpointError, ProfileError
from movrecon_core.figures import encoder_comparison
from movrecon_core.recordings import Recording
from movrecon_core.study.profile import parse_profile


def test_repeats_are_found_in_the_order_of_their_first_showing() -> None:
    assert repeat_groups([b"a", b"b", b"c", b"b", b"a", b"b"]) == [[0, 4], [1, 3, 5]]
    assert repeat_groups([b"a", b"b"]) == []


@pytest.mark.parametrize("signal", [0.1, 0.5])
def test_ceiling_from_repeats_is_that_of_the_true_model(signal: float) -> None:
    """A model of the repeated part correlates with single trials by the root of its share of the variance."""
    random = np.random.default_rng(0)
    truth = random.standard_normal((2, 3, 20_000))
    shown = [
        np.sqrt(signal) * movie + np.sqrt(1 - signal) * random.standard_normal((repeats, 3, 20_000))
        for movie, repeats in zip(truth, (2, 4), strict=True)
    ]
    ceiling = RepeatCeiling()
    for movie in shown:
        ceiling.add(movie)
    np.testing.assert_allclose(ceiling.values(), np.sqrt(signal), atol=0.02)
    pairs = [(a, b) for movie in shown for i, a in enumerate(movie) for j, b in enumerate(movie) if i != j]
    first, second = (np.concatenate(side, axis=1) for side in zip(*pairs, strict=True))
    by_pairs = [np.corrcoef(x, y)[0, 1] for x, y in zip(first, second, strict=True)]
    np.testing.assert_allclose(ceiling.values() ** 2, np.maximum(by_pairs, 0), atol=1e-9)
    single = np.corrcoef(truth[1, 0], shown[1][0, 0])[0, 1]
    assert single == pytest.approx(np.sqrt(signal), abs=0.02)


def test_qualities_of_an_encoder_on_repeated_movies(tmp_path: Path) -> None:
    """Two movies of which one was shown twice: single trials, the average of repeats, and the ceiling."""
    recording = Recording(write_example(tmp_path / "mouse"))
    shutil.copy(recording.file("videos", 0), recording.file("videos", 2))
    encoder = build_encoder("factorised", {"readout_outputs": (recording.neurons,), "features": (4, 4)}).eval()
    found = encoder_qualities(recording, (0, 1, 2), {"own": encoder}, 0)
    shown = [recording.trial(t) for t in (0, 1, 2)]
    predicted = [predicted_responses(encoder, 0, t.movie, t.behavior, t.pupil_center) for t in shown]
    recorded = [t.responses for t in shown]
    for neuron in range(recording.neurons):
        of_all = [np.concatenate([x[neuron] for x in side]) for side in (recorded, predicted)]
        average = [(side[0][neuron] + side[2][neuron]) / 2 for side in (recorded, predicted)]
        assert found["correlation"][0, neuron] == pytest.approx(np.corrcoef(*of_all)[0, 1], abs=1e-5)
        assert found["repeat_correlation"][0, neuron] == pytest.approx(np.corrcoef(*average)[0, 1], abs=1e-5)
    assert found.attrs["ceiling_from"] == "repeats"
    assert found.attrs["repeated_movies"] == 1


def test_calibration_of_a_true_and_an_exaggerating_model() -> None:
    random = np.random.default_rng(2)
    expected = random.gamma(2.0, 1.0, (20, 5_000)) * random.uniform(0.5, 5, (20, 1))
    recorded = random.poisson(expected).astype(float)
    predicted, found = calibration(recorded, expected)
    np.testing.assert_allclose(found, predicted, rtol=0.05)
    mean = expected.mean(axis=1, keepdims=True)
    predicted, found = calibration(recorded, mean + 2 * (expected - mean))
    slope = np.polyfit(predicted, found, 1)[0]
    assert slope == pytest.approx(0.5, abs=0.03)


def test_calibration_of_mice_with_unequal_neurons() -> None:
    def quality(mouse: int) -> xr.Dataset:
        neurons = np.zeros((1, 40 + 20 * mouse))
        bins = np.array([[1.0, 2.0]])
        return xr.Dataset(
            {
                "correlation": (("encoder", "neuron"), neurons),
                "predicted": (("encoder", "bin"), bins),
                "recorded": (("encoder", "bin"), bins * (1 + mouse)),
            },
            attrs={"encoders": ["own"]},
        )

    study = SimpleNamespace(recordings=("a", "b"), result=lambda stage, mouse: quality(mouse))
    found = encoder_comparison.encoder_calibration(study)
    assert found["predicted"].tolist() == [1.0, 2.0]
    assert found["recorded"].tolist() == [1.5, 3.0]


# Encoders by name -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OwnConfig:
    readout_outputs: tuple[int, ...]
    gain: float = 1.0
    stack_frames: int | None = None
    stack_step: int = 1


class Own(Encoder):
    """Responses follow the brightness of the frame."""

    Config = OwnConfig

    def __init__(self, config: OwnConfig) -> None:
        super().__init__()
        self.config, self.neurons = config, config.readout_outputs
        self.stack_frames, self.stack_step = config.stack_frames, config.stack_step
        self.weights = nn.ParameterList(torch.full((n, 1), config.gain) for n in self.neurons)

    def forward(self, inputs: Tensor, mouse: int) -> Tensor:
        return torch.relu(self.weights[mouse] * inputs[:, 0].mean((-2, -1))[:, None] / 255)


@pytest.fixture
def fresh_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "_ENCODERS", dict(checkpoints._ENCODERS))


@pytest.mark.usefixtures("fresh_names")
def test_an_encoder_of_ones_own_is_built_saved_and_loaded_by_its_name(tmp_path) -> None:
    register_encoder("own", Own, OwnConfig)
    register_encoder("own", Own, OwnConfig)  # again, as a notebook's cell may
    encoder = build_encoder("own", {"readout_outputs": [2, 3], "gain": 2.0})
    save_checkpoint(tmp_path / "own.pth", encoder)
    loaded = load_checkpoint(tmp_path / "own.pth")
    inputs = torch.full((1, 5, 4, 64, 64), 127.5)
    torch.testing.assert_close(loaded(inputs, 1), torch.ones(1, 3, 4))
    profile = parse_profile({"name": "x", "encoder": {"architecture": "own", "parameters": {"gain": 3.0}}}, "x.yaml")
    assert profile.encoder.parameters == {"gain": 3.0, "stack_frames": None, "stack_step": 1}


@pytest.mark.usefixtures("fresh_names")
def test_a_name_belongs_to_one_encoder() -> None:
    with pytest.raises(CheckpointError, match="'factorised' is there already"):
        register_encoder("factorised", Own, OwnConfig)

    @dataclass(frozen=True)
    class Lacking:
        readout_outputs: tuple[int, ...]

    with pytest.raises(CheckpointError, match="lacks stack_frames, stack_step"):
        register_encoder("lacking", Own, Lacking)


class Point:
    """What an installed package declares."""

    name, value = "installed", "package.module:Own"

    def __init__(self, loaded: object) -> None:
        self.loaded = loaded

    def load(self) -> object:
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


@pytest.mark.usefixtures("fresh_names")
def test_installed_packages_bring_their_encoders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "entry_points", lambda group: [Point(Own)])
    assert known_encoders()["installed"] is OwnConfig
    monkeypatch.setattr(checkpoints, "_ENCODERS", {})
    monkeypatch.setattr(checkpoints, "entry_points", lambda group: [Point(ImportError("no module named x"))])
    with pytest.raises(CheckpointError, match=r"'installed' of package\.module:Own: no module named x"):
        known_encoders()


def test_unknown_encoders_and_settings_are_named() -> None:
    with pytest.raises(ProfileError, match="no encoder is called 'dwisneuro'; did you mean 'dwiseneuro'"):
        parse_profile({"name": "x", "encoder": {"architecture": "dwisneuro"}}, "x.yaml")
    other = {"encoder": {"architecture": "dwiseneuro", "parameters": {"core_feature": [3]}}}
    with pytest.raises(ProfileError, match=r"comparison\.encoder\.parameters\.core_feature.*core_features"):
        parse_profile({"name": "x", "comparison": other}, "x.yaml")


@pytest.mark.parametrize("mice", [1, 2, 5, 10])
def test_published_form_for_any_number_of_mice(tmp_path, mice: int) -> None:
    """The form of the published files, written with torch alone."""
    settings = {
        "readout_outputs": tuple(range(3, 3 + mice)), "in_channels": 5, "core_features": (8, 12),
        "spatial_strides": (2, 2), "spatial_kernel": 3, "temporal_kernel": 5, "expansion_ratio": 2,
        "se_reduce_ratio": 4, "cortex_features": (16,), "groups": 2, "softplus_beta": 0.07, "drop_rate": 0.4,
        "drop_path_rate": 0.1,
    }  # fmt: skip
    encoder = build_encoder("dwiseneuro", settings)
    checkpoint = {
        "model_name": "MouseModel",
        "params": {
            "nn_module": ("dwiseneuro", settings),
            "frame_stack": {"size": 16, "step": 2, "position": "last"},
            "loss": ("mice_poisson", {"log_input": False}),
            "optimizer": ("AdamW", {"lr": 3e-4}),
            "device": "cuda:0",
            "amp": True,
        },
        "nn_state_dict": encoder.state_dict(),
    }
    torch.save(checkpoint, tmp_path / "published.pth")
    loaded = load_checkpoint(tmp_path / "published.pth")
    assert loaded.neurons == settings["readout_outputs"]
    inputs = torch.rand(1, 5, 16, 64, 64) * 255
    torch.testing.assert_close(loaded(inputs, mice - 1), encoder.eval()(inputs, mice - 1))
