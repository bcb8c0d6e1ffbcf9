"""Encoders on disk, in the published form {model_name, params, nn_state_dict}; nothing in a file is executed.

`params` names the network and its settings, `nn_module: (name, settings)`, and its stacks,
`frame_stack: {size, step, position}`. Other entries are kept as they are: the published checkpoints hold their
training settings there, ours also the names of the mice.
"""

import hashlib
import json
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, fields
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, cast

import torch

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.dwiseneuro import DwiseNeuro, DwiseNeuroConfig
from movrecon_core.encoders.factorised import Factorised, FactorisedConfig
from movrecon_core.encoders.linear_nonlinear import LinearNonlinear, LinearNonlinearConfig
from movrecon_core.errors import CheckpointError, StoreError
from movrecon_core.storage.files import renaming

_ENCODERS: dict[str, tuple[type[Encoder], type]] = {
    "dwiseneuro": (DwiseNeuro, DwiseNeuroConfig),
    "factorised": (Factorised, FactorisedConfig),
    "linear-nonlinear": (LinearNonlinear, LinearNonlinearConfig),
}

ENTRY_POINTS = "movrecon.encoders"
"""Group under which an installed package names its encoders: ``name = "module:Encoder"``."""

MODEL_NAME = "MouseModel"
"""`model_name` of the published checkpoints."""


def register_encoder(name: str, encoder: type[Encoder], config: type) -> None:
    """Make an encoder known by a name, in profiles and in checkpoints.

    Parameters
    ----------
    name
        Not taken yet.
    encoder
        Its class; made from one `config`, which it keeps as the attribute ``config``.
    config
        A frozen dataclass of its settings: ``readout_outputs``, ``stack_frames``, ``stack_step`` and its own.

    Raises
    ------
    CheckpointError
        If the name is another encoder's, or the settings lack one of the three.
    """
    lacking = {"readout_outputs", "stack_frames", "stack_step"} - {field.name for field in fields(config)}
    if lacking:
        raise CheckpointError(f"encoder {name!r}: {config.__name__} lacks {', '.join(sorted(lacking))}")
    if _ENCODERS.get(name, (encoder, config)) != (encoder, config):
        raise CheckpointError(f"encoder {name!r} is there already: {_ENCODERS[name][0].__name__}")
    _ENCODERS[name] = (encoder, config)


def known_encoders() -> dict[str, type]:
    """Class of the settings of every encoder by name; those of installed packages (`ENTRY_POINTS`) included.

    Raises
    ------
    CheckpointError
        If an installed package's encoder cannot be loaded.
    """
    for point in entry_points(group=ENTRY_POINTS):
        if point.name not in _ENCODERS:
            try:
                encoder = point.load()
                register_encoder(point.name, encoder, encoder.Config)
            except (ImportError, AttributeError, TypeError) as error:
                raise CheckpointError(f"encoder {point.name!r} of {point.value}: {_first_line(error)}") from error
    return {name: config for name, (_, config) in _ENCODERS.items()}


def encoder_class(name: str) -> type[Encoder]:
    """Class of one of the `known_encoders`.

    Raises
    ------
    CheckpointError
        If the name is unknown.
    """
    if name not in known_encoders():
        raise CheckpointError(f"unknown encoder {name!r}; known: {', '.join(_ENCODERS)}")
    return _ENCODERS[name][0]


def build_encoder(name: str, settings: Mapping[str, Any]) -> Encoder:
    """An encoder with fresh weights.

    Parameters
    ----------
    name
        One of `known_encoders`.
    settings
        Fields of the encoder's settings; lists may stand for tuples.

    Raises
    ------
    CheckpointError
        If the name or a setting is unknown, missing or impossible.
    """
    kind = encoder_class(name)
    config_class = known_encoders()[name]
    unknown = set(settings) - {field.name for field in fields(config_class)}
    if unknown:
        raise CheckpointError(f"unknown settings of {name}: {', '.join(sorted(map(str, unknown)))}")
    try:
        tuples = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
        return kind(config_class(**tuples))
    except (TypeError, ValueError, ArithmeticError, LookupError, RuntimeError) as error:
        raise CheckpointError(f"impossible settings of {name}: {_first_line(error)}") from error


def save_checkpoint(path: Path, encoder: Encoder, extra: Mapping[str, Any] | None = None) -> None:
    """Write an encoder, whole or not at all.

    Parameters
    ----------
    path
        Its directory exists; an older file of this name is replaced.
    encoder
        Of one of the `known_encoders`.
    extra
        More entries for `params`: plain containers, text, numbers and tensors only.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    name = next(name for name, (kind, _) in _ENCODERS.items() if type(encoder) is kind)
    settings = asdict(cast(Any, encoder).config)
    stack = {"size": settings.pop("stack_frames"), "step": settings.pop("stack_step"), "position": "last"}
    checkpoint = {
        "model_name": MODEL_NAME,
        "params": {**(extra or {}), "nn_module": (name, settings), "frame_stack": stack},
        "nn_state_dict": {key: value.detach().cpu() for key, value in encoder.state_dict().items()},
    }
    save_tensors(path, checkpoint)


def save_tensors(path: Path, content: Mapping[str, Any]) -> None:
    """Write tensors, numbers and text as PyTorch does, whole or not at all.

    Raises
    ------
    StoreError
        If the file cannot be written.
    CheckpointError
        If PyTorch cannot write this content.
    """
    try:
        # Through Python's file: PyTorch's error has the system's behind it then, such as a disk that is full.
        with renaming(path) as temporary, temporary.open("wb") as file:
            torch.save(content, file)
    except (OSError, RuntimeError) as error:
        reason = error if isinstance(error, OSError) else error.__context__
        if not isinstance(reason, OSError):
            raise CheckpointError(f"{path}: cannot be written ({_first_line(error)})") from error
        raise StoreError(
            f"{path}: cannot be written ({reason.strerror or reason}); the same command goes on from what was finished"
        ) from None


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint's dictionary and check its form.

    Returns
    -------
    dict
        `model_name`, `params` with a well-formed `nn_module`, `nn_state_dict` of tensors, on the CPU.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, not of this form, or holds anything but plain containers and tensors.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    try:
        require_sound_zip(path)
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{path}: not a checkpoint of tensors and plain containers; not loaded") from error
    except Exception as error:  # torch.load raises anything on a damaged file
        raise CheckpointError(f"{path}: damaged or not a checkpoint ({_first_line(error)})") from error
    if not isinstance(checkpoint, dict) or not {"model_name", "params", "nn_state_dict"} <= checkpoint.keys():
        raise CheckpointError(f"{path}: expected the entries model_name, params and nn_state_dict")
    params, state = checkpoint["params"], checkpoint["nn_state_dict"]
    match params:
        case {"nn_module": [str(), {}]}:
            pass
        case _:
            raise CheckpointError(f"{path}: params must hold nn_module: (name, settings)")
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()
    ):
        raise CheckpointError(f"{path}: nn_state_dict must map names to tensors")
    return checkpoint


def checkpoint_digest(path: Path) -> str:
    """SHA-256 of an encoder's network and weights; the file's own bytes also hold the name it was first written to.

    Raises
    ------
    CheckpointError
        If it is not a valid checkpoint.
    """
    checkpoint = read_checkpoint(path)
    params = {key: checkpoint["params"].get(key) for key in ("nn_module", "frame_stack")}
    total = hashlib.sha256(json.dumps(params, sort_keys=True).encode())
    for name, values in sorted(checkpoint["nn_state_dict"].items()):
        total.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
        total.update(values.flatten().contiguous().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def require_sound_zip(path: Path) -> None:
    """Compare the contents of a file of `torch.save` with their CRC-32, which `torch.load` does not.

    Raises
    ------
    BadZipFile
        If they differ. A file in torch's old form, which has no checksums, passes.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as file:
            damaged = file.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(f"wrong checksum of {damaged}")


def load_checkpoint(path: Path, device: str | torch.device = "cpu") -> Encoder:
    """Load an encoder, ready for prediction (evaluation mode).

    Raises
    ------
    CheckpointError
        If the file is not a valid checkpoint, its network is unknown, or its weights do not fit the network or
        are not finite.
    """
    checkpoint = read_checkpoint(path)
    params, state = checkpoint["params"], checkpoint["nn_state_dict"]
    name, settings = params["nn_module"]
    stack = params.get("frame_stack", {})
    if not isinstance(stack, dict):
        raise CheckpointError(f"{path}: params.frame_stack must hold size and step")
    stack_settings = {f"stack_{key}": stack[old] for key, old in (("frames", "size"), ("step", "step")) if old in stack}
    try:
        encoder = build_encoder(name, {**settings, **stack_settings})
        encoder.load_state_dict(state)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except RuntimeError as error:
        problems = [line.strip() for line in str(error).splitlines()[1:]]
        raise CheckpointError(f"{path}: the weights do not fit {name}: {'; '.join(problems)[:300]}") from error
    broken = [key for key, value in state.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise CheckpointError(f"{path}: NaN or infinity in {broken[0]}")
    return encoder.to(device).eval()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
