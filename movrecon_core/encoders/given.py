"""Encoders that somebody else trained: their readouts in the order of a study's recordings."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.checkpoints import load_checkpoint, read_checkpoint
from movrecon_core.errors import CheckpointError
from movrecon_core.recordings import Recording


def given_encoder(
    path: Path,
    recordings: Sequence[Recording],
    architecture: str,
    parameters: Mapping[str, Any],
    device: str | torch.device = "cpu",
) -> Encoder:
    """Load an encoder and keep the readouts of some recordings, in their order.

    A readout is a recording's by the mouse's name where the checkpoint holds names (`mice`), else by its number of
    neurons.

    Parameters
    ----------
    path
        A checkpoint; each recording has a readout in it, others are left out.
    recordings
        The mice.
    architecture, parameters
        What the profile says of its encoder, neurons apart.
    device
        Of the weights.

    Raises
    ------
    CheckpointError
        If it cannot be loaded, is of another kind, or a recording's readout is not found in it.
    """
    encoder: Any = load_checkpoint(path, device)
    if (kind := read_checkpoint(path)["params"]["nn_module"][0]) != architecture:
        raise CheckpointError(f"{path}: a network {kind!r}; the profile's encoder.architecture: {architecture}")
    settings = asdict(encoder.config)
    for name, value in parameters.items():
        if name in settings and settings[name] != value:
            raise CheckpointError(f"{path}: {name} is {settings[name]}, the profile's encoder.parameters: {value}")
    order = _order(path, encoder.neurons, recordings)
    if order == list(range(len(encoder.neurons))):
        as_it_is: Encoder = encoder
        return as_it_is
    if not hasattr(encoder, "readouts"):
        raise CheckpointError(
            f"{path}: knows {len(encoder.neurons)} mice, of which {', '.join(map(str, order))} (from 0) are asked for; "
            f"of a network {kind!r}, which has no list `readouts`, all are needed, in their order"
        )
    encoder.readouts = nn.ModuleList(encoder.readouts[place] for place in order)
    encoder.neurons = tuple(encoder.neurons[place] for place in order)
    encoder.config = replace(encoder.config, readout_outputs=encoder.neurons)
    found: Encoder = encoder
    return found


def _order(path: Path, neurons: tuple[int, ...], recordings: Sequence[Recording]) -> list[int]:
    """Place of each recording's readout."""
    names, wanted = read_checkpoint(path)["params"].get("mice"), [recording.neurons for recording in recordings]
    if isinstance(names, list) and len(names) == len(neurons):
        lacking = [recording.name for recording in recordings if recording.name not in names]
        if lacking:
            raise CheckpointError(f"{path}: no readout of {', '.join(lacking)}; it knows {', '.join(map(str, names))}")
        order = [names.index(recording.name) for recording in recordings]
    elif wanted == list(neurons):
        return list(range(len(neurons)))
    else:
        for recording, count in zip(recordings, wanted, strict=True):
            if neurons.count(count) != 1 or wanted.count(count) != 1:
                raise CheckpointError(
                    f"{path}: {neurons.count(count)} of its readouts have the {count} neurons of {recording.name}, and "
                    f"it names no mice; its readouts: {', '.join(map(str, neurons))} neurons"
                )
        order = [neurons.index(count) for count in wanted]
    for recording, place in zip(recordings, order, strict=True):
        if neurons[place] != recording.neurons:
            raise CheckpointError(
                f"{path}: its readout of {recording.name} has {neurons[place]} neurons, the recording has "
                f"{recording.neurons}"
            )
    return order
