"""Gaussian-process noise: movies that are smooth over a known distance and time (article, Figure 4)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import ReconstructionError
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH

FRAMES = 60  # article, Additional visual stimuli: 2 s
CONTRAST, MEAN = 51.0, 127.5  # scripts: standard deviation and mean after scaling
SIDE_GREY = 125.0  # scripts: of the columns beside the square, before the movie is scaled with them


@dataclass(frozen=True)
class NoiseStimulus:
    """One noise movie.

    Attributes
    ----------
    length
        Spatial length constant L in pixels; the article labels 0.5 as 0.
    duration
        Temporal length constant τ in frames.
    sample
        Number of the sample, from 0.
    inverted
        Whether the phase is inverted, 255 − x; both phases share a sample.
    """

    length: float
    duration: float
    sample: int = 0
    inverted: bool = False

    @property
    def name(self) -> str:
        phase = "-inverted" if self.inverted else ""
        return f"noise-{self.length:g}-{self.duration:g}-sample-{self.sample}{phase}"


def noise_movie(stimulus: NoiseStimulus, seed: int) -> NDArray[np.float32]:
    """Draw a noise movie and scale it as the published scripts do.

    The unit-variance square is multiplied by 51 around 127.5 and gets grey columns left and right; the whole is
    brought to that mean and standard deviation once more and cut to 0..255. Because the grey sides count in the second
    scaling, about 6 % of the square's pixels saturate (method page, differences).

    Parameters
    ----------
    stimulus
        Which movie.
    seed
        Of all samples; the same seed gives the same movie.

    Returns
    -------
    NDArray
        (60, 36, 64), 0..255. The square is in the middle.
    """
    square = unit_noise(stimulus, seed) * CONTRAST + MEAN
    sides = (FRAME_WIDTH - square.shape[2]) // 2
    movie = np.pad(square, ((0, 0), (0, 0), (sides, sides)), constant_values=SIDE_GREY)
    movie = np.clip((movie - movie.mean()) / movie.std() * CONTRAST + MEAN, 0, 255)
    return (255 - movie if stimulus.inverted else movie).astype(np.float32)


def unit_noise(stimulus: NoiseStimulus, seed: int) -> NDArray[np.float64]:
    """An exact sample of the Gaussian process exp(−d² / 2L²) · exp(−t² / 2τ²), mean 0, variance 1.

    The covariance is a product over frames, rows and columns, so white noise times the square root along each of the
    three axes has it exactly, at the cost of three small eigendecompositions.

    Returns
    -------
    NDArray
        (60, 36, 36).

    Raises
    ------
    ReconstructionError
        If a length constant is not above 0.
    """
    if min(stimulus.length, stimulus.duration) <= 0:
        raise ReconstructionError(f"{stimulus.name}: length and duration must be above 0")
    constants = [round(1000 * stimulus.length), round(1000 * stimulus.duration)]
    random = np.random.default_rng([seed, stimulus.sample, *constants])
    white = random.standard_normal((FRAMES, FRAME_HEIGHT, FRAME_HEIGHT))
    time, space = _square_root(FRAMES, stimulus.duration), _square_root(FRAME_HEIGHT, stimulus.length)
    return np.einsum("st,yv,xu,tvu->syx", time, space, space, white, optimize=True)


def _square_root(size: int, constant: float) -> NDArray[np.float64]:
    """Symmetric square root of the covariance exp(−d² / 2c²) of equidistant points."""
    distance = np.subtract.outer(np.arange(size), np.arange(size))
    values, vectors = np.linalg.eigh(np.exp(-(distance**2) / (2 * constant**2)))
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T  # rounding can leave values just below 0
