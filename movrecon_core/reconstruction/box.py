"""The part of a frame in which something happens: work on movies need not look at the rest."""

from types import EllipsisType

import torch
from torch import Tensor

Box = tuple[EllipsisType, slice, slice]
"""Index of the last two axes of movies (..., H, W)."""


def bounding_box(mask: Tensor) -> Box:
    """Rows and columns from the first to the last in which a mask (H, W) is true anywhere; the whole if nowhere."""
    spans = []
    for axis in (1, 0):
        places = torch.nonzero(mask.any(dim=axis))
        spans.append(slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(None))
    return ..., spans[0], spans[1]
