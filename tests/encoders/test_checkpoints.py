"""Checkpoints: what is written is read back, and everything else is refused with the file's name."""

import os
import pickle
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from movrecon_core.encoders.checkpoints import build_encoder, load_checkpoint, read_checkpoint, save_checkpoint
from movrecon_core.encoders.dwiseneuro import DwiseNeuro, DwiseNeuroConfig
from movrecon_core.encoders.factorised import Factorised, FactorisedConfig
from movrecon_core.errors import CheckpointError, StoreError

SMALL = DwiseNeuroConfig(
    readout_outputs=(5, 4),
    core_features=(8, 12),
    spatial_strides=(2, 2),
    expansion_ratio=2,
    se_reduce_ratio=4,
    cortex_features=(16,),
    stack_frames=8,
)


@pytest.mark.parametrize("encoder", [DwiseNeuro(SMALL), Factorised(FactorisedConfig(readout_outputs=(3, 2)))])
def test_round_trip(tmp_path, encoder):
    path = tmp_path / "encoder.pth"
    save_checkpoint(path, encoder.train(), {"mice": ["a", "b"], "epoch": 3})
    loaded = load_checkpoint(path)
    assert type(loaded) is type(encoder)
    assert loaded.config == encoder.config
    assert not loaded.training
    for name, value in encoder.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)
    checkpoint = read_checkpoint(path)
    assert checkpoint["params"]["mice"] == ["a", "b"]
    assert [file.name for file in tmp_path.iterdir()] == ["encoder.pth"]


def test_published_form(tmp_path, golden):
    path = tmp_path / "encoder.pth"
    save_checkpoint(path, load_checkpoint(golden / "checkpoint.pth"))
    ours, published = read_checkpoint(path), read_checkpoint(golden / "checkpoint.pth")
    assert ours["model_name"] == published["model_name"]
    for name in ("nn_module", "frame_stack"):
        assert ours["params"][name] == published["params"][name]


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_code_in_a_file_is_not_executed(tmp_path):
    path = tmp_path / "trap.pth"
    path.write_bytes(pickle.dumps(Trap(tmp_path / "plain")))
    with pytest.raises(CheckpointError, match=r"trap\.pth"):
        load_checkpoint(path)
    torch.save({"model_name": "", "params": Trap(tmp_path / "zipped"), "nn_state_dict": {}}, path)
    with pytest.raises(CheckpointError, match=r"trap\.pth: not a checkpoint of tensors"):
        load_checkpoint(path)
    assert [file.name for file in tmp_path.iterdir()] == ["trap.pth"]


def saved(path, **changes):
    encoder = DwiseNeuro(SMALL)
    save_checkpoint(path, encoder)
    checkpoint = read_checkpoint(path)
    torch.save({**checkpoint, **changes}, path)


def settings_with(**changes):
    settings = {**read_settings(), **changes}
    return {"nn_module": ("dwiseneuro", settings), "frame_stack": {"size": 16, "step": 2}}


def read_settings():
    settings = {name: getattr(SMALL, name) for name in SMALL.__dataclass_fields__}
    return {name: value for name, value in settings.items() if not name.startswith("stack_")}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"params": {}}, "params must hold nn_module"),
        ({"params": {"nn_module": "dwiseneuro"}}, "params must hold nn_module"),
        ({"params": {"nn_module": ("other", {})}}, "unknown encoder 'other'; known: dwiseneuro, factorised"),
        ({"params": {"nn_module": ("dwiseneuro", {})}}, "impossible settings of dwiseneuro"),
        ({"params": settings_with(depth=3)}, "unknown settings of dwiseneuro: depth"),
        ({"params": settings_with(groups=0)}, "impossible settings of dwiseneuro"),
        ({"params": settings_with(core_features="wide")}, "impossible settings of dwiseneuro"),
        ({"params": settings_with(readout_outputs=(5, 9))}, "the weights do not fit dwiseneuro: size mismatch"),
        ({"params": {**settings_with(), "frame_stack": 16}}, "frame_stack must hold size and step"),
        ({"nn_state_dict": {}}, "the weights do not fit dwiseneuro: Missing key"),
        ({"nn_state_dict": {"a": 1}}, "nn_state_dict must map names to tensors"),
        ({"nn_state_dict": None}, "nn_state_dict must map names to tensors"),
    ],
)
def test_malformed_checkpoints_are_refused(tmp_path, changes, message):
    path = tmp_path / "bad.pth"
    saved(path, **changes)
    with pytest.raises(CheckpointError, match=rf"bad\.pth: .*{message}"):
        load_checkpoint(path)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    encoder = DwiseNeuro(SMALL)
    with torch.no_grad():
        encoder.readouts[1].layer[1].bias[0] = torch.nan
    save_checkpoint(tmp_path / "nan.pth", encoder)
    with pytest.raises(CheckpointError, match=r"nan\.pth: NaN or infinity in readouts\.1\.layer\.1\.bias"):
        load_checkpoint(tmp_path / "nan.pth")


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut short"])
def test_damaged_files_are_refused(tmp_path, content):
    (tmp_path / "damaged.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"damaged\.pth"):
        load_checkpoint(tmp_path / "damaged.pth")


def test_truncated_and_missing_files_are_refused(tmp_path, golden):
    whole = (golden / "checkpoint.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"cut\.pth"):
        load_checkpoint(tmp_path / "cut.pth")
    with pytest.raises(CheckpointError, match=r"none\.pth: no such file"):
        load_checkpoint(tmp_path / "none.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match=r"list\.pth: expected the entries"):
        load_checkpoint(tmp_path / "list.pth")


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(StoreError, match=r"encoder\.pth: cannot be written \(No such file or directory\)"):
        save_checkpoint(tmp_path / "none" / "encoder.pth", DwiseNeuro(SMALL))


def test_lists_stand_for_tuples():
    encoder = build_encoder("dwiseneuro", {**read_settings(), "readout_outputs": [5, 4]})
    assert encoder.config == replace(SMALL, stack_frames=16)


LIMITED = """
import resource, signal, sys, torch
from pathlib import Path
from movrecon_core.encoders.checkpoints import save_tensors
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    save_tensors(Path(sys.argv[1]), {"weights": torch.zeros(100_000)})
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on files")
def test_what_the_disk_refuses_is_said_in_the_system_s_words(tmp_path):
    """PyTorch's own error is of what it had written by then."""
    path = tmp_path / "encoder.pth"
    done = subprocess.run([sys.executable, "-c", LIMITED, path], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"StoreError {path}: cannot be written (File too large); the same command goes on")
    assert not list(tmp_path.iterdir())
