"""How near an encoder's predictions come to what can be predicted: ceilings, averages of repeats, calibration."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis.metrics import neuron_correlation
from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.inputs import encoder_inputs
from movrecon_core.encoders.prediction import predict_windows, predicted_responses
from movrecon_core.recordings import Recording, Trial, load_array
from movrecon_core.simulation import TRUTH

Array = NDArray[np.floating]

CALIBRATION_BINS = 10


def repeat_groups(movies: Sequence[bytes]) -> list[list[int]]:
    """Places of movies that are the same, two at least, in the order of their first showing.

    Parameters
    ----------
    movies
        Something that is equal for equal movies, such as a digest.
    """
    groups: dict[bytes, list[int]] = {}
    for place, movie in enumerate(movies):
        groups.setdefault(movie, []).append(place)
    return [places for places in groups.values() if len(places) > 1]


def repeat_ceiling(groups: Sequence[Array]) -> NDArray[np.float64]:
    """Largest correlation with single trials that a perfect model of the repeated part can have.

    Two showings correlate by the share of variance that repeats; a model of that share correlates with one showing by
    its square root (Sahani & Linden 2003; Schoppe et al. 2016).

    Parameters
    ----------
    groups
        Responses (R, N, T) to the R showings of each movie; R may differ.

    Returns
    -------
    NDArray
        (N,); 0 where showings do not correlate, NaN for constant neurons.
    """
    first, second = [], []
    for shown in groups:
        for i in range(len(shown)):
            for j in range(len(shown)):
                if i != j:
                    first.append(shown[i])
                    second.append(shown[j])
    return np.sqrt(np.maximum(neuron_correlation(np.concatenate(first, axis=1), np.concatenate(second, axis=1)), 0))


def correlation_to_average(groups: Sequence[Array], predicted: Sequence[Array]) -> NDArray[np.float64]:
    """Correlation of predictions with the average over repeats (the competition's second metric).

    Parameters
    ----------
    groups
        Responses (R, N, T) to the showings of each movie.
    predicted
        Predictions of the same shapes; behaviour may make them differ between showings.

    Returns
    -------
    NDArray
        (N,).
    """
    average = np.concatenate([shown.mean(axis=0) for shown in groups], axis=1)
    return neuron_correlation(average, np.concatenate([found.mean(axis=0) for found in predicted], axis=1))


def calibration(recorded: Array, predicted: Array, bins: int = CALIBRATION_BINS) -> tuple[Array, Array]:
    """Mean recorded response where the prediction was about so large.

    Parameters
    ----------
    recorded, predicted
        (N, T); each neuron is divided by its mean recorded response, so that all weigh alike.
    bins
        Of equally many values, from the lowest predictions to the highest.

    Returns
    -------
    predicted, recorded
        (bins,) means in units of a neuron's mean response; equal for a calibrated encoder.
    """
    mean = recorded.mean(axis=1, keepdims=True)
    active = mean[:, 0] > 0
    found, true = ((x[active] / mean[active]).ravel() for x in (predicted, recorded))
    order = np.argsort(found, kind="stable")
    parts = np.array_split(order, bins)
    return np.array([found[part].mean() for part in parts]), np.array([true[part].mean() for part in parts])


def evaluation(trials: Sequence[Trial], encoders: Sequence[Encoder], mouse: int) -> xr.Dataset:
    """Correlation of predicted with recorded responses to the held-out movies, neuron by neuron.

    Over all frames, each predicted by all stacks that contain it; and, with ``window_`` before the name, in windows
    that lie end to end, as the published value was measured (`predict_windows`).
    """
    variables: dict[str, tuple[Any, NDArray[np.float64]]] = {}
    for name, predict_trials in (("", _all_frames), ("window_", _windows)):
        correlation, mean = [], np.zeros(())
        for encoder in encoders:
            recorded, predicted = predict_trials(encoder, mouse, trials)
            correlation.append(_neuron_correlation(recorded, predicted))
            mean = mean + predicted / len(encoders)
        variables[f"{name}correlation"] = (("instance", "neuron"), np.stack(correlation))
        variables[f"{name}ensemble_correlation"] = ("neuron", _neuron_correlation(recorded, mean))
    frames = sum(trial.frames for trial in trials)
    return xr.Dataset(variables, attrs={"held_out_movies": len(trials), "frames": frames})


def _all_frames(encoder: Encoder, mouse: int, trials: Sequence[Trial]) -> tuple[Array, Array]:
    """Recorded and predicted responses (N, frames of all movies)."""
    found = [predicted_responses(encoder, mouse, t.movie, t.behavior, t.pupil_center) for t in trials]
    return np.concatenate([trial.responses for trial in trials], axis=1), np.concatenate(found, axis=1)


def _windows(encoder: Encoder, mouse: int, trials: Sequence[Trial]) -> tuple[Array, Array]:
    """Recorded and predicted responses (N, predicted frames of all windows)."""
    recorded, predicted = [], []
    for trial in trials:
        inputs = encoder_inputs(trial.movie, trial.behavior, trial.pupil_center)
        frames, found = predict_windows(encoder, inputs, mouse)
        recorded.append(trial.responses[:, frames])
        predicted.append(found.float().cpu().numpy())
    return np.concatenate(recorded, axis=1), np.concatenate(predicted, axis=1)


def _neuron_correlation(recorded: NDArray[np.floating], predicted: NDArray[np.floating]) -> NDArray[np.float64]:
    """As `neuron_correlation`; a neuron that does not vary is predicted by nothing and counts as 0."""
    return np.nan_to_num(neuron_correlation(recorded, predicted), nan=0.0)


def encoder_qualities(
    recording: Recording, trials: Sequence[Trial], encoders: Mapping[str, Encoder], mouse: int
) -> xr.Dataset:
    """Judge encoders on a mouse's held-out movies.

    Returns
    -------
    Dataset
        ``correlation`` and ``repeat_correlation`` (encoder, neuron), ``ceiling`` (neuron) of the single-trial
        correlation, ``predicted`` and ``recorded`` (encoder, bin) for calibration, ``parameters`` (encoder). What
        cannot be known of a recording is NaN; the attribute ``ceiling_from`` says where the ceiling comes from:
        ``truth`` of a simulation, ``repeats`` of movies, or ``unknown``.
    """
    recorded = [trial.responses for trial in trials]
    groups = repeat_groups([hashlib.sha256(trial.movie.tobytes()).digest() for trial in trials])
    ceiling, source = _ceiling(recording, [trial.index for trial in trials], recorded, groups)
    all_recorded = np.concatenate(recorded, axis=1)  # (N, frames of all movies)
    unknown = np.full(recording.neurons, np.nan)
    variables: dict[str, list[NDArray]] = {name: [] for name in ("correlation", "repeat_correlation", "bins")}
    for encoder in encoders.values():
        predicted = [predicted_responses(encoder, mouse, t.movie, t.behavior, t.pupil_center) for t in trials]
        all_predicted = np.concatenate(predicted, axis=1)
        variables["correlation"].append(np.nan_to_num(neuron_correlation(all_recorded, all_predicted), nan=0.0))
        repeated = [[np.stack([x[i] for i in group]) for group in groups] for x in (recorded, predicted)]
        variables["repeat_correlation"].append(correlation_to_average(*repeated) if groups else unknown)
        variables["bins"].append(np.stack(calibration(all_recorded, all_predicted)))
    bins = np.stack(variables["bins"])
    return xr.Dataset(
        {
            "correlation": (("encoder", "neuron"), np.stack(variables["correlation"])),
            "repeat_correlation": (("encoder", "neuron"), np.stack(variables["repeat_correlation"])),
            "ceiling": ("neuron", ceiling),
            "predicted": (("encoder", "bin"), bins[:, 0]),
            "recorded": (("encoder", "bin"), bins[:, 1]),
            "parameters": ("encoder", [_parameters(encoder) for encoder in encoders.values()]),
        },
        attrs={"encoders": list(encoders), "ceiling_from": source, "repeated_movies": len(groups)},
    )


def _ceiling(
    recording: Recording, trials: list[int], recorded: list[NDArray], groups: list[list[int]]
) -> tuple[NDArray[np.float64], str]:
    """Of each neuron (N,), and where it comes from."""
    files = [recording.path / TRUTH / "noise_free_responses" / f"{trial}.npy" for trial in trials]
    if all(file.is_file() for file in files):
        truth = np.concatenate([load_array(file) for file in files], axis=1)
        return neuron_correlation(np.concatenate(recorded, axis=1), truth), "truth"
    if groups:
        return repeat_ceiling([np.stack([recorded[i] for i in group]) for group in groups]), "repeats"
    return np.full(recording.neurons, np.nan), "unknown"


def _parameters(encoder: Encoder) -> int:
    return sum(weights.numel() for weights in encoder.parameters())
