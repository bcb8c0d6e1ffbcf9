"""Random stretches of training trials, and CutMix."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from movrecon_core.encoders.inputs import CHANNELS, PADDING
from movrecon_core.errors import RecordingError
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH
from movrecon_core.recordings.cache import TrialCache


class SegmentReader:
    """Draws segments of one mouse's training trials.

    Parameters
    ----------
    cache
        The mouse's training trials.
    frames
        Frames of a segment.
    step
        Movie frames between two frames of a segment.

    Raises
    ------
    RecordingError
        If no trial is as long as a segment.
    """

    def __init__(self, cache: TrialCache, frames: int, step: int) -> None:
        self._cache = cache
        self._frames, self._step, self._span = frames, step, (frames - 1) * step + 1
        self._trials = np.array(sorted(trial for trial, length in cache.lengths.items() if length >= self._span))
        if not len(self._trials):
            raise RecordingError(
                f"{cache.recording.path}: no training trial has the {self._span} frames of a training segment"
            )

    def draw(self, count: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Random segments of random trials.

        Returns
        -------
        inputs
            (count, 5, frames, 64, 64), float32.
        responses
            (count, N, frames), float32, >= 0.
        """
        inputs = np.zeros((count, CHANNELS, self._frames, FRAME_WIDTH, FRAME_WIDTH), dtype=np.float32)
        responses = np.empty((count, self._cache.responses.shape[1], self._frames), dtype=np.float32)
        for i, trial in enumerate(random.choice(self._trials, count)):
            first = int(random.integers(self._cache.lengths[int(trial)] - self._span + 1))
            movie, recorded, behavior = self._cache.stretch(int(trial), first, self._span, self._step)
            inputs[i, 0, :, PADDING : PADDING + FRAME_HEIGHT] = movie
            inputs[i, 1:] = behavior.T[..., None, None]
            responses[i] = recorded.T
        return torch.from_numpy(inputs), torch.from_numpy(responses)


def cutmix(
    inputs: Tensor,
    responses: Tensor,
    partner: Callable[[], tuple[Tensor, Tensor]],
    random: np.random.Generator,
    probability: float,
    alpha: float,
) -> None:
    """Replace a box of some segments, in place, by another segment's, and mix the responses by area.

    Each segment is mixed, or not, by itself, with a partner and a box of its own (method page, DwiseNeuro: training;
    Yun et al. 2019, ICCV).

    Parameters
    ----------
    inputs
        (B, 5, T, H, W).
    responses
        (B, N, T), of one mouse.
    partner
        Draws another segment of this mouse: inputs (1, 5, T, H, W), responses (1, N, T).
    probability
        Of mixing a segment, 0..1.
    alpha
        Of the beta distribution from which the share that stays is drawn.
    """
    height, width = inputs.shape[-2:]
    for shown, recorded in zip(inputs, responses, strict=True):
        if random.random() >= probability:
            continue
        (other,), (other_recorded,) = partner()
        cut = np.sqrt(1 - random.beta(alpha, alpha))
        rows, columns = (_interval(size, cut, random) for size in (height, width))
        shown[..., rows, columns] = other[..., rows, columns]
        stays = 1 - (rows.stop - rows.start) * (columns.stop - columns.start) / (height * width)
        recorded.mul_(stays).add_(other_recorded, alpha=1 - stays)


def _interval(size: int, share: float, random: np.random.Generator) -> slice:
    centre, half = int(random.integers(size)), int(size * share) // 2
    return slice(max(centre - half, 0), min(centre + half, size))
