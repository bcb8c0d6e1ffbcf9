"""Neurons of mouse V1: spatio-temporal receptive fields, energy model, divisive normalisation, behavioural gain."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.fft import irfft, next_fast_len, rfft
from torch.nn.functional import grid_sample

from movrecon_core.recordings import DEGREES_PER_PIXEL, FRAME_HEIGHT, FRAME_RATE, FRAME_WIDTH
from movrecon_core.simulation.behaviour import Behaviour, BehaviourConfig
from movrecon_core.simulation.parameters import Parameters

KERNEL_FRAMES = 24
"""Temporal kernels last 0.8 s."""
MEAN_GREY = 80.0
"""Grey level to which the retina is adapted (mean of the ten real mice's movies)."""
DARK = 8.0
"""Grey levels below which it saturates (chosen)."""
IMAGED = 620.0
"""Side of the imaged square, micrometres (coordinates of the ten real mice)."""
DEPTHS = tuple(range(200, 426, 25))
"""Of the imaging planes, micrometres (as above)."""
SCATTER = 0.35
"""Part of the spread of field centres, in s.d., that the place in the cortex does not tell (chosen)."""


class NeuronConfig(Parameters):
    """Distributions from which a population is drawn."""

    simple_share: float = Field(default=0.50, ge=0, le=1)
    """Oriented simple cells (selectivity of mice B, C and E; most cells of the upper layers, Niell & Stryker 2008)."""
    complex_share: float = Field(default=0.37, ge=0, le=1)
    """Complex cells (as above; fewer than simple ones in layers 2-4, Niell & Stryker 2008)."""
    off_share: float = Field(default=0.55, ge=0, le=1)
    """Of the rest, which are unoriented On or Off cells: Off dominates slightly (Liu et al. 2009; chosen)."""
    direction_share: float = Field(default=0.4, ge=0, le=1)
    """Direction-selective share of the oriented cells (mice B, C and E; Rochefort et al. 2011: 30-40 %)."""
    spatial_frequency: tuple[float, float] = (0.036, 0.5)
    """Median, cycles/degree, and s.d. of the logarithm (Niell & Stryker 2008; Gao et al. 2010: mostly 0.02-0.08)."""
    cycles_per_sigma: tuple[float, float] = (0.28, 0.25)
    """Spatial frequency times the envelope's s.d.: median and s.d. of the logarithm; with the frequencies it gives
    fields of 10-20 degrees (full width at half height; Niell & Stryker 2008; Bonin et al. 2011)."""
    sigma_range: tuple[float, float] = (3.4, 10.0)
    """Limits of the envelope's s.d., degrees: at least a pixel."""
    blob_sigma: tuple[float, float] = (5.0, 0.25)
    """Centres of unoriented cells, s.d. in degrees: median, s.d. of the logarithm (Liu et al. 2009: 10-15 wide)."""
    surround_weight: tuple[float, float] = (0.2, 0.8)
    """Their surround's integral relative to the centre's: some luminance response stays (chosen)."""
    spread: tuple[float, float] = (9.5, 6.0)
    """s.d. of field centres in x and y, pixels: the ellipse of two s.d. is about a third of the screen."""
    latency: tuple[float, float] = (0.06, 0.10)
    """Time to the peak of the kernel, seconds (Gao et al. 2010; Niell & Stryker 2008: 60-100 ms)."""
    biphasic_share: float = Field(default=0.5, ge=0, le=1)
    """The others respond to standing patterns too (chosen; temporal low-pass and band-pass, Gao et al. 2010)."""
    direction_frequency: tuple[float, float] = (3.0, 0.3)
    """Preferred frequency of direction-selective cells, Hz: median, s.d. of the logarithm (Gao et al. 2010)."""
    pool_sigma: float = Field(default=4.0, gt=0)
    """Reach of divisive normalisation between field centres, pixels (chosen; Heeger 1992 for the model)."""
    semisaturation: float = Field(default=0.8, gt=0)
    """Drive at half of the maximum relative to the population's r.m.s. drive (chosen; Carandini & Heeger 2012)."""
    exponent: tuple[float, float] = (1.0, 2.0)
    """Output power law (Carandini & Heeger 2012: 1-3.5, mean 2; lower here, as the drive is rectified before)."""
    mean_rate: tuple[float, float] = (4.4, 0.4)
    """Spikes a second: median and s.d. of the logarithm (Niell & Stryker 2008; log-normal, de Vries et al. 2020)."""
    spontaneous: float = Field(default=0.02, ge=0)
    """Share of the mean rate without a stimulus (selectivity of mice B, C and E)."""
    running_gain: float = 0.45
    """Mean increase of the log rate at full speed (Niell & Stryker 2010: responses about twice as large; here 1.6, and
    the wider pupil adds to it)."""
    pupil_gain: float = 0.12
    """Mean increase of the log rate per s.d. of pupil dilation (Reimer et al. 2014; Vinck et al. 2015)."""
    eye_gain: tuple[float, float] = (0.18, 0.12)
    """Pixels that fields move per pixel of the eye camera, x and y: a few degrees in all (Sakatani & Isa 2007)."""

    @model_validator(mode="after")
    def _shares_of_one_whole(self) -> Self:
        if self.simple_share + self.complex_share > 1:
            limit = 1 - self.simple_share
            raise ValueError(f"complex_share: expected at most {limit:g}, found {self.complex_share:g}")
        return self


@dataclass(frozen=True)
class Population:
    """N neurons.

    Attributes
    ----------
    even, odd
        (N, 36 * 64) spatial fields in quadrature; `odd` is zero for unoriented cells.
    kernel, quadrature_kernel
        (N, K) temporal kernels; the second is zero but for direction-selective cells.
    parameters
        One array (N,) a quantity: kind, x and y (pixels), orientation (radians; the direction in which the preferred
        grating changes, and moves for direction-selective cells), spatial_frequency (cycles/degree), sigma (degrees),
        temporal_frequency (Hz) and so on.
    """

    even: NDArray[np.float32]
    odd: NDArray[np.float32]
    kernel: NDArray[np.float32]
    quadrature_kernel: NDArray[np.float32]
    parameters: dict[str, NDArray]

    @property
    def neurons(self) -> int:
        return self.even.shape[0]


def coordinates(population: Population) -> NDArray[np.float64]:
    """Place of each neuron (N, 3), micrometres; the third is depth."""
    return np.stack([population.parameters[name] for name in ("cortex_x", "cortex_y", "depth")], axis=1)


def _lognormal(rng: np.random.Generator, shape: tuple[float, float], size: int) -> NDArray[np.float64]:
    return shape[0] * np.exp(shape[1] * rng.standard_normal(size))


def draw_population(rng: np.random.Generator, neurons: int, config: NeuronConfig) -> Population:
    """Draw a mouse's neurons.

    Parameters
    ----------
    rng
        Decides everything.
    neurons
        How many, N.
    config
        Distributions.
    """
    shares = [config.simple_share, config.complex_share, 1 - config.simple_share - config.complex_share]
    kind = rng.choice(["simple", "complex", "unoriented"], neurons, p=shares)
    oriented = kind != "unoriented"
    direction = oriented & (rng.random(neurons) < config.direction_share)
    # Retinotopy: cells lie evenly over the imaged square, and what they see follows their place but for some scatter.
    place = rng.uniform(-0.5, 0.5, (2, neurons))
    middle = np.array([FRAME_WIDTH, FRAME_HEIGHT]) / 2 + rng.normal(0, (3, 1.5))
    seen = np.sqrt(1 - SCATTER**2) * np.sqrt(12) * place + SCATTER * rng.standard_normal((2, neurons))
    x, y = np.clip(
        middle[:, None] + np.asarray(config.spread)[:, None] * seen,
        0,
        np.array([[FRAME_WIDTH - 1], [FRAME_HEIGHT - 1]]),
    )
    frequency = np.clip(_lognormal(rng, config.spatial_frequency, neurons), 0.012, 0.12)
    sigma = np.clip(_lognormal(rng, config.cycles_per_sigma, neurons) / frequency, *config.sigma_range)
    sigma = np.where(oriented, sigma, np.clip(_lognormal(rng, config.blob_sigma, neurons), *config.sigma_range))
    parameters = {
        "kind": kind,
        "x": x,
        "y": y,
        "cortex_x": IMAGED * place[0],
        "cortex_y": IMAGED * place[1],
        "depth": rng.permutation(np.resize(DEPTHS, neurons)).astype(np.float64),
        "orientation": rng.uniform(0, 2 * np.pi, neurons),
        "spatial_frequency": np.where(oriented, frequency, 0.0),
        "sigma": sigma,
        "aspect": rng.uniform(1.0, 1.6, neurons),
        "phase": rng.uniform(0, 2 * np.pi, neurons),
        "polarity": np.where(rng.random(neurons) < config.off_share, -1, 1),
        "surround": rng.uniform(*config.surround_weight, neurons),
        "direction_selective": direction,
        "latency": rng.uniform(*config.latency, neurons),
        "biphasic": np.where(rng.random(neurons) < config.biphasic_share, rng.uniform(0.6, 1.0, neurons), 0.0),
        "temporal_frequency": np.where(
            direction, np.clip(_lognormal(rng, config.direction_frequency, neurons), 2, 6), 0.0
        ),
        # The energy model squares (Adelson & Bergen 1985).
        "exponent": rng.uniform(*config.exponent, neurons) * np.where(kind == "complex", 2, 1),
        "mean_rate": np.clip(_lognormal(rng, config.mean_rate, neurons), 0.5, 15),
        "running_gain": rng.normal(config.running_gain, 0.25, neurons),
        "pupil_gain": rng.normal(config.pupil_gain, 0.08, neurons),
    }
    even, odd = _spatial_fields(parameters)
    kernel, quadrature = _temporal_kernels(parameters)
    return Population(even, odd, kernel, quadrature, parameters)


def _spatial_fields(p: dict[str, NDArray]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Gabor pairs, and centre-surround fields, each of unit norm over its pair: two times (N, 36 * 64)."""
    rows, columns = np.indices((FRAME_HEIGHT, FRAME_WIDTH), dtype=np.float32).reshape(2, 1, -1)
    dx, dy = columns - p["x"][:, None], rows - p["y"][:, None]
    cos, sin = np.cos(p["orientation"])[:, None], np.sin(p["orientation"])[:, None]
    across, along = dx * cos + dy * sin, dy * cos - dx * sin  # across: the direction in which the grating changes
    sigma = p["sigma"][:, None] / DEGREES_PER_PIXEL
    envelope = _gaussian((across / sigma) ** 2 + (along / (sigma * p["aspect"][:, None])) ** 2)
    angle = 2 * np.pi * p["spatial_frequency"][:, None] * DEGREES_PER_PIXEL * across + p["phase"][:, None]
    distance = (dx**2 + dy**2) / sigma**2
    blob = _gaussian(distance) - p["surround"][:, None] / 4 * _gaussian(distance / 4)  # a surround twice as wide
    oriented = (p["kind"] != "unoriented")[:, None]
    even = np.where(oriented, envelope * np.cos(angle), blob * p["polarity"][:, None])
    odd = np.where(oriented, envelope * np.sin(angle), 0)
    norm = np.sqrt((even**2 + odd**2).sum(axis=1, keepdims=True))
    return (even / norm).astype(np.float32), (odd / norm).astype(np.float32)


def _gaussian(squared_distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian of the squared distance in standard deviations; 0 beyond 5, where denormal numbers would be slow."""
    return np.where(squared_distance < 25, np.exp(-0.5 * squared_distance), 0)


def _temporal_kernels(p: dict[str, NDArray]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Kernels of unit norm and, for direction-selective cells, their quadrature partners: two times (N, K)."""
    time = np.arange(KERNEL_FRAMES) / FRAME_RATE
    delay = 0.03
    scale = ((p["latency"] - delay) / 3)[:, None]  # a gamma kernel (t/s)^3 exp(-t/s) peaks at 3 s
    t = np.maximum(time - delay, 0) / scale
    positive, negative = t**3 * np.exp(-t) / 6, (t / 2) ** 3 * np.exp(-t / 2) / 12
    sustained = (t / 2.5) ** 2 * np.exp(-t / 2.5) / 5  # a tail of some 100 ms
    biphasic = p["biphasic"][:, None]
    kernel = np.where(biphasic > 0, positive - biphasic * negative, positive + 0.8 * sustained)
    # Direction-selective cells: windowed sine and cosine, a quadrature pair in time (Adelson & Bergen 1985).
    preferred = np.maximum(p["temporal_frequency"], 1.0)[:, None]
    age = np.maximum(time - delay, 0) * preferred / 0.1  # the window's s.d. is a sixth of a period
    window = age**2 * np.exp(-age)
    phase = 2 * np.pi * (preferred * (time - delay) - 0.2)
    selective = p["direction_selective"][:, None]
    kernel = np.where(selective, window * np.cos(phase), kernel)
    quadrature = np.where(selective, -window * np.sin(phase), 0)
    norm = np.linalg.norm(kernel, axis=1, keepdims=True)
    return (kernel / norm).astype(np.float32), (quadrature / norm).astype(np.float32)


def retinal_contrast(movie: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weber contrast of grey levels 0..255 about the mean, compressed: dark and bright parts count about alike."""
    return (2 * (np.sqrt((movie + DARK) / (MEAN_GREY + DARK)) - 1)).astype(np.float32)


def filter_outputs(
    population: Population, movie: NDArray[np.float32], shift: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Linear outputs of the two fields in quadrature.

    Parameters
    ----------
    population
        N neurons.
    movie
        (T, 36, 64), 0..255; before its first frame the screen had the grey that the retina is adapted to.
    shift
        (2, T), x and y in pixels by which the fields are moved.

    Returns
    -------
    Two arrays (N, T); a contrast of 1 over the whole field of a flat filter gives its sum.
    """
    frames = movie.shape[0]
    contrast = torch.from_numpy(retinal_contrast(movie.reshape(frames, 1, FRAME_HEIGHT, FRAME_WIDTH)))
    grid = torch.stack(torch.meshgrid(_axis(FRAME_HEIGHT), _axis(FRAME_WIDTH), indexing="ij")[::-1], dim=-1)  # x, y
    offset = torch.from_numpy(np.ascontiguousarray(shift.T) * 2 / np.array([FRAME_WIDTH, FRAME_HEIGHT], np.float32))
    moved = grid_sample(contrast, grid + offset[:, None, None], padding_mode="zeros", align_corners=False)
    pixels = moved.reshape(frames, -1).T  # (H W, T)
    even, odd = ((torch.from_numpy(field) @ pixels).numpy() for field in (population.even, population.odd))
    length = next_fast_len(frames + KERNEL_FRAMES, real=True)
    spectra = [rfft(x, length, axis=1) for x in (even, odd, population.kernel, population.quadrature_kernel)]
    e, o, k, q = spectra
    outputs = (irfft(z, length, axis=1)[:, :frames] for z in (e * k + o * q, o * k - e * q))
    first, second = outputs
    return first, second


def _axis(size: int) -> torch.Tensor:
    """Pixel centres from -1 to 1 over the frame."""
    return (torch.arange(size, dtype=torch.float32) + 0.5) * (2 / size) - 1


def normalisation_pool(population: Population, config: NeuronConfig) -> NDArray[np.float32]:
    """Weights (N, N), rows summing to 1, of each neuron's normalising neighbours."""
    x, y = population.parameters["x"], population.parameters["y"]
    squared = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2
    weights = np.exp(-squared / (2 * config.pool_sigma**2))
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def normalised_drive(
    population: Population,
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    scale: NDArray[np.float32],
    pool: NDArray[np.float32],
    config: NeuronConfig,
) -> NDArray[np.float32]:
    """Stimulus drive (N, T) >= 0 after normalisation, before the output power law.

    Parameters
    ----------
    population
        N neurons.
    first, second
        (N, T), from `filter_outputs`.
    scale
        (N,), r.m.s. of `first` and `second` over the recording's movies.
    pool
        (N, N), from `normalisation_pool`.
    config
        Semisaturation.
    """
    first, second = first / scale[:, None], second / scale[:, None]
    energy = first**2 + second**2
    divisor = np.sqrt(config.semisaturation**2 + pool @ energy)
    is_complex = (population.parameters["kind"] == "complex")[:, None]
    return (np.where(is_complex, np.sqrt(energy), np.maximum(first, 0)) / divisor).astype(np.float32)


def evoked(
    drive: NDArray[np.float32], exponent: NDArray[np.float32], mean: NDArray[np.float32], spontaneous: float
) -> NDArray[np.float32]:
    """Rates relative to the mean over the recording's movies, from the drive: a power law over what is spontaneous.

    Parameters
    ----------
    drive
        (N, ...), from `normalised_drive`.
    exponent, mean
        (N,); `mean` of ``drive ** exponent`` over those movies.
    spontaneous
        Share of the mean rate without a stimulus.
    """
    wide = (slice(None), *[None] * (drive.ndim - 1))
    return drive ** exponent[wide] * ((1 - spontaneous) / mean)[wide] + np.float32(spontaneous)


def behavioural_gain(population: Population, behaviour: Behaviour, reference: BehaviourConfig) -> NDArray[np.float32]:
    """Factor (N, T) on the rates from running speed (saturating at some cm/s) and pupil dilation."""
    running = 1 - np.exp(-behaviour.speed / 5)
    dilation = (behaviour.dilation - reference.pupil_mean) / reference.pupil_std
    p = population.parameters
    return np.exp(p["running_gain"][:, None] * running + p["pupil_gain"][:, None] * dilation).astype(np.float32)


def field_shift(behaviour: Behaviour, reference: BehaviourConfig, config: NeuronConfig) -> NDArray[np.float32]:
    """Movement (2, T) of the fields in pixels that eye movements cause."""
    displacement = behaviour.position - np.asarray(reference.eye_center)[:, None]
    return (np.asarray(config.eye_gain)[:, None] * displacement).astype(np.float32)
