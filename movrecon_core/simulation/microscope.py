"""A session under the microscope: noise that gives a wanted ceiling, and what is recorded of each trial."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from movrecon_core.errors import ProfileError
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.simulation.behaviour import slow_noise
from movrecon_core.simulation.config import SimulationConfig
from movrecon_core.simulation.imaging import noise_free, recorded

LEAD = int(1.5 * FRAME_RATE)
"""Frames of grey screen before each movie: the indicator still glows from them when it starts."""
MAXIMAL_RATE_FACTOR = 8.0
"""How far the calibration may raise the rates of a recording that is too small for its ceiling."""
LOWEST_NOISE, HIGHEST_NOISE = 0.1, 30.0
"""Imaging noise of a sample, in transients of one spike, between which the calibration searches."""


def mean_correlation(expected: Sequence[NDArray[np.floating]], found: Sequence[NDArray[np.floating]]) -> float:
    """Correlation over all frames of some trials, each (N, T), between two sets of responses: mean over neurons.

    A neuron that is constant in one of them counts as 0.
    """
    a, b = (np.concatenate(trials, axis=1, dtype=np.float64) for trials in (expected, found))
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (a, b))
    norm = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return float(np.mean(np.divide((a * b).sum(axis=1), norm, out=np.zeros_like(norm), where=norm > 0)))


class Microscope:
    """Records trials from rates; the same trial is recorded with the same spikes and noise every time."""

    def __init__(
        self, rates: NDArray[np.float32], config: SimulationConfig, generator: Callable[..., np.random.Generator]
    ) -> None:
        neurons, trials, frames = (int(size) for size in rates.shape)
        rng = generator(5)
        self._rates, self._config, self._generator = rates, config, generator
        self._rate_factor = 1.0
        self._phase = rng.random(neurons)
        self._relative_noise: NDArray[np.float64] = np.exp(config.noise_spread * rng.standard_normal(neurons))
        self._loading: NDArray[np.float64] = config.shared_gain * rng.uniform(0.5, 1.5, neurons)
        hidden = [slow_noise(rng, config.trials * frames, 2.0)]
        if trials > config.trials:  # showings after all others, which stay as they are
            hidden.append(slow_noise(generator(8), (trials - config.trials) * frames, 2.0))
        self._hidden = np.concatenate(hidden).reshape(trials, frames)

    def record(self, trial: int, noise: float) -> NDArray[np.float32]:
        """Responses (N, T) at a noise level."""
        loading = self._loading[:, None]
        gain = np.exp(loading * self._hidden[trial] - loading**2 / 2).astype(np.float32)
        rates = self._rate_factor * self._rates[:, trial] * gain
        return recorded(
            self._generator(6, trial), rates, self._phase, noise * self._relative_noise, LEAD, self._config.imaging
        )

    def truth(self, trial: int) -> NDArray[np.float32]:
        """Noise-free responses (N, T)."""
        return noise_free(self._rate_factor * self._rates[:, trial], self._phase, LEAD, self._config.imaging)

    def parameters(self, noise: float) -> dict[str, NDArray]:
        return {
            "phase": self._phase,
            "noise": noise * self._relative_noise,
            "shared_gain": self._loading,
            "rate_factor": np.full_like(self._phase, self._rate_factor),
        }

    def calibrate(self, held_out: Sequence[NDArray[np.intp]]) -> float:
        """Noise at which noise-free and recorded responses correlate as wanted, on average over sets of trials."""

        def excess(noise: float) -> float:
            pairs = {t: (self.truth(t), self.record(t, noise)) for trials in held_out for t in trials}
            ceilings = [mean_correlation(*zip(*[pairs[t] for t in trials], strict=True)) for trials in held_out]
            return float(np.mean(ceilings)) - self._config.ceiling

        margin = excess(LOWEST_NOISE)
        while margin < 0 and self._rate_factor < MAXIMAL_RATE_FACTOR:
            # A few short movies that vary little: their spikes alone are too noisy.
            self._rate_factor *= 1.5
            margin = excess(LOWEST_NOISE)
        if margin < 0:
            raise ProfileError(
                f"simulation: ceiling {self._config.ceiling} cannot be reached, spikes without imaging noise allow "
                f"{self._config.ceiling + margin:.2f}; lower ceiling, or raise neuron.mean_rate, trials or frames"
            )
        return float(
            np.exp(brentq(lambda x: excess(np.exp(x)), np.log(LOWEST_NOISE), np.log(HIGHEST_NOISE), xtol=0.03))
        )
