"""Settings, inputs and results of a reconstruction."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from movrecon_core.encoders.precision import Precision
from movrecon_core.errors import ReconstructionError
from movrecon_core.reconstruction.guide import Guide
from movrecon_core.reconstruction.priors import PRIORS

NORM_OFFSET = 1e-6  # appendix algorithm 1, line 18


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
    norm_offset
        Added to a gradient's norm before the gradient is divided by it; at 0 responses of any unit lead to one movie.
    precision
        In which the encoders are inverted, in their faster frozen form (`Encoder.frozen_form`); None: as they are.
        ``bfloat16`` is float32 on devices that do not gain from it (`used_precision`).
    tiled_windows
        Windows lie end to end, from a start that is drawn anew at each iteration; `window_stride` is not used.
    gradient_blur
        Standard deviation, frames and pixels, of a Gaussian that smooths the gradient of each iteration.
    final_rate
        Share of the learning rate that is left at the last iteration; it falls along a cosine.
    left_out
        Share of the neurons that is not fitted but judges when to stop; 0: all are fitted, nothing stops early.
    patience
        Iterations without improvement of the left-out neurons' loss after which a movie is finished.
    priors
        Weights of `PRIORS`, in multiples of the responses' own pull.
    decoder
        Name of a decoder from whose movie each starts, and to which it is pulled (`GuidedGroup`); learning rates are
        then shares of Newton's step, and losses are not the Poisson loss.
    independence
        Share of the neurons' frames that counts as independent evidence where a decoder guides: responses are imaged
        more slowly than movies are shown, and neurons err together.
    seed
        Of the windows' starts and of the neurons left out.
    """

    iterations: int = 1000  # article, Video reconstruction: 1000 epochs
    window_frames: int | None = 32  # article, Video reconstruction: 32
    window_stride: int = 8  # article, Video reconstruction: 8
    initial_grey: float = 127.5  # scripts; appendix algorithm 1, line 5: 125
    learning_rate: float = 1000.0  # article, Video reconstruction: 1000
    warm_up: int = 10  # article, Video reconstruction: 10
    momentum: float = 0.9  # article, Video reconstruction: beta 1 = 0.9
    second_moment: float = 0.999  # appendix algorithm 1, line 30
    norm_offset: float = NORM_OFFSET
    precision: Precision | None = None  # scripts: float32
    # What follows is not in the article.
    tiled_windows: bool = False
    gradient_blur: tuple[float, float] = (0.0, 0.0)
    final_rate: float = 1.0
    left_out: float = 0.0
    patience: int = 10
    priors: dict[str, float] = field(default_factory=dict)
    decoder: str | None = None
    independence: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.iterations, self.window_stride, 1 if self.window_frames is None else self.window_frames) < 1:
            raise ReconstructionError("iterations, window_stride and window_frames must be at least 1")
        if self.tiled_windows and self.window_frames is None:
            raise ReconstructionError("tiled_windows needs window_frames, the length of a window")
        if self.norm_offset < 0 or self.learning_rate <= 0:
            raise ReconstructionError("norm_offset must be at least 0, learning_rate above 0")
        if not (0 <= self.momentum < 1 and 0 <= self.second_moment < 1):
            raise ReconstructionError("momentum and second_moment must be 0 to below 1")
        if not 0 <= self.initial_grey <= 255 or self.warm_up < 0:
            raise ReconstructionError("initial_grey must be 0 to 255, warm_up at least 0")
        if not 0 <= self.left_out < 1 or self.patience < 1 or not 0 <= self.final_rate <= 1:
            raise ReconstructionError("left_out must be 0 to below 1, patience at least 1, and final_rate 0 to 1")
        if not 0 < self.independence <= 1:
            raise ReconstructionError("independence must be above 0 and at most 1")
        if self.decoder is not None and (self.left_out or self.priors or any(self.gradient_blur)):
            raise ReconstructionError("a decoder takes the place of left_out, priors and gradient_blur; leave them out")
        for name, weight in self.priors.items():
            if name not in PRIORS or weight < 0:
                raise ReconstructionError(f"priors: '{name}: {weight}'; known, with weights >= 0: {', '.join(PRIORS)}")


def fast_config(stack_frames: int | None, stack_step: int = 1) -> ReconstructionConfig:
    """Settings that find a movie in a small part of the published method's time.

    Gradients are smoothed over neighbouring frames and pixels, steps are larger and few, and neurons left out of the
    loss say when a movie is finished: after some 20 steps where responses are noisy, later where they are not.
    Encoders of any length see the movie whole; others in windows end to end. Chosen on movies of a training fold
    (benchmarks/methods.py).

    Parameters
    ----------
    stack_frames, stack_step
        Of the encoder, as in `Encoder`; they decide the windows.
    """
    window = None if stack_frames is None else stack_frames * stack_step
    return ReconstructionConfig(
        iterations=100,
        warm_up=6,
        window_frames=window,
        tiled_windows=window is not None,
        # The gradient is normalised over a window's frames: with more of them each pixel's share is smaller.
        learning_rate=12_000.0 if window is None else 4000.0,
        gradient_blur=(3.0, 2.0),
        left_out=0.05,
        patience=3,
        norm_offset=0.0,
        precision="bfloat16",
    )


def best_config(stack_frames: int | None, stack_step: int = 1) -> ReconstructionConfig:
    """Settings that find a movie near what ridge regression decodes.

    Chosen on movies of a training fold (benchmarks/methods.py); windows and parameters as for `fast_config`.
    """
    window = None if stack_frames is None else stack_frames * stack_step
    return ReconstructionConfig(
        iterations=8,
        window_frames=window,
        tiled_windows=window is not None,
        learning_rate=0.5,
        momentum=0.5,
        final_rate=0.3,
        decoder="ridge",
        precision="bfloat16",
    )


def without_decoder(config: ReconstructionConfig) -> ReconstructionConfig:
    """Settings where no decoder is learned, or what is shown is none of its movies: the fast method in its place.

    Responses without noise repay larger steps, all of which are made (benchmarks/methods.py).
    """
    if config.decoder is None:
        return config
    fast = fast_config(config.window_frames)
    rate = 2 * fast.learning_rate
    return replace(fast, iterations=60, learning_rate=rate, left_out=0.0, precision=config.precision, seed=config.seed)


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
        (N,) bool, neurons whose responses count; None: all, as published.
    truth
        (T, 36, 64), grey levels 0..255, the movie that was shown; only compared with, never used to find it.
    evaluation_mask
        (64, 64) bool, pixels in which it is compared; None: all.
    guide
        Where the movie starts and what it is pulled to; only for `ReconstructionConfig.decoder`.
    """

    responses: NDArray[np.floating]
    behavior: NDArray[np.floating]
    pupil_center: NDArray[np.floating]
    update_mask: NDArray[np.bool_]
    neurons_in_loss: NDArray[np.bool_] | None = None
    truth: NDArray[np.floating] | None = None
    evaluation_mask: NDArray[np.bool_] | None = None
    guide: Guide | None = None

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
        (iterations, instances, windows), Poisson loss before each iteration's update; as many iterations as were made.
    gradient_norm
        (iterations, instances, windows), over all five input channels of a window; near a decoder's movie over one.
    video_correlation
        (iterations,), with the target's truth after each iteration's update; NaN while the movie is flat, and
        where no truth was given.
    left_out_loss
        (iterations,), Poisson loss of the neurons left out, before each iteration's update; NaN where none are.
    """

    movie: NDArray[np.floating]
    losses: NDArray[np.floating]
    gradient_norm: NDArray[np.floating]
    video_correlation: NDArray[np.floating]
    left_out_loss: NDArray[np.floating]

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
    norm_offset
        As in `ReconstructionConfig`.

    Examples
    --------
    >>> mr.MaskConfig(iterations=60).learning_rate
    10.0
    """

    iterations: int = 1000  # article, Mask training: 1000 epochs
    learning_rate: float = 10.0  # article, Mask training: 10
    initial_maximum: float = 0.05  # article, Mask training: 0.05; appendix algorithm 2, line 6: 0.5
    blur_size: int = 15  # scripts
    blur_sigma: float = 5.0  # article, Mask training: 5
    norm_offset: float = NORM_OFFSET

    def __post_init__(self) -> None:
        if self.iterations < 1 or self.blur_size % 2 == 0 or self.norm_offset < 0:
            raise ReconstructionError("mask: iterations must be at least 1, blur_size odd, norm_offset at least 0")
        if min(self.learning_rate, self.initial_maximum, self.blur_size, self.blur_sigma) <= 0:
            raise ReconstructionError("mask: learning_rate, initial_maximum, blur_size and blur_sigma must be above 0")
