"""Expected spikes a second of a mouse's neurons in every trial: the deterministic part of a recording."""

import numpy as np
from numpy.typing import NDArray

from movrecon_core.simulation.behaviour import Behaviour
from movrecon_core.simulation.config import SimulationConfig
from movrecon_core.simulation.neurons import Population, behavioural_gain, evoked, normalisation_pool, normalised_drive

Outputs = list[tuple[NDArray[np.float32], NDArray[np.float32]]]

MAXIMAL_RATE = 120.0
"""Spikes a second."""
LOOKED_AT = 4
"""Every so manieth frame is looked at for the mean rates."""


class Rates:
    """Rates of trials, for any sharpness of the neurons' output.

    Parameters
    ----------
    population
        N neurons.
    outputs
        Of the fields in quadrature, two arrays (N, T) a trial; taken out of the list.
    session
        Behaviour in all frames of all trials.
    lead
        Frames of grey before each movie.
    config
        The first `config.trials` trials decide what is scaled to what.
    """

    def __init__(
        self,
        population: Population,
        outputs: Outputs,
        session: Behaviour,
        lead: int,
        config: SimulationConfig,
    ) -> None:
        self._population, self._session, self._lead, self._config = population, session, lead, config
        frames = config.trials * config.frames
        squares = [sum(np.einsum("nt,nt->n", x, x) for x in pair) for pair in outputs[: config.trials]]
        self.output_scale = np.sqrt(np.sum(squares, axis=0) / frames).astype(np.float32)
        pool = normalisation_pool(population, config.neuron)
        self._drive: list[NDArray[np.float32]] = []  # (N, T) a trial
        while outputs:
            self._drive.append(normalised_drive(population, *outputs.pop(0), self.output_scale, pool, config.neuron))
        self._mean_rate = population.parameters["mean_rate"]
        self.sharpen(1.0)

    def quicken(self, factor: float) -> None:
        """Multiply all mean rates, from the next `sharpen` on."""
        self._mean_rate = factor * self._mean_rate

    def sharpen(self, sharpness: float) -> None:
        """Multiply the exponents of the output; mean rates over the movies stay as they were drawn."""
        config = self._config
        self.exponent = (sharpness * self._population.parameters["exponent"]).astype(np.float32)
        drive = np.stack([x[:, ::LOOKED_AT] for x in self._drive[: config.trials]], axis=1)  # (N, trials, T / 4)
        self.mean_drive = (drive ** self.exponent[:, None, None]).mean(axis=(1, 2))
        gain = np.stack([self._gain(t)[:, self._lead :: LOOKED_AT] for t in range(config.trials)], axis=1)
        relative = evoked(drive, self.exponent, self.mean_drive, config.neuron.spontaneous) * gain
        self.rate_scale = (self._mean_rate / relative.mean(axis=(1, 2))).astype(np.float32)

    def trial(self, trial: int) -> NDArray[np.float32]:
        """Expected spikes a second (N, lead + T)."""
        drive = np.pad(self._drive[trial], ((0, 0), (self._lead, 0)))  # nothing is on the grey screen
        rates = evoked(drive, self.exponent, self.mean_drive, self._config.neuron.spontaneous)
        return np.minimum(rates * self._gain(trial) * self.rate_scale[:, None], MAXIMAL_RATE)

    def _gain(self, trial: int) -> NDArray[np.float32]:
        frames = self._lead + self._config.frames
        return behavioural_gain(
            self._population, self._session.part(trial * frames, (trial + 1) * frames), self._config.behaviour
        )

    def parameters(self) -> dict[str, NDArray[np.float32]]:
        """What turns outputs of the fields into rates: (N,) each."""
        names = ("output_scale", "mean_drive", "rate_scale", "exponent")
        return {name: getattr(self, name) for name in names}
