"""Show any movie to the neurons of a simulated mouse, as an experiment without noise would."""

import json
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import RecordingError
from movrecon_core.recordings import SIMULATED_MARKER, Recording, load_array
from movrecon_core.simulation.behaviour import slow_noise
from movrecon_core.simulation.config import SimulationConfig
from movrecon_core.simulation.imaging import ImagingConfig, recorded, with_tail
from movrecon_core.simulation.microscope import LEAD
from movrecon_core.simulation.mouse import TRUTH, mouse_generator
from movrecon_core.simulation.neurons import (
    Population,
    draw_population,
    evoked,
    filter_outputs,
    normalisation_pool,
    normalised_drive,
)
from movrecon_core.simulation.rates import MAXIMAL_RATE
from movrecon_core.simulation.variability import draw_spikes


class SimulatedNeurons:
    """The neurons of a simulated mouse, drawn again from its seed.

    Parameters
    ----------
    recording
        As `simulate_mouse` wrote it.

    Attributes
    ----------
    config
        Of the mouse.
    population, pool
        Its N neurons, and the weights (N, N) of their normalisation; drawn when they are first asked for.
    values
        (N,) each, what the simulation found for them.

    Raises
    ------
    RecordingError
        If it was simulated by something else, or by a version that kept too little.
    """

    def __init__(self, recording: Recording) -> None:
        config, seed, mouse = _described(recording)
        folder = recording.path / TRUTH / "neurons"
        of_rates = ("output_scale", "mean_drive", "rate_scale", "exponent")
        names = (*of_rates, "phase", "noise", "unit", "variability", "shared_gain")
        self.values = {name: load_array(folder / f"{name}.npy") for name in names}
        self.config = config
        self._drawn_from = (seed, mouse)

    @cached_property
    def population(self) -> Population:
        return draw_population(mouse_generator(*self._drawn_from, 0), self.config.neurons, self.config.neuron)

    @cached_property
    def pool(self) -> NDArray[np.float32]:
        return normalisation_pool(self.population, self.config.neuron)

    def rates(self, movie: NDArray[np.float32]) -> NDArray[np.float32]:
        """Expected spikes a second of a resting mouse that looks straight ahead, with a pupil of mean size.

        Parameters
        ----------
        movie
            (T, 36, 64), grey levels 0..255; before its first frame the screen was grey.

        Returns
        -------
        NDArray
            (N, T).
        """
        shift = np.zeros((2, len(movie)), np.float32)
        outputs = filter_outputs(self.population, movie, shift)
        values, config = self.values, self.config.neuron
        drive = normalised_drive(self.population, *outputs, values["output_scale"], self.pool, config)
        relative = evoked(drive, values["exponent"], values["mean_drive"], config.spontaneous)
        return np.minimum(values["rate_scale"][:, None] * relative, MAXIMAL_RATE)

    def showings(self, movie: NDArray[np.float32], rng: np.random.Generator, count: int) -> list[NDArray[np.float32]]:
        """What the microscope would record of a movie, noise and all: responses (N, T) of every showing."""
        rates = self.rates(movie)
        return [self.recorded(rates, rng) for _ in range(count)]

    def recorded(
        self,
        rates: NDArray[np.float32],
        rng: np.random.Generator,
        imaging: ImagingConfig | None = None,
        *,
        shared: bool = True,
    ) -> NDArray[np.float32]:
        """What the microscope would record in one showing.

        Parameters
        ----------
        rates
            (N, T), expected spikes a second.
        rng
            Decides the noise.
        imaging
            Another indicator or microscope, which sees the same spikes from as many photons a second; None: the
            recording's own.
        shared
            Whether neurons share the gain that nobody observes, as they do, or each has one of its own.

        Returns
        -------
        NDArray
            Responses (N, T).
        """
        values, config = self.values, self.config
        led = np.pad(rates, ((0, 0), (LEAD, 0)), mode="edge")
        loading = values["shared_gain"][:, None]
        hidden = [slow_noise(rng, led.shape[1], 2.0) for _ in range(1 if shared else len(led))]
        gain = np.exp(loading * np.stack(hidden) - loading**2 / 2).astype(np.float32)
        spikes = draw_spikes(rng, with_tail(led * gain), values["variability"], config.variability)
        imaging = imaging or config.imaging
        noise = values["noise"] * np.sqrt(imaging.sampling_rate / config.imaging.sampling_rate)
        found = recorded(rng, spikes, values["phase"], noise, LEAD, imaging)
        return found * values["unit"][:, None].astype(np.float32)


def known_truth(recording: Recording) -> bool:
    """Whether this simulator made a recording, so that its neurons and noise-free responses are known."""
    try:
        _described(recording)
    except RecordingError:
        return False
    return True


def known_imaging(recording: Recording) -> ImagingConfig:
    """Indicator and microscope of a simulated recording.

    Raises
    ------
    RecordingError
        If this simulator did not make it.
    """
    return _described(recording)[0].imaging


def noise_free_file(recording: Recording, trial: int) -> Path:
    """Where a simulated recording keeps the responses (N, T) to a trial without noise."""
    return recording.path / TRUTH / "noise_free_responses" / f"{trial}.npy"


def _described(recording: Recording) -> tuple[SimulationConfig, int, int]:
    """Settings, seed and place of a simulated mouse.

    Raises
    ------
    RecordingError
        If this simulator did not write them.
    """
    try:
        description = json.loads((recording.path / SIMULATED_MARKER).read_text(encoding="utf-8"))
        config = SimulationConfig.model_validate_json(json.dumps(description["config"]))
        return config, int(description["seed"]), int(description["mouse"])
    except (OSError, ValueError, KeyError, TypeError):
        raise RecordingError(f"{recording.path / SIMULATED_MARKER}: not written by this simulator") from None
