"""Show any movie to the neurons of a simulated mouse, as an experiment without noise would."""

import json

import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import RecordingError
from movrecon_core.recordings import SIMULATED_MARKER, Recording, load_array
from movrecon_core.simulation.config import SimulationConfig
from movrecon_core.simulation.imaging import recorded, with_tail
from movrecon_core.simulation.microscope import LEAD
from movrecon_core.simulation.mouse import TRUTH, mouse_generator
from movrecon_core.simulation.neurons import (
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

    Raises
    ------
    RecordingError
        If it was simulated by something else, or by a version that kept too little.
    """

    def __init__(self, recording: Recording) -> None:
        try:
            description = json.loads((recording.path / SIMULATED_MARKER).read_text(encoding="utf-8"))
            config = SimulationConfig.model_validate_json(json.dumps(description["config"]))
            seed, mouse = int(description["seed"]), int(description["mouse"])
        except (OSError, ValueError, KeyError, TypeError):
            raise RecordingError(f"{recording.path / SIMULATED_MARKER}: not written by this simulator") from None
        folder = recording.path / TRUTH / "neurons"
        names = ("output_scale", "mean_drive", "rate_scale", "exponent")
        self._scale, self._mean_drive, self._rate_scale, self._exponent = (
            load_array(folder / f"{name}.npy") for name in names
        )
        self._noise = {n: load_array(folder / f"{n}.npy") for n in ("phase", "noise", "unit", "variability")}
        self._config = config
        self._population = draw_population(mouse_generator(seed, mouse, 0), config.neurons, config.neuron)
        self._pool = normalisation_pool(self._population, config.neuron)

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
        outputs = filter_outputs(self._population, movie, shift)
        drive = normalised_drive(self._population, *outputs, self._scale, self._pool, self._config.neuron)
        relative = evoked(drive, self._exponent, self._mean_drive, self._config.neuron.spontaneous)
        return np.minimum(self._rate_scale[:, None] * relative, MAXIMAL_RATE)

    def showings(self, movie: NDArray[np.float32], rng: np.random.Generator, count: int) -> list[NDArray[np.float32]]:
        """What the microscope would record of a movie, noise and all: responses (N, T) of every showing."""
        rates = np.pad(self.rates(movie), ((0, 0), (LEAD, 0)), mode="edge")
        unit = self._noise["unit"][:, None].astype(np.float32)
        found = []
        for _ in range(count):
            spikes = draw_spikes(rng, with_tail(rates), self._noise["variability"], self._config.variability)
            recording = recorded(rng, spikes, self._noise["phase"], self._noise["noise"], LEAD, self._config.imaging)
            found.append(unit * recording)
        return found
