"""How much a neuron does what the movie does not tell: spikes in bursts, alone or under a gain of its own.

The ten real mice's responses have an s.d. of 4.4 to 5.0 times their mean, more than independent spikes at the usual
rates have. Both kinds give every neuron the s.d. / mean that it was drawn, and both are calibrated to what else is
public of those mice: the spread over neurons, the tail, the share of zeros, selectivity. What differs is when a neuron
deviates: bursts come at any rate, a gain adds most where the neuron responds anyway, and for some frames on end.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.signal import lfilter

from movrecon_core.recordings import FRAME_RATE
from movrecon_core.simulation.parameters import Parameters

UNSEEN = 1.09
"""By how much the expected s.d. exceeds that of some 70 trials of 10 s, which lack the rarest deviations (measured)."""
GAIN_SEEN = 0.31
"""Part of a gain's variance that is left in the responses, which are means over an eighth of a second (chosen, at the
default correlation time, so that s.d. / mean is the real mice's)."""
GAIN_EVENNESS = 0.85
"""How far apart neurons' expected s.d. / mean are under a gain, relative to those that are asked for: some 70 trials
scatter them further (chosen, so that 10 and 90 % of the neurons have the real mice's)."""
LEAST_BURST = {"bursts": 1.0, "gain": 0.1}
"""Spikes that the mean burst has at least. Under a gain a neuron with little noise has events smaller than a spike,
which a deconvolved trace may well show (chosen, as the above)."""


class VariabilityConfig(Parameters):
    """What is calibrated to the ten real mice, and what stays a choice."""

    kind: Literal["bursts", "gain"] = "bursts"
    """Spikes come in bursts of random size (spikes of mouse V1 do, and a deconvolved event stands for a whole burst),
    or such bursts come at a rate that a gain of each neuron's own multiplies (Goris, Movshon & Simoncelli 2014)."""
    spread: tuple[float, float] = (4.92, 1.45)
    """s.d. / mean of a neuron's responses: mean and s.d. over neurons (the ten real mice)."""
    burst_spread: float = Field(default=1.75, ge=0)
    """s.d. of the logarithm of a burst's size (maximum / mean of the ten real mice's responses)."""
    gain_seconds: float = Field(default=0.1, gt=0)
    """Correlation time of the gain (the ten real mice: with shorter ones maximum / mean is too small, from 0.12 s on
    the s.d. / mean of the most variable neurons is at the upper end)."""
    gain_variance: float = Field(default=10.0, ge=0)
    """Variance of a neuron's gain, whose mean is 1, by the mean size of its bursts (as above, and selectivity): the
    gain makes some two fifths of the noise's variance."""


def strength(
    spread: NDArray[np.float64],
    signal_spread: NDArray[np.float64],
    mean_rate: NDArray[np.float64],
    energy: float,
    config: VariabilityConfig,
) -> NDArray[np.float64]:
    """Mean size of a neuron's bursts, in spikes, that gives it its s.d. / mean.

    By Campbell's theorem the noise of independent bursts has the variance of their rate times the mean of the squared
    size times the energy of what one spike leaves in the responses. A gain of mean 1 adds its variance times the mean
    of the squared rate.

    Parameters
    ----------
    spread, signal_spread
        (N,), s.d. / mean that the responses shall have, and that the noise-free ones have.
    mean_rate
        (N,), spikes a second.
    energy
        Of `imaging.spike_energy`.
    config
        Kind, burst spread, and the gain's variance.

    Returns
    -------
    NDArray
        (N,), at least `LEAST_BURST`.
    """
    if config.kind == "gain":
        spread = config.spread[0] + GAIN_EVENNESS * (spread - config.spread[0])
    rest = np.maximum((UNSEEN * spread) ** 2 - signal_spread**2, 0)
    poisson = energy / (FRAME_RATE * mean_rate)
    if config.kind == "gain":
        of_gain = GAIN_SEEN * config.gain_variance * (1 + signal_spread**2)
        return np.maximum(rest / (poisson * np.exp(config.burst_spread**2) + of_gain), LEAST_BURST["gain"])
    return np.maximum(rest / poisson * np.exp(-(config.burst_spread**2)), LEAST_BURST["bursts"])


def draw_spikes(
    rng: np.random.Generator, rates: NDArray[np.float32], strength: NDArray[np.float64], config: VariabilityConfig
) -> NDArray[np.float32]:
    """Spikes in each frame (N, T) at expected rates (N, T), spikes a second; `strength` (N,) as that function gives."""
    if config.kind == "gain":
        rates = rates * _gain(rng, rates.shape, np.log1p(config.gain_variance * strength), config.gain_seconds)
    bursts = rng.poisson(rates / (FRAME_RATE * strength[:, None].astype(np.float32))).ravel()
    at = np.repeat(np.arange(bursts.size), bursts)
    sizes = np.exp(config.burst_spread * rng.standard_normal(at.size) - config.burst_spread**2 / 2)
    spikes = np.bincount(at, sizes, bursts.size).reshape(rates.shape)
    return (strength[:, None] * spikes).astype(np.float32)


def _gain(
    rng: np.random.Generator, shape: tuple[int, ...], log_variance: NDArray[np.float64], seconds: float
) -> NDArray[np.float32]:
    """Gains (N, T) of mean 1: their logarithm is Ornstein-Uhlenbeck noise of a variance (N,) and a correlation time."""
    decay = np.exp(-1 / (seconds * FRAME_RATE))
    drive = rng.standard_normal(shape, dtype=np.float32)
    drive[:, 1:] *= np.sqrt(1 - decay**2)
    noise = lfilter([1], [1, -decay], drive, axis=1)
    return np.exp(np.sqrt(log_variance)[:, None] * noise - log_variance[:, None] / 2).astype(np.float32)
