"""Decoders by name: how each is learned, and its arrays as they are stored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from movrecon_core.decoders.convolutional import ConvolutionalDecoder, learn_convolutional
from movrecon_core.decoders.linear import LinearDecoder
from movrecon_core.decoders.nearest import NearestMovie, learn_nearest
from movrecon_core.decoders.receptive_fields import learn_pseudo_inverse, learn_receptive_field_sum
from movrecon_core.decoders.ridge import RidgeDecoder, learn_mean_frame, learn_ridge
from movrecon_core.recordings import Trial

RIDGE = "ridge"
_INNER = "weights."


LEARNERS: dict[str, tuple[type, Callable[[Sequence[Trial], int], Any]]] = {
    "mean-frame": (LinearDecoder, lambda trials, seed: learn_mean_frame(trials)),
    "nearest-movie": (NearestMovie, lambda trials, seed: learn_nearest(trials)),
    "receptive-fields": (LinearDecoder, lambda trials, seed: learn_receptive_field_sum(trials)),
    "pseudo-inverse": (LinearDecoder, lambda trials, seed: learn_pseudo_inverse(trials)),
    "network": (ConvolutionalDecoder, learn_convolutional),
    RIDGE: (RidgeDecoder, lambda trials, seed: learn_ridge(trials)),
}
"""The class of each, whose `decode` makes a movie (T, 36, 64) of responses (N, T), and what learns one from a mouse's
training movies and a seed."""


def arrays_of(decoder: Any) -> dict[str, NDArray[Any]]:
    """All that a decoder has learned, by name."""
    found: dict[str, NDArray[Any]] = {}
    for field in fields(decoder):
        value = getattr(decoder, field.name)
        inner = {f"{_INNER}{name}": array for name, array in value.items()} if isinstance(value, Mapping) else None
        found |= {field.name: np.asarray(value)} if inner is None else inner
    return found


def decoder_of(name: str, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """The decoder whose arrays these are."""
    kind, _ = LEARNERS[name]
    inner = {key.removeprefix(_INNER): value for key, value in arrays.items() if key.startswith(_INNER)}
    plain = {key: value for key, value in arrays.items() if not key.startswith(_INNER)}
    return kind(**plain, **({"weights": inner} if inner else {}))
