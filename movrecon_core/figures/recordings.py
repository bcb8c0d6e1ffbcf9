"""The recordings: an example trial, the use of all trials, near-duplicates."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.figures.images import image_table, labelled
from movrecon_core.figures.published import published
from movrecon_core.figures.rows import Row
from movrecon_core.recordings import FRAME_RATE, Trial
from movrecon_core.study.study import Study
from movrecon_core.study.trials import ROLES

PAIRS = 6
"""Pairs of closest first frames that are shown."""


def recording_panels(study: Study, mouse: int, neurons: int, frames: int) -> dict[str, pd.DataFrame]:
    """What the recordings figure draws.

    Parameters
    ----------
    study
        With split recordings.
    mouse
        Whose first held-out trial is the example, counted from 0.
    neurons
        How many of its neurons are shown, the most active ones.
    frames
        How many frames of its movie are shown.

    Returns
    -------
    dict
        ``A`` frames of the movie, ``B`` behaviour, ``C`` responses, ``D`` movies by fold and use, ``E`` closest first
        frames in training, ``F`` the closest pairs.
    """
    trial = study.trial(mouse, study.trials.of_role(mouse, "held-out")[0])
    return {
        "A": movie_frames(trial.movie, np.linspace(0, trial.frames - 1, frames).astype(int)),
        "B": behaviour_signals(trial),
        "C": scaled_responses(trial.responses, most_active(trial.responses, neurons)),
        "D": _trial_use(study),
        "E": near_duplicates(study),
        "F": _closest_pairs(study),
    }


def rows(study: Study, duplicates: pd.DataFrame) -> Iterator[Row]:
    """How much was recorded, and how many held-out movies have a twin in training.

    Parameters
    ----------
    study
        With split recordings.
    duplicates
        Of `near_duplicates`.
    """
    movies = list(study.movies())
    neurons = [study.recordings[mouse].neurons for mouse in study.reconstructed_mice]
    theirs = published("data_set")
    yield Row("data", "mice", "count", len(theirs["neurons"]), len(neurons))
    yield Row("data", "movies", "count", published("figure_2.video_correlation.n_movies"), len(movies))
    note = f"mean; here: {', '.join(map(str, neurons))}"
    yield Row("data", "neurons a mouse", "count", np.mean(theirs["neurons"]), float(np.mean(neurons)), note=note)
    yield Row("data", "frames a movie", "count", theirs["frames"], len(study.movie(*movies[0])))
    yield Row("data", "frame rate (Hz)", "count", theirs["frame_rate_hz"], FRAME_RATE)
    excluded = int((duplicates["use"] == "excluded").sum())
    note = f"of {len(duplicates)} held-out movies; article: of {published('near_duplicates.of')}"
    yield Row(
        "data", "near-duplicates excluded", "count", published("near_duplicates.replaced_movies"), excluded, note=note
    )


def movie_frames(movie: NDArray[np.floating], shown: NDArray[np.integer]) -> pd.DataFrame:
    """Some frames of a movie (T, 36, 64): ``seconds``, ``y``, ``x``, ``grey``."""
    return image_table(labelled(movie[shown], seconds=np.round(shown / FRAME_RATE, 3)), "grey")


def behaviour_signals(trial: Trial) -> pd.DataFrame:
    """Pupil dilation and running speed over time: ``signal``, ``seconds``, ``value``, NaN where not recorded."""
    signals = {"pupil dilation": trial.behavior[0], "running speed": trial.behavior[1]}
    signals |= {name: np.full(trial.frames, np.nan) for name in trial.missing_signals if name in signals}
    seconds = np.round(np.arange(trial.frames) / FRAME_RATE, 3)
    return pd.concat(
        [pd.DataFrame({"signal": name, "seconds": seconds, "value": values}) for name, values in signals.items()],
        ignore_index=True,
    )


def most_active(responses: NDArray[np.floating], count: int) -> NDArray[np.integer]:
    """Numbers, rising, of the neurons with the largest mean of these responses (N, T)."""
    return np.sort(np.argsort(-responses.mean(axis=1), kind="stable")[:count])


def scaled_responses(responses: NDArray[np.floating], neurons: NDArray[np.integer]) -> pd.DataFrame:
    """Responses (N, T) of some neurons, each divided by its maximum: ``neuron``, ``seconds``, ``response``."""
    chosen = responses[neurons]
    largest = np.maximum(chosen.max(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    seconds = np.round(np.arange(chosen.shape[1]) / FRAME_RATE, 3)
    table = xr.DataArray(
        (chosen / largest).round(4), dims=("neuron", "seconds"), coords={"neuron": neurons, "seconds": seconds}
    )
    return table.to_dataframe("response").reset_index()


def near_duplicates(study: Study) -> pd.DataFrame:
    """Each movie that the rule holds out with the training movie whose first frame is closest to its own.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``closest_trial``, ``correlation``, ``use`` (``held-out`` or ``excluded``).
    """
    tables = []
    for mouse in study.in_order:
        split = study.trials.split(mouse).to_dataframe().reset_index()
        split = split[split["closest"] >= 0]
        tables.append(
            pd.DataFrame(
                {
                    "mouse": study.label(mouse),
                    "trial": split["trial"],
                    "closest_trial": split["closest"],
                    "correlation": split["correlation"],
                    "use": [ROLES[role] for role in split["role"]],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def clip_pairs(study: Study) -> pd.DataFrame:
    """First frames of every mouse's first held-out movies, with the training movie's that is closest to each.

    Of Author response image 2B: as many movies of the fold's list as are reconstructed, those that near-duplicates
    exclude among them.

    Returns
    -------
    DataFrame
        ``clip`` (mouse and trial), ``mouse``, ``use`` (``held-out`` or ``excluded``), ``kind``, ``y``, ``x``, ``grey``.
    """
    table = near_duplicates(study).set_index(["mouse", "trial"])
    parts = []
    for mouse in study.reconstructed_mice:
        recording, name = study.recordings[mouse], study.label(mouse)
        for trial in study.trials.of_fold(mouse)[: study.profile.trials_per_mouse]:
            row = table.loc[(name, trial)]
            pair = [recording.movie(int(t), frames=1)[0] for t in (trial, row["closest_trial"])]
            images = image_table(labelled(np.stack(pair), kind=["held out", "closest in training"]), "grey")
            columns = {"clip": f"{name}, trial {trial}", "mouse": name, "use": row["use"]}
            parts.append(images.assign(**columns)[[*columns, *images.columns]])
    return pd.concat(parts, ignore_index=True)


def _trial_use(study: Study) -> pd.DataFrame:
    tables = []
    for mouse in study.in_order:
        split = study.trials.split(mouse).to_dataframe()
        split["use"] = [ROLES[role] for role in split["role"]]
        split = split[split["use"] != "not used"]
        counts = split.groupby(["fold", "use"]).size().rename("movies").reset_index()
        counts.insert(0, "mouse", study.label(mouse))
        tables.append(counts)
    return pd.concat(tables, ignore_index=True)


def _closest_pairs(study: Study) -> pd.DataFrame:
    table = near_duplicates(study).nlargest(PAIRS, "correlation").reset_index(drop=True)
    mice = {study.label(mouse): recording for mouse, recording in enumerate(study.recordings)}
    frames, names = [], []
    for row in table.itertuples():
        recording = mice[str(row.mouse)]
        frames.append([recording.movie(int(trial), frames=1)[0] for trial in (row.trial, row.closest_trial)])
        names.append(f"{row.mouse}, trial {row.trial}, r = {row.correlation:.2f}")
    return image_table(labelled(np.array(frames), pair=names, kind=["held out", "closest in training"]), "grey")
