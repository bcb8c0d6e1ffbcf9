"""Encoders and masks that a profile names: nothing is trained, and readouts find their mice."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from movrecon_core.encoders import given
from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.checkpoints import load_checkpoint, read_checkpoint, save_checkpoint
from movrecon_core.encoders.given import given_encoder
from movrecon_core.encoders.prediction import predicted_responses
from movrecon_core.errors import CheckpointError, ProfileError
from movrecon_core.reconstruction import MaskConfig, Segment, train_mask
from movrecon_core.recordings import Recording
from movrecon_core.recordings.folds import fold_of
from movrecon_core.recordings.writer import recording_writer
from movrecon_core.study.profile import load_profile, parse_profile
from movrecon_core.study.run.pipeline import run_study
from movrecon_core.study.run.schedulers import run_stages
from movrecon_core.study.run.schedulers.local import Local
from movrecon_core.study.stages.encoders import ENCODERS
from movrecon_core.study.stages.masks import MASKS, mask_trials
from movrecon_core.study.stages.reconstructions import RECONSTRUCTIONS
from movrecon_core.study.stages.recordings import RECORDINGS
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker

NEURONS = {"later": 31, "earlier": 23}
"""The golden network's mice, here in the other order."""
TRIALS, FRAMES = 10, 84


@pytest.fixture(scope="module")
def mice(tmp_path_factory: pytest.TempPathFactory) -> list[Recording]:
    folder, found = tmp_path_factory.mktemp("mice"), []
    for name, neurons in NEURONS.items():
        random = np.random.default_rng(neurons)
        with recording_writer(folder / name) as writer:
            for trial in range(TRIALS):
                writer.movie(trial, random.integers(0, 256, (FRAMES, 36, 64)).astype(np.float32))
                writer.signal("responses", trial, random.random((neurons, FRAMES)))
                for signal in ("behavior", "pupil_center"):
                    writer.signal(signal, trial, random.random((2, FRAMES)))
            writer.metadata(["train"] * 7 + ["oracle"] * 3, np.arange(neurons), random.random((neurons, 3)))
        found.append(Recording(folder / name))
    return found


@pytest.fixture(scope="module")
def settings(golden: Path) -> dict[str, Any]:
    _, found = read_checkpoint(golden / "checkpoint.pth")["params"]["nn_module"]
    return {name: value for name, value in found.items() if name != "readout_outputs"}


def write_profile(folder: Path, golden: Path, settings: dict[str, Any], **changes: Any) -> Path:
    masks = [folder / f"mask_m{mouse}.npy" for mouse in (0, 1)]
    for mouse, file in enumerate(masks):
        np.save(file, np.random.default_rng(mouse).uniform(0, 2, (64, 64)).astype(np.float32))
    content = {
        "held_out": "tier:oracle",
        "trials_per_mouse": 1,
        "instances": 2,
        "encoder": {"architecture": "dwiseneuro", "parameters": settings},
        "encoders": {"checkpoints": [str(golden / "checkpoint.pth"), str(golden / "checkpoint_2.pth")]},
        "masks": {"files": [file.name for file in masks]},  # from the profile's folder
        "reconstruction": {"iterations": 2},
        "variations": {"trials_per_mouse": 0},
        "population": {"trials_per_mouse": 0},
        "noise": {"mice": 0},
        "gratings": {"mice": 0},
        **changes,
    }
    plain = json.loads(json.dumps(content))
    (folder / "given.yaml").write_text(yaml.safe_dump(plain))
    return folder / "given.yaml"


def test_a_study_from_given_checkpoints_and_masks_trains_nothing(
    mice: list[Recording],
    golden: Path,
    settings: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("something was trained")

    monkeypatch.setattr(Worker, "train", refuse)
    monkeypatch.setattr("movrecon_core.study.stages.masks.train_mask", refuse)
    profile = load_profile(str(write_profile(tmp_path, golden, settings)), tmp_path)
    study = Study(tmp_path / "out", profile, tuple(mice), profile.held_out)
    for stage in (RECORDINGS, ENCODERS, MASKS, RECONSTRUCTIONS):
        run_stages((stage,), study, Local(torch.device("cpu")))
    trial = mice[0].trial(8)
    shown = (trial.movie, trial.behavior, trial.pupil_center)
    for checkpoint, path in zip(("checkpoint.pth", "checkpoint_2.pth"), study.checkpoints, strict=True):
        there, here = load_checkpoint(golden / checkpoint), load_checkpoint(path)
        for mouse, readout in ((0, 1), (1, 0)):
            np.testing.assert_array_equal(
                predicted_responses(here, mouse, *shown), predicted_responses(there, readout, *shown)
            )
    for mouse in (0, 1):
        np.testing.assert_array_equal(study.results.alpha(mouse), np.load(tmp_path / f"mask_m{mouse}.npy"))
        (number,) = study.trials.reconstructed(mouse)
        assert study.results.instance_movies(mouse, number).shape == (2, FRAMES, 64, 64)


def segments_of(study: Study, mouse: Recording) -> list[Segment]:
    """What the first mouse's mask is trained on: frames 50 to 81 of the movies that are chosen."""
    segments = []
    for trial in (mouse.trial(number) for part in mask_trials(study, 0) for number in part):
        cut = [trial.movie[50:82], *(x[:, 50:82] for x in (trial.behavior, trial.pupil_center, trial.responses))]
        segments.append(Segment(*cut))
    return segments


def test_masks_are_trained_with_the_encoder_that_the_profile_names(
    mice: list[Recording], golden: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    """The article's masks are of another encoder than its movies, trained on the fold that it held out."""
    masks = {"checkpoint": str(golden / "checkpoint_2.pth"), "fold": fold_of(mice[0].movie(1))}
    file = write_profile(tmp_path, golden, settings, masks=masks, mask={"iterations": 3, "learning_rate": 300.0})
    profile = load_profile(str(file), tmp_path)
    study = Study(tmp_path / "out", profile, tuple(mice), profile.held_out)
    for stage in (RECORDINGS, ENCODERS, MASKS):
        run_stages((stage,), study, Local(torch.device("cpu")))
    assert mask_trials(study, 0).unseen
    segments = segments_of(study, mice[0])
    config = MaskConfig(iterations=3, learning_rate=300.0)
    expected, other = (
        train_mask(load_checkpoint(golden / name), 1, segments, config, 0)  # its second readout is of 31 neurons
        for name in ("checkpoint_2.pth", "checkpoint.pth")
    )
    np.testing.assert_allclose(study.results.alpha(0), expected, atol=1e-5)
    assert not np.allclose(expected, other, atol=1e-3)


def test_a_mask_of_several_instances_is_the_mean_of_theirs(
    mice: list[Recording], golden: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    changes = {"masks": {"instances": 2}, "mask": {"iterations": 3, "learning_rate": 300.0}}
    profile = load_profile(str(write_profile(tmp_path, golden, settings, **changes)), tmp_path)
    study = Study(tmp_path / "out", profile, tuple(mice), profile.held_out)
    for stage in (RECORDINGS, ENCODERS, MASKS):
        run_stages((stage,), study, Local(torch.device("cpu")))
    first, second = (
        train_mask(load_checkpoint(path), 0, segments_of(study, mice[0]), profile.mask, 0) for path in study.checkpoints
    )
    np.testing.assert_allclose(study.results.alpha(0), (first + second) / 2, atol=1e-5)
    assert not np.allclose(first, second, atol=1e-3)


def test_readouts_are_found_by_name_before_numbers_of_neurons(
    mice: list[Recording], golden: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    named = tmp_path / "named.pth"
    save_checkpoint(named, load_checkpoint(golden / "checkpoint.pth"), {"mice": ["earlier", "later"]})
    assert given_encoder(named, mice, "dwiseneuro", settings).neurons == (31, 23)
    assert given_encoder(named, mice[1:], "dwiseneuro", settings).neurons == (23,)
    save_checkpoint(named, load_checkpoint(golden / "checkpoint.pth"), {"mice": ["later", "earlier"]})
    with pytest.raises(CheckpointError, match=r"named.pth: its readout of later has 23 neurons, the recording has 31"):
        given_encoder(named, mice, "dwiseneuro", settings)
    save_checkpoint(named, load_checkpoint(golden / "checkpoint.pth"), {"mice": ["later", "other"]})
    with pytest.raises(CheckpointError, match="no readout of earlier; it knows later, other"):
        given_encoder(named, mice, "dwiseneuro", settings)


def test_an_encoder_of_another_kind_or_size_is_refused(
    mice: list[Recording], golden: Path, settings: dict[str, Any]
) -> None:
    file = golden / "checkpoint.pth"
    with pytest.raises(CheckpointError, match=r"'dwiseneuro'; the profile's encoder.architecture: factorised"):
        given_encoder(file, mice, "factorised", {})
    with pytest.raises(CheckpointError, match=r"expansion_ratio is 3, the profile's encoder.parameters: 7"):
        given_encoder(file, mice, "dwiseneuro", {**settings, "expansion_ratio": 7})
    with pytest.raises(CheckpointError, match=r"1 of its readouts have the 31 neurons of later.*23, 31 neurons"):
        given_encoder(file, [mice[0], mice[0]], "dwiseneuro", settings)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"instances": 3}, "'encoders.checkpoints': 2, but instances: 3"),
        ({"masks": {"files": ["mask_m0.npy"]}}, "masks.files: 1, but 2 mice are reconstructed"),
        ({"masks": {"files": ["mask_m0.npy", "mask_m9.npy"]}}, "mask_m9.npy: no such file; .*fetch --weights"),
        ({"masks": {"files": ["a"], "checkpoint": "b"}}, "give `checkpoint`, to train masks with, or `files`"),
        ({"masks": {"fold": 7}}, "'masks.fold'"),
        ({"masks": {"instances": 3}}, "'masks.instances': 3, but instances: 2"),
        ({"masks": {"instances": 2, "checkpoint": "b"}}, "`instances` are the study's own"),
        ({"masks": {"fold": 1}}, "`fold` is what the encoder of `checkpoint` held out"),
    ],
)
def test_what_is_not_there_is_an_error_before_anything_is_computed(
    mice: list[Recording],
    golden: Path,
    settings: dict[str, Any],
    tmp_path: Path,
    changes: dict[str, Any],
    complaint: str,
) -> None:
    file = write_profile(tmp_path, golden, settings, **changes)
    with pytest.raises(ProfileError, match=complaint):
        run_study(load_profile(str(file), tmp_path), tmp_path / "out", [mouse.path for mouse in mice], device="cpu")
    assert not (tmp_path / "out" / "store").exists()


def test_a_profile_based_on_another_repeats_only_what_differs(tmp_path: Path) -> None:
    (tmp_path / "below.yaml").write_text("seed: 3\nreconstruction: {iterations: 7, window_frames: null}\n")
    (tmp_path / "above.yaml").write_text("based_on: below\nreconstruction: {iterations: 8}\n")
    found = load_profile("above", tmp_path)
    assert (found.name, found.seed) == ("above", 3)
    assert (found.reconstruction.iterations, found.reconstruction.window_frames) == (8, None)
    (tmp_path / "above.yaml").write_text("based_on: above\n")
    with pytest.raises(ProfileError, match="'based_on': no other profile is called 'above'"):
        load_profile("above", tmp_path)


def test_a_method_takes_nothing_over_and_files_stay_where_their_profile_named_them(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base/one.yaml").write_text(
        "instances: 1\nreconstruction: {iterations: 1000}\nencoders: {checkpoints: [weights/a.pth]}\n"
    )
    (tmp_path / "base/two.yaml").write_text("based_on: one\nseed: 5\n")
    (tmp_path / "mine.yaml").write_text("based_on: two\nreconstruction: {method: best}\n")
    found = load_profile(str(tmp_path / "mine.yaml"), tmp_path / "base")
    assert (found.seed, found.instances) == (5, 1)
    assert found.encoders.checkpoints == (tmp_path / "base/weights/a.pth",)
    alone = {"instances": 1, "reconstruction": {"method": "best"}}
    assert found.reconstruction == parse_profile({"name": "alone", **alone}, "alone").reconstruction
    (tmp_path / "base/one.yaml").write_text("based_on: two\n")
    with pytest.raises(ProfileError, match=r"one\.yaml: 'based_on': no other profile is called 'two'"):
        load_profile(str(tmp_path / "mine.yaml"), tmp_path / "base")


class Pixel(Encoder):
    """An encoder of one's own, without `readouts`."""

    def __init__(self, neurons: tuple[int, ...]) -> None:
        super().__init__()
        self.neurons = neurons
        self.config = SimpleNamespace()
        self.scale = torch.nn.Parameter(torch.ones(1))

    def forward(self, inputs: torch.Tensor, mouse: int) -> torch.Tensor:
        return self.scale * inputs[:, 0, :, 32, 32][:, None].expand(-1, self.neurons[mouse], -1)


def test_an_encoder_without_readouts_is_given_as_it_is(
    mice: list[Recording], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    neurons = tuple(mouse.neurons for mouse in mice)
    own = Pixel(neurons)
    monkeypatch.setattr(given, "load_checkpoint", lambda path, device: own)
    monkeypatch.setattr(given, "read_checkpoint", lambda path: {"params": {"nn_module": ("pixel", {})}})
    monkeypatch.setattr(given, "asdict", vars)
    assert given_encoder(tmp_path / "own.pth", mice, "pixel", {}) is own
    with pytest.raises(CheckpointError, match=r"knows 2 mice, of which 1 \(from 0\) are asked for.*no list `readouts`"):
        given_encoder(tmp_path / "own.pth", mice[1:], "pixel", {})
