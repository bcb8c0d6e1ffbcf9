"""Settings, inputs and results of a reconstruction."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import ReconstructionError


@dataclass(frozen=True)
class ReconstructionConfig:
    """How a movie is optimised; the defaults are the published scripts' (method page, reconstruction).

    Attributes
    ----------
    window_frames
        Frames of a window; None makes the whole movie one window, for encoders that take any length.
    window_stride
        Frames between the starts of two windows.
    learning_rate
        Grey levels; gradients are normalised, hence the size.
    warm_up
        Iterations over which the learning rate grows from 0.
    momentum
        Decay of the gradient's running mean.
    second_moment
        Decay that enters the learning rate's correction alone; no second moment is used.
    """

    iterations: int = 1000  # article, Video reconstruction: 1000 epochs
    window_frames: int | None = 32  # article, Video reconstruction: 32
    window_stride: int = 8  # article, Video reconstruction: 8
    initial_grey: float = 127.5  # scripts; appendix algorithm 1, line 5: 125
    learning_rate: float = 1000.0  # article, Video reconstruction: 1000
    warm_up: int = 10  # article, Video reconstruction: 10
    momentum: float = 0.9  # article, Video reconstruction: beta 1 = 0.9
    second_moment: float = 0.999  # appendix algorithm 1, line 30

    def __post_init__(self) -> None:
        if min(self.iterations, self.window_stride, self.window_frames or 1) < 1:
            raise ReconstructionError("iterations, window_stride and window_frames must be at least 1")


@dataclass(frozen=True)
class Target:
    """One movie to be found: the responses it has to explain, and what the animal did meanwhile.

    Attributes
    ----------
    responses
        (N, T), >= 0, recorded or predicted.
    behavior
        (2, T), pupil dilation and running speed.
    pupil_center
        (2, T), pupil position.
    update_mask
        (64, 64) bool, pixels that may change (the training mask).
    neurons_in_loss
        (N,) bool, neurons whose responses count; None: all (`reference`).
    truth
        (T, 36, 64), grey levels 0..255, the movie that was shown; only compared with, never used to find it.
    evaluation_mask
        (64, 64) bool, pixels in which it is compared; None: all.
    """

    responses: NDArray[np.floating]
    behavior: NDArray[np.floating]
    pupil_center: NDArray[np.floating]
    update_mask: NDArray[np.bool_]
    neurons_in_loss: NDArray[np.bool_] | None = None
    truth: NDArray[np.floating] | None = None
    evaluation_mask: NDArray[np.bool_] | None = None

    @property
    def frames(self) -> int:
        return self.responses.shape[1]


@dataclass(frozen=True)
class Reconstruction:
    """A movie that was found, before ensembling and the evaluation mask.

    Attributes
    ----------
    movie
        (T, 64, 64), grey levels 0..255, in the encoder's precision.
    losses
        (iterations, instances, windows), Poisson loss before each iteration's update.
    gradient_norm
        (iterations, instances, windows), over all five input channels of a window.
    video_correlation
        (iterations,), with the target's truth after each iteration's update; NaN while the movie is flat, and
        where no truth was given.
    """

    movie: NDArray[np.floating]
    losses: NDArray[np.floating]
    gradient_norm: NDArray[np.floating]
    video_correlation: NDArray[np.floating]

    @property
    def loss(self) -> NDArray[np.floating]:
        """(iterations,), mean over instances and windows."""
        return self.losses.mean(axis=(1, 2))


@dataclass(frozen=True)
class MaskConfig:
    """How a transparency mask is trained; the defaults are the published scripts' (method page, transparency mask).

    Attributes
    ----------
    learning_rate
        Change of α where the normalised, blurred gradient is 1.
    initial_maximum
        α starts uniform between 0 and this.
    blur_size, blur_sigma
        Pixels.
    """

    iterations: int = 1000  # article, Mask training: 1000 epochs
    learning_rate: float = 10.0  # article, Mask training: 10
    initial_maximum: float = 0.05  # article, Mask training: 0.05; appendix algorithm 2, line 6: 0.5
    blur_size: int = 15  # scripts
    blur_sigma: float = 5.0  # article, Mask training: 5

    def __post_init__(self) -> None:
        if self.iterations < 1 or self.blur_size % 2 == 0:
            raise ReconstructionError("mask: iterations must be at least 1 and blur_size odd")
