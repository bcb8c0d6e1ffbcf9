"""Random stretches of training trials, read lazily, and CutMix."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from movrecon_core.encoders.inputs import CHANNELS, PADDING
from movrecon_core.errors import RecordingError
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH, SIGNALS, Recording, load_array


class SegmentReader:
    """Draws segments of one mouse's training trials.

    Parameters
    ----------
    recording
        The mouse.
    lengths
        Valid frames of each training trial, by trial number.
    frames
        Frames of a segment.
    step
        Movie frames between two frames of a segment.

    Raises
    ------
    RecordingError
        If no trial is as long as a segment.
    """

    def __init__(self, recording: Recording, lengths: dict[int, int], frames: int, step: int) -> None:
        span = (frames - 1) * step + 1
        self._recording = recording
        self._frames, self._step, self._span = frames, step, span
        self._lengths = {trial: length for trial, length in lengths.items() if length >= span}
        self._trials = np.array(sorted(self._lengths))
        if not len(self._trials):
            raise RecordingError(f"{recording.path}: no training trial has the {span} frames of a training segment")

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
        responses = []
        for i, trial in enumerate(random.choice(self._trials, count)):
            start = int(random.integers(self._lengths[trial] - self._span + 1))
            movie, response, behavior, pupil = (self._read(signal, int(trial), start) for signal in SIGNALS)
            inputs[i, 0, :, PADDING : PADDING + FRAME_HEIGHT] = np.moveaxis(movie, -1, 0)
            inputs[i, 1:] = np.concatenate([behavior, pupil])[..., None, None]
            responses.append(np.maximum(response, 0, dtype=np.float32))
        return torch.from_numpy(inputs), torch.from_numpy(np.stack(responses))

    def _read(self, signal: str, trial: int, start: int) -> NDArray:
        array = load_array(self._recording.file(signal, trial), mmap=True)
        return array[..., start : start + self._span : self._step]


def cutmix(
    inputs: Tensor, responses: Tensor, random: np.random.Generator, probability: float, alpha: float
) -> tuple[Tensor, Tensor]:
    """Replace a box of every frame by another segment's, and mix the responses by area (Yun et al. 2019, ICCV).

    Parameters
    ----------
    inputs
        (B, 5, T, H, W).
    responses
        (B, N, T), of one mouse.
    probability
        Of doing anything, 0..1.
    alpha
        Of the beta distribution from which the share that stays is drawn.
    """
    if random.random() >= probability:
        return inputs, responses
    height, width = inputs.shape[-2:]
    cut = np.sqrt(1 - random.beta(alpha, alpha))
    rows, columns = (_interval(size, cut, random) for size in (height, width))
    order = torch.from_numpy(random.permutation(len(inputs)))
    inputs = inputs.clone()
    inputs[..., rows, columns] = inputs[order][..., rows, columns]
    stays = 1 - (rows.stop - rows.start) * (columns.stop - columns.start) / (height * width)
    return inputs, stays * responses + (1 - stays) * responses[order]


def _interval(size: int, share: float, random: np.random.Generator) -> slice:
    centre, half = int(random.integers(size)), int(size * share) // 2
    return slice(max(centre - half, 0), min(centre + half, size))
