"""Show any movie to the neurons of a simulated mouse, as an experiment without noise would."""

import json

import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import RecordingError
from movrecon_core.recordings import SIMULATED_MARKER, Recording, load_array
from movrecon_core.simulation.config import SimulationConfig
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
        try:
            description = json.loads((recording.path / SIMULATED_MARKER).read_text(encoding="utf-8"))
            config = SimulationConfig.model_validate_json(json.dumps(description["config"]))
            seed, mouse = int(description["seed"]), int(description["mouse"])
        except (OSError, ValueError, KeyError, TypeError):
            raise RecordingError(f"{recording.path / SIMULATED_MARKER}: not written by this simulator") from None
        folder = recording.path / TRUTH / "neurons"
        names = ("output_scale", "mean_drive", "rate_scale", "rate_factor", "phase", "noise")
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
