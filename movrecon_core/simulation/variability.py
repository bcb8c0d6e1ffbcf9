"""How much a neuron does what the movie does not tell: spikes in bursts, or a gain of its own.

The ten real mice's responses have an s.d. of 4.4 to 5.0 times their mean, more than independent spikes at the usual
rates have. Both kinds give every neuron the s.d. / mean that it was drawn; what differs is the rest of the tail, and
how long a deviation lasts: a burst is over within a frame, a gain stays for some hundred milliseconds.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from movrecon_core.recordings import FRAME_RATE
from movrecon_core.simulation.parameters import Parameters

UNSEEN = {"bursts": 1.09, "gain": 1.28}
"""By how much the expected s.d. exceeds that of some 70 trials of 10 s, which lack the rarest deviations (measured)."""


class VariabilityConfig(Parameters):
    """What is calibrated to the ten real mice, and what stays a choice."""

    kind: Literal["bursts", "gain"] = "bursts"
    """Spikes come in bursts of random size (spikes of mouse V1 do, and a deconvolved event stands for a whole burst),
    or one by one at a rate that a gain of each neuron's own multiplies (Goris, Movshon & Simoncelli 2014)."""
    spread: tuple[float, float] = (4.92, 1.45)
    """s.d. / mean of a neuron's responses: mean and s.d. over neurons (the ten real mice)."""
    burst_spread: float = 1.75
    """s.d. of the logarithm of a burst's size (maximum / mean of the ten real mice's responses)."""
    gain_seconds: float = 0.4
    """Correlation time of the gain (chosen; the public statistics do not tell it)."""


def strength(
    spread: NDArray[np.float64],
    signal_spread: NDArray[np.float64],
    mean_rate: NDArray[np.float64],
    energy: float,
    config: VariabilityConfig,
) -> NDArray[np.float64]:
    """Mean size of a burst in spikes, or the s.d. of the logarithm of the gain, that gives neurons their s.d. / mean.

    By Campbell's theorem the noise of independent bursts has the variance of their rate times the mean of the squared
    size times the energy of what one spike leaves in the responses.

    Parameters
    ----------
    spread, signal_spread
        (N,), s.d. / mean that the responses shall have, and that the noise-free ones have.
    mean_rate
        (N,), spikes a second.
    energy
        Of `imaging.spike_energy`.
    config
        Kind and burst spread.

    Returns
    -------
    NDArray
        (N,), >= 1 for bursts, >= 0 for a gain.
    """
    rest = np.maximum((UNSEEN[config.kind] * spread) ** 2 - signal_spread**2, 0)
    poisson = energy / (FRAME_RATE * mean_rate)
    if config.kind == "bursts":
        return np.maximum(rest / poisson * np.exp(-(config.burst_spread**2)), 1)
    return np.sqrt(np.log1p(np.maximum(rest - poisson, 0) / (1 + signal_spread**2)))


def draw_spikes(
    rng: np.random.Generator, rates: NDArray[np.float32], strength: NDArray[np.float64], config: VariabilityConfig
) -> NDArray[np.float32]:
    """Spikes in each frame (N, T) at expected rates (N, T), spikes a second; `strength` (N,) as that function gives."""
    if config.kind == "gain":
        decay = np.exp(-1 / (config.gain_seconds * FRAME_RATE))
        drive = rng.standard_normal(rates.shape, dtype=np.float32)
        drive[:, 1:] *= np.sqrt(1 - decay**2)
        log_gain = strength[:, None] * lfilter([1], [1, -decay], drive, axis=1) - strength[:, None] ** 2 / 2
        return rng.poisson(rates / FRAME_RATE * np.exp(log_gain)).astype(np.float32)
    bursts = rng.poisson(rates / (FRAME_RATE * strength[:, None].astype(np.float32))).ravel()
    at = np.repeat(np.arange(bursts.size), bursts)
    sizes = np.exp(config.burst_spread * rng.standard_normal(at.size) - config.burst_spread**2 / 2)
    spikes = np.bincount(at, sizes, bursts.size).reshape(rates.shape)
    return (strength[:, None] * spikes).astype(np.float32)
