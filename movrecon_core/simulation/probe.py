"""Show any movie to the neurons of a simulated mouse, as an experiment without noise would."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import RecordingError
from movrecon_core.recordings import SIMULATED_MARKER, Recording, load_array
from movrecon_core.simulation.behaviour import slow_noise
from movrecon_core.simulation.config import SimulationConfig
from movrecon_core.simulation.imaging import recorded
from movrecon_core.simulation.microscope import LEAD
from movrecon_core.simulation.mouse import MAXIMAL_RATE, TRUTH, mouse_generator
from movrecon_core.simulation.neurons import draw_population, filter_outputs, normalisation_pool, normalised_drive


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
        Its N neurons, and the weights (N, N) of their normalisation.
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
        names = ("output_scale", "mean_drive", "rate_scale", "rate_factor", "phase", "noise", "shared_gain")
        self.values = {name: load_array(folder / f"{name}.npy") for name in names}
        self.config = config
        self.population = draw_population(mouse_generator(seed, mouse, 0), config.neurons, config.neuron)
        self.pool = normalisation_pool(self.population, config.neuron)

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
        drive = normalised_drive(self.population, *outputs, self.values["output_scale"], self.pool, self.config.neuron)
        share = self.config.neuron.spontaneous
        relative = (1 - share) * drive / self.values["mean_drive"][:, None] + share
        rates = np.minimum(self.values["rate_scale"][:, None] * relative, MAXIMAL_RATE)
        return (self.values["rate_factor"][:, None] * rates).astype(np.float32)

    def recorded(self, rates: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """What the microscope records in one showing, noise and all.

        Parameters
        ----------
        rates
            (N, T), expected spikes a second.
        rng
            Spikes, noise and the hidden gain.

        Returns
        -------
        NDArray
            (N, T).
        """
        led = np.pad(rates, ((0, 0), (LEAD, 0)), mode="edge")
        loading = self.values["shared_gain"][:, None]
        gain = np.exp(loading * slow_noise(rng, led.shape[1], 2.0) - loading**2 / 2).astype(np.float32)
        values = (self.values[name] for name in ("phase", "noise"))
        return recorded(rng, led * gain, *values, LEAD, self.config.imaging)


def known_truth(recording: Recording) -> bool:
    """Whether this simulator made a recording, so that its neurons and noise-free responses are known."""
    try:
        _described(recording)
    except RecordingError:
        return False
    return True


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
