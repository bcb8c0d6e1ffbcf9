"""The article's ten real mice in numbers, and the same numbers of any recording.

The recordings themselves cannot be had everywhere; their statistics over training trials were published under the MIT
licence (`real_mice.LICENSE`; copyright 2025 Bryan M. Li), for three mice with tuning to drifting Gabors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from movrecon_core.analysis.encoder_quality import repeat_groups
from movrecon_core.recordings import Recording, load_array

_FOLDER = Path(__file__).parent
TRIED_FRAMES = 3000
"""Frames, evenly spread, from which medians are taken."""


@dataclass(frozen=True)
class Statistic:
    """What a column of the table is.

    Attributes
    ----------
    label
        In figures and tables, with its unit.
    chosen
        A size that a simulation chooses, and so no test of it.
    """

    label: str
    chosen: bool = False


STATISTICS = {
    "response_spread": Statistic("response s.d. / mean, median neuron"),
    "response_spread_low": Statistic("response s.d. / mean, 10th percentile of neurons"),
    "response_spread_high": Statistic("response s.d. / mean, 90th percentile of neurons"),
    "response_maximum": Statistic("response maximum / mean, median neuron"),
    "response_median": Statistic("response median / mean, median neuron"),
    "pupil_dilation": Statistic("pupil dilation, mean (px)"),
    "pupil_dilation_spread": Statistic("pupil dilation, s.d. (px)"),
    "pupil_x_spread": Statistic("pupil x, s.d. (px)"),
    "pupil_y_spread": Statistic("pupil y, s.d. (px)"),
    "running": Statistic("running, mean (cm/s)"),
    "running_spread": Statistic("running, s.d. (cm/s)"),
    "grey": Statistic("grey level, mean"),
    "grey_spread": Statistic("grey level, s.d."),
    "planes": Statistic("imaging planes"),
    "plane_distance": Statistic("distance of planes (µm)"),
    "neurons": Statistic("neurons", chosen=True),
    "movies_once": Statistic("movies shown once", chosen=True),
    "movies_repeated": Statistic("movies shown again", chosen=True),
}


@cache
def real_mice() -> pd.DataFrame:
    """One row a mouse, one column a statistic of `STATISTICS`, over training trials."""
    return pd.read_csv(_FOLDER / "real_mice.csv", index_col="mouse")


@cache
def real_selectivity() -> pd.DataFrame:
    """201 quantiles of selectivity for ``orientation`` and ``direction`` of the mice that saw drifting Gabors."""
    table = pd.read_csv(_FOLDER / "real_mice_selectivity.csv", index_col="quantile")
    table.columns = pd.MultiIndex.from_tuples([tuple(name.split()) for name in table.columns], names=["mouse", "kind"])
    return table


def distance(values: NDArray[np.floating], quantiles: NDArray[np.floating]) -> float:
    """Kolmogorov-Smirnov distance, 0..1, of values from a distribution that is given by evenly spaced quantiles."""
    values = np.sort(values[np.isfinite(values)])
    if not values.size:
        return float("nan")
    below = np.interp(values, quantiles, np.linspace(0, 1, len(quantiles)))
    steps = np.arange(len(values) + 1) / len(values)
    return float(max(np.abs(below - steps[:-1]).max(), np.abs(below - steps[1:]).max()))


def recording_statistics(recording: Recording, trials: Sequence[int]) -> dict[str, float]:
    """The statistics of `STATISTICS` over some trials of a recording, which are read one by one.

    Movies and neurons are counted over the whole recording. What was not recorded is NaN.
    """
    read = [recording.trial(t) for t in trials[:1]]
    step = max(1, len(trials) * read[0].frames // TRIED_FRAMES)
    sums, largest, tried = np.zeros((2, recording.neurons)), np.zeros(recording.neurons), []
    behaviour, grey, frames = [], np.zeros(3), 0
    for number in trials:
        trial = recording.trial(number)
        responses = trial.responses
        sums += responses.sum(axis=1, dtype=np.float64), np.einsum("nt,nt->n", responses, responses, dtype=np.float64)
        largest = np.maximum(largest, responses.max(axis=1))
        tried.append(responses[:, number % step :: step])
        behaviour.append(np.concatenate([trial.behavior, trial.pupil_center]))
        movie = trial.movie.astype(np.float64)
        grey += movie.sum(), np.square(movie).sum(), movie.size
        frames += trial.frames
    mean, square = sums / frames
    responding = mean > 0
    mean, square, largest = mean[responding], square[responding], largest[responding]
    spread = np.sqrt(np.maximum(square - mean**2, 0)) / mean
    median = np.median(np.concatenate(tried, axis=1)[responding], axis=1) / mean
    low, middle, high = np.percentile(spread, [10, 50, 90])
    known = np.array([not missing for rows in recording.missing.values() for missing in rows])
    moments = np.stack([f(np.concatenate(behaviour, axis=1), axis=1) for f in (np.mean, np.std)], axis=1)
    (dilation, running, x, y) = np.where(known[:, None], moments, np.nan)
    grey_mean = grey[0] / grey[2]
    return {
        "response_spread": middle,
        "response_spread_low": low,
        "response_spread_high": high,
        "response_maximum": float(np.median(largest / mean)),
        "response_median": round(float(np.median(median)), 4),
        "pupil_dilation": dilation[0],
        "pupil_dilation_spread": dilation[1],
        "pupil_x_spread": x[1],
        "pupil_y_spread": y[1],
        "running": running[0],
        "running_spread": running[1],
        "grey": grey_mean,
        "grey_spread": np.sqrt(grey[1] / grey[2] - grey_mean**2),
        **_planes(recording),
        "neurons": recording.neurons,
        **_movies(recording),
    }


def _planes(recording: Recording) -> dict[str, float]:
    file = recording.path / "meta" / "neurons" / "cell_motor_coordinates.npy"
    if not file.is_file():
        return {"planes": np.nan, "plane_distance": np.nan}
    depths = np.unique(load_array(file)[:, 2])
    return {"planes": len(depths), "plane_distance": float(np.diff(depths).mean()) if len(depths) > 1 else np.nan}


def _movies(recording: Recording) -> dict[str, float]:
    """Movies are equal where their first, middle and last frames are."""
    shown = []
    for trial in recording.trials:
        movie = recording.movie(trial)
        shown.append(np.nan_to_num(movie[[0, len(movie) // 2, -1]]).tobytes())
    repeated = repeat_groups(shown)
    return {"movies_once": len(shown) - sum(map(len, repeated)), "movies_repeated": len(repeated)}
