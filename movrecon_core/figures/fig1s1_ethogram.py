"""Tables of the ethogram: what was shown, done, recorded and predicted during a few movies (Fig. 1–S1)."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from movrecon_core.analysis import SKIPPED_FRAMES, frame_correlation, motion_energy
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.figures.fig2_performance import median_trial, reconstructed_movie
from movrecon_core.figures.recordings import behaviour_signals, most_active, scaled_responses
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.study.study import Study


def ethogram_panels(study: Study, movies: int, neurons: int) -> dict[str, pd.DataFrame]:
    """What the ethogram draws.

    Parameters
    ----------
    study
        With reconstructions and the responses to them.
    movies
        How many movies are shown, each of another mouse: the mouse's movie of median video correlation, as in
        Figure 2A.
    neurons
        How many neurons of each mouse are shown, those that respond most to the movie.

    Returns
    -------
    dict
        ``A`` motion energy and behaviour over time; responses ``B`` recorded, ``C`` predicted from the true movie and
        ``D`` from the reconstruction, 0 at each neuron's minimum and 1 at its maximum; ``E`` frame correlation, from
        frame 30 on.
    """
    parts: dict[str, list[pd.DataFrame]] = {panel: [] for panel in "ABCDE"}
    for mouse in study.reconstructed_mice[:movies]:
        trial = median_trial(study, mouse)
        for panel, table in _panels_of_movie(study, mouse, trial, neurons).items():
            parts[panel].append(table.assign(movie=f"{study.label(mouse)}, trial {trial}"))
    return {panel: pd.concat(tables, ignore_index=True) for panel, tables in parts.items()}


def _panels_of_movie(study: Study, mouse: int, number: int, neurons: int) -> dict[str, pd.DataFrame]:
    trial, responses = study.trial(mouse, number), study.responses(mouse, number)
    pixels = crop_movie(study.evaluation_mask(mouse))
    seconds = np.round(np.arange(trial.frames) / FRAME_RATE, 3)
    energy = motion_energy(trial.movie, pixels).round(4)
    moved = pd.DataFrame({"signal": "motion energy", "seconds": seconds[1:], "value": energy})
    found = reconstructed_movie(study, mouse, number)[SKIPPED_FRAMES:]
    alike = frame_correlation(trial.movie[SKIPPED_FRAMES:], found, pixels).round(6)
    shown = most_active(trial.responses, neurons)
    predicted = responses["predicted"]
    return {
        "A": pd.concat([moved, behaviour_signals(trial)], ignore_index=True),
        "B": _stretched(trial.responses, shown),
        "C": _stretched(predicted.sel(stimulus="true").values, shown),
        "D": _stretched(predicted.sel(stimulus="reconstructed").values, shown),
        "E": pd.DataFrame({"seconds": seconds[SKIPPED_FRAMES:], "frame_correlation": alike}),
    }


def _stretched(responses: NDArray[np.floating], neurons: NDArray[np.integer]) -> pd.DataFrame:
    return scaled_responses(responses - responses.min(axis=1, keepdims=True), neurons)
