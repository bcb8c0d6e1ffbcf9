"""Ethogram: what was shown, done, recorded and predicted during a few movies (Fig. 1–S1)."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from movrecon_core.analysis import SKIPPED_FRAMES, frame_correlation, motion_energy
from movrecon_core.figures.fig2_performance import shown_trials
from movrecon_core.figures.recordings import behaviour_signals, most_active, scaled_responses
from movrecon_core.figures.responses import SHUFFLED_NEURONS
from movrecon_core.figures.rows import NAN, Row, mean_row
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.study.study import Study


def ethogram_panels(study: Study, movies: int, neurons: int, first: int | None = None) -> dict[str, pd.DataFrame]:
    """What the ethogram draws.

    Parameters
    ----------
    study
        With reconstructions and the responses to them.
    movies
        How many movies are shown, those of Figure 2A (`shown_trials`).
    neurons
        How many neurons of each mouse are shown, those that respond most to the movie.
    first
        As for `shown_trials`.

    Returns
    -------
    dict
        ``A`` motion energy and behaviour over time; responses ``B`` recorded, ``C`` predicted from the true movie and
        ``D`` from the reconstruction, 0 at each neuron's minimum and 1 at its maximum; ``E`` frame correlation, from
        frame 30 on.
    """
    parts: dict[str, list[pd.DataFrame]] = {panel: [] for panel in "ABCDE"}
    for mouse, trial in shown_trials(study, movies, first):
        for panel, table in _panels_of_movie(study, mouse, trial, neurons).items():
            parts[panel].append(table.assign(movie=f"{study.label(mouse)}, trial {trial}"))
    return {panel: pd.concat(tables, ignore_index=True) for panel, tables in parts.items()}


def rows(fit: pd.DataFrame, seed: int) -> Iterator[Row]:
    """What correlation with the recorded responses is left where neurons are exchanged; the others are Figure 6's.

    Parameters
    ----------
    fit
        Of `response_fit`.
    seed
        Of the bootstrap.
    """
    control = fit[fit["stimulus"] == SHUFFLED_NEURONS]
    name = "recorded responses and those of other neurons, evoked by the true movie"
    yield mean_row("1–S1", name, NAN, control["response_correlation"], control["mouse"], seed, note="control")


def _panels_of_movie(study: Study, mouse: int, number: int, neurons: int) -> dict[str, pd.DataFrame]:
    trial, responses, judged = (
        study.trial(mouse, number),
        study.results.responses(mouse, number),
        study.results.judged(mouse, number),
    )
    seconds = np.round(np.arange(trial.frames) / FRAME_RATE, 3)
    energy = motion_energy(judged.truth, judged.pixels).round(4)
    moved = pd.DataFrame({"signal": "motion energy", "seconds": seconds[1:], "value": energy})
    alike = frame_correlation(*judged.evaluated).round(6)
    shown = most_active(trial.responses, neurons)
    predicted = responses["predicted"]
    return {
        "A": pd.concat([moved, behaviour_signals(trial)], ignore_index=True),
        "B": _stretched(trial.responses, shown),
        "C": _stretched(predicted.sel(stimulus="true").values, shown),
        "D": _stretched(predicted.sel(stimulus="evoked").values, shown),
        "E": pd.DataFrame({"seconds": seconds[SKIPPED_FRAMES:], "frame_correlation": alike}),
    }


def _stretched(responses: NDArray[np.floating], neurons: NDArray[np.integer]) -> pd.DataFrame:
    return scaled_responses(responses - responses.min(axis=1, keepdims=True), neurons)
