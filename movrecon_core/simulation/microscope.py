"""A session under the microscope: what is recorded of each trial, and the sharpness that gives a wanted ceiling."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from movrecon_core.errors import ProfileError
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.simulation.behaviour import slow_noise
from movrecon_core.simulation.config import SimulationConfig
from movrecon_core.simulation.imaging import noise_free, recorded, spike_energy, with_tail
from movrecon_core.simulation.rates import Rates
from movrecon_core.simulation.variability import draw_spikes, strength

LEAD = int(1.5 * FRAME_RATE)
"""Frames of grey screen before each movie: the indicator still glows from them when it starts."""
STEPS = 12
"""How often the calibration changes the neurons' irregularity in a recording that is too small for its ceiling."""
LEAST_SHARPNESS, MOST_SHARPNESS = 0.15, 5.0
"""Factor on the exponents of the neurons' output, between which the calibration searches."""
LEAST_SPREAD = 1.5
"""s.d. / mean of the responses that no neuron's falls below."""
LOOKED_AT = 20
"""Trials that are looked at, evenly spread, for the spread of the noise-free responses."""


def mean_correlation(expected: Sequence[NDArray[np.floating]], found: Sequence[NDArray[np.floating]]) -> float:
    """Correlation over all frames of some trials, each (N, T), between two sets of responses: mean over neurons.

    A neuron that is constant in one of them counts as 0.
    """
    a, b = (np.concatenate(trials, axis=1, dtype=np.float64) for trials in (expected, found))
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (a, b))
    norm = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return float(np.mean(np.divide((a * b).sum(axis=1), norm, out=np.zeros_like(norm), where=norm > 0)))


class Microscope:
    """Records trials from rates; the same trial is recorded with the same random numbers every time."""

    def __init__(
        self, rates: Rates, trials: int, config: SimulationConfig, generator: Callable[..., np.random.Generator]
    ) -> None:
        rng, neurons, frames = generator(5), config.neurons, LEAD + config.frames
        self._rates, self._config, self._generator = rates, config, generator
        self._phase = rng.random(neurons)
        self._noise: NDArray[np.float64] = config.noise * np.exp(config.noise_spread * rng.standard_normal(neurons))
        self._loading: NDArray[np.float64] = config.shared_gain * rng.uniform(0.5, 1.5, neurons)
        self._unit: NDArray[np.float64] = config.unit[0] * np.exp(config.unit[1] * rng.standard_normal(neurons))
        mean, deviation = config.variability.spread
        evenly = norm.ppf((rng.permutation(neurons) + 0.5) / neurons)  # the same distribution in every mouse
        self._spread: NDArray[np.float64] = np.maximum(mean + deviation * evenly, LEAST_SPREAD)
        hidden = [slow_noise(rng, config.trials * frames, 2.0)]
        if trials > config.trials:  # showings after all others, which stay as they are
            hidden.append(slow_noise(generator(8), (trials - config.trials) * frames, 2.0))
        self._hidden = np.concatenate(hidden).reshape(trials, frames)
        self._energy = spike_energy(config.imaging)
        self._adapt()

    def _adapt(self) -> None:
        """Let the neurons vary as much as makes their responses as spread as they were drawn."""
        looked_at = np.unique(np.linspace(0, self._config.trials - 1, LOOKED_AT).astype(int))
        truth = np.concatenate([self._expected(t) for t in looked_at], axis=1)
        mean = truth.mean(axis=1)
        self._strength = strength(self._spread, truth.std(axis=1) / mean, mean, self._energy, self._config.variability)

    def _expected(self, trial: int) -> NDArray[np.float32]:
        return noise_free(self._rates.trial(trial), self._phase, LEAD, self._config.imaging)

    def record(self, trial: int) -> NDArray[np.float32]:
        """Responses (N, T)."""
        loading, rng = self._loading[:, None], self._generator(6, trial)
        gain = np.exp(loading * self._hidden[trial] - loading**2 / 2).astype(np.float32)
        rates = with_tail(self._rates.trial(trial) * gain)
        spikes = draw_spikes(rng, rates, self._strength, self._config.variability)
        found = recorded(rng, spikes, self._phase, self._noise, LEAD, self._config.imaging)
        return found * self._unit[:, None].astype(np.float32)

    def truth(self, trial: int) -> NDArray[np.float32]:
        """Noise-free responses (N, T)."""
        return self._expected(trial) * self._unit[:, None].astype(np.float32)

    def parameters(self) -> dict[str, NDArray]:
        return {
            "phase": self._phase,
            "noise": self._noise,
            "shared_gain": self._loading,
            "unit": self._unit,
            "variability": self._strength,
        }

    def calibrate(self, held_out: Sequence[NDArray[np.intp]]) -> float:
        """Sharpness at which noise-free and recorded responses correlate as wanted, on average over sets of trials."""
        wanted = self._config.ceiling

        def excess(log_sharpness: float) -> float:
            self.sharpen(float(np.exp(log_sharpness)))
            pairs = {t: (self.truth(t), self.record(t)) for trials in held_out for t in trials}
            ceilings = [mean_correlation(*zip(*[pairs[t] for t in trials], strict=True)) for trials in held_out]
            return float(np.mean(ceilings)) - wanted

        low, high = np.log(LEAST_SHARPNESS), np.log(MOST_SHARPNESS)
        margins = excess(low), excess(high)
        step = 0.0
        for _ in range(STEPS):
            if min(margins) < 0 < max(margins):
                break
            # A few short movies that vary little: neurons as irregular as the real ones are too noisy, or too quiet.
            more = 1 if max(margins) < 0 else -1
            step = -step / 2 if step * more < 0 else step or more  # back by less, where it went too far
            self._rates.quicken(1.5**step)
            self._spread /= 1.25**step
            margins = excess(low), excess(high)
        if not min(margins) < 0 < max(margins):
            raise ProfileError(
                f"simulation: ceiling {wanted} cannot be reached, these neurons allow {wanted + min(margins):.2f} to "
                f"{wanted + max(margins):.2f}; change ceiling or variability.spread, or raise trials or frames"
            )
        return float(np.exp(brentq(excess, low, high, xtol=0.02)))

    def sharpen(self, sharpness: float) -> None:
        """Let the neurons respond as sparsely as this factor on their exponents makes them."""
        self._rates.sharpen(sharpness)
        self._adapt()
