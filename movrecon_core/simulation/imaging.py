"""What two-photon imaging makes of spike rates: spikes, GCaMP6s, 8 Hz samples, noise, deconvolution, 30 Hz."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.optimize import isotonic_regression
from scipy.signal import lfilter

from movrecon_core.recordings import FRAME_RATE
from movrecon_core.simulation.parameters import Parameters

TAIL = 10
"""Frames that are simulated beyond the end of a trial."""

LONGEST = 300.0
"""Decay constants of a signal that is deconvolved at once: e^(-2 * 300) is a float64, e^(-2 * 380) is 0."""

AROUND = 20.0
"""Decay constants before and after a piece of a longer one that are looked at with it."""


class ImagingConfig(Parameters):
    """Indicator and microscope; GCaMP6s and 8 Hz as recorded, others as `indicators.KINETICS` says."""

    sampling_rate: float = Field(default=8.0, gt=0)
    """Hz (article, Source data)."""
    rise: float = Field(default=0.07, gt=0)
    """Time constant of the rise of GCaMP6s, s (Chen et al. 2013: 0.18 s to the peak)."""
    decay: float = Field(default=0.8, gt=0)
    """Time constant of the decay, s (Chen et al. 2013: half decay 0.55 s)."""
    sparsity: float = Field(default=0.7, ge=0)
    """Penalty on activity in the deconvolution, in s.d. of a sample's noise (OASIS' lambda times 1 - g); chosen so that
    more than half of the frames are 0, as in the ten real mice."""

    @model_validator(mode="after")
    def _rises_before_it_decays(self) -> Self:
        if self.rise >= self.decay:
            raise ValueError(f"rise: expected less than the decay of {self.decay:g} s, found {self.rise:g}")
        return self


def scanned_at(rate: float, imaging: ImagingConfig) -> ImagingConfig:
    """The same microscope with another number of frames a second, from as many photons.

    A faster scan stays shorter on every neuron: the noise of a sample grows with the root of the rate
    (`SimulatedNeurons.recorded`). The penalty of the deconvolution does not grow with it: what it is weighed against,
    the squared distance to the signal, is summed over more samples.

    Parameters
    ----------
    rate
        Hz.
    imaging
        Microscope, of which the indicator stays.
    """
    sparsity = imaging.sparsity * np.sqrt(imaging.sampling_rate / rate)
    return imaging.model_copy(update={"sampling_rate": rate, "sparsity": float(sparsity)})


def calcium(spikes: NDArray[np.float32], config: ImagingConfig) -> NDArray[np.float32]:
    """Indicator signal (N, T) at 30 Hz of spike counts (N, T); a spike gives a transient of peak about 1."""
    slow, fast = (np.exp(-1 / (tau * FRAME_RATE)) for tau in (config.decay, config.rise))
    peak_time = np.log(config.decay / config.rise) / (1 / config.rise - 1 / config.decay)
    peak = np.exp(-peak_time / config.decay) - np.exp(-peak_time / config.rise)
    difference = lfilter([(slow - fast)], [1, -(slow + fast), slow * fast], spikes, axis=1)
    return (difference / peak).astype(np.float32)


def sample_times(frames: int, phase: NDArray[np.float64], config: ImagingConfig) -> NDArray[np.float64]:
    """When each neuron is scanned, (N, S), in frames: every 1/8 s, from before frame 0 to after the last.

    `phase` (N,), 0..1, is the neuron's place in the scan.
    """
    interval = FRAME_RATE / config.sampling_rate
    samples = int(np.ceil(frames / interval)) + 2
    return (np.arange(samples) - 1 + phase[:, None]) * interval


def at_times(signal: NDArray[np.float32], times: NDArray[np.float64]) -> NDArray[np.float32]:
    """Linear interpolation of rows (N, T) at times (N, S) in samples; constant beyond the ends."""
    times = np.clip(times, 0, signal.shape[1] - 1)
    left = np.minimum(times.astype(np.intp), signal.shape[1] - 2)
    weight = (times - left).astype(np.float32)
    return np.take_along_axis(signal, left, 1) * (1 - weight) + np.take_along_axis(signal, left + 1, 1) * weight


def deconvolve(fluorescence: NDArray[np.floating], decay_per_sample: float) -> NDArray[np.float32]:
    """Most likely non-negative activity behind an AR(1) indicator signal (OASIS; Friedrich et al. 2017).

    The trace c >= 0 with activity c_t - g c_(t-1) >= 0 that is nearest to the signal. With x_t = c_t / g^t this is
    weighted isotonic regression, solved exactly by pooling adjacent violators.

    Parameters
    ----------
    fluorescence
        (N, S), baseline 0.
    decay_per_sample
        g, the factor by which the signal decays between samples, 0..1. Long signals are looked at in pieces that
        overlap, as g^(2 S) must be a float64.

    Returns
    -------
    (N, S), in the unit of the signal; the first sample of each row is 0, since what preceded it is unknown.
    """
    samples, decays = fluorescence.shape[1], -np.log(max(decay_per_sample, 1e-30))  # of one sample
    if samples * decays <= LONGEST:
        return _pooled(fluorescence, decay_per_sample)
    around = int(np.ceil(AROUND / decays))
    step = max(1, int(LONGEST / decays) - 2 * around)
    pieces = []
    for first in range(0, samples, step):
        before = min(first, around)
        piece = _pooled(fluorescence[:, first - before : first + step + around], decay_per_sample)
        pieces.append(piece[:, before : before + step])
    return np.concatenate(pieces, axis=1)


def _pooled(fluorescence: NDArray[np.floating], decay_per_sample: float) -> NDArray[np.float32]:
    """As `deconvolve`, of a signal that is not too long."""
    weights = decay_per_sample ** (2.0 * np.arange(fluorescence.shape[1]))
    growth = np.sqrt(weights)
    scaled = fluorescence / growth
    fitted = np.stack([isotonic_regression(row, weights=weights).x for row in scaled])
    activity = np.zeros(fluorescence.shape, np.float32)
    activity[:, 1:] = np.diff(np.maximum(fitted, 0), axis=1) * growth[1:]
    return activity


def to_frames(samples: NDArray[np.float32], times: NDArray[np.float64], frames: range) -> NDArray[np.float32]:
    """Samples (N, S) taken at times (N, S), which are equally spaced, interpolated linearly at frames: (N, T)."""
    interval = times[0, 1] - times[0, 0]
    return at_times(samples, (np.arange(frames.start, frames.stop) - times[:, :1]) / interval)


def with_tail(rates: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rates that go on for the two samples between which the last frames lie."""
    return np.pad(rates, ((0, 0), (0, TAIL)), mode="edge")


def recorded(
    rng: np.random.Generator,
    spikes: NDArray[np.float32],
    phase: NDArray[np.float64],
    noise: NDArray[np.float64],
    lead: int,
    config: ImagingConfig,
) -> NDArray[np.float32]:
    """Deconvolved activity at 30 Hz, spikes a second.

    Parameters
    ----------
    rng
        Noise.
    spikes
        (N, lead + T + `TAIL`), spikes in each frame.
    phase
        (N,), place in the scan, 0..1.
    noise
        (N,), s.d. of the noise of a sample relative to a spike's transient.
    lead
        Frames before the movie, which are simulated and cut off.
    config
        Indicator and microscope.

    Returns
    -------
    (N, T), >= 0.
    """
    times = sample_times(spikes.shape[1], phase, config)
    signal = at_times(calcium(spikes, config), times)
    signal += noise[:, None].astype(np.float32) * rng.standard_normal(signal.shape, dtype=np.float32)
    # The penalised fit is the one to a signal that is lower by the penalty (Friedrich et al. 2017).
    signal -= config.sparsity * noise[:, None].astype(np.float32)
    activity = deconvolve(signal, np.exp(-1 / (config.decay * config.sampling_rate)))
    return to_frames(activity * config.sampling_rate, times, range(lead, spikes.shape[1] - TAIL)).astype(np.float32)


def spike_energy(config: ImagingConfig) -> float:
    """Sum over frames of the squared response to one spike without noise, mean over places in the scan."""
    phase, lead = np.linspace(0, 1, 60, endpoint=False), 60
    spikes = np.zeros((len(phase), lead + 60 + TAIL), np.float32)
    spikes[:, lead + 20] = 1
    found = recorded(np.random.default_rng(0), spikes, phase, np.zeros(len(phase)), lead, config)
    return float(np.square(found).sum(axis=1).mean())


def noise_free(
    rates: NDArray[np.float32], phase: NDArray[np.float64], lead: int, config: ImagingConfig
) -> NDArray[np.float32]:
    """Expected rate (N, T), averaged over each neuron's 1/8 s and resampled like the recorded activity."""
    frames = range(lead, rates.shape[1])
    rates = with_tail(rates)
    times = sample_times(rates.shape[1], phase, config)
    interval = FRAME_RATE / config.sampling_rate
    # A sample stands for the spikes since the one before: differences of the integrated rate.
    integral = np.concatenate([np.zeros_like(rates[:, :1]), np.cumsum(rates, axis=1, dtype=np.float64)], axis=1)
    ends = at_times(integral, np.concatenate([times[:, :1] - interval, times], axis=1) + 1)
    return to_frames((np.diff(ends, axis=1) / interval).astype(np.float32), times, frames)
