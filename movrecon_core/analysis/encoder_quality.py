"""How near an encoder's predictions come to what can be predicted: ceilings, averages of repeats, calibration."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis.streams import NeuronCorrelation, RepeatCeiling, added
from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.inputs import encoder_inputs
from movrecon_core.encoders.prediction import predict_windows, predicted_responses
from movrecon_core.recordings import Recording, Trial, load_array
from movrecon_core.simulation import noise_free_file

Array = NDArray[np.floating]

CALIBRATION_BINS = 10
CALIBRATION_NEURONS = 500
"""As many, evenly spaced in the recording, stand for all: their predictions are sorted, which takes memory."""


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


def evaluation(trials: Iterable[Trial], encoders: Sequence[Encoder], mouse: int) -> xr.Dataset:
    """Correlation of predicted with recorded responses to the held-out movies, neuron by neuron.

    Over all frames, each predicted by all stacks that contain it; and, with ``window_`` before the name, in windows
    that lie end to end, as the published value was measured (`predict_windows`). A neuron that does not vary is
    predicted by nothing and counts as 0.

    Parameters
    ----------
    trials
        Read one after the other.
    """
    readings = {"": _all_frames, "window_": _windows}
    single = {name: [NeuronCorrelation() for _ in encoders] for name in readings}
    of_mean = {name: NeuronCorrelation() for name in readings}
    frozen = [encoder.frozen_form("float32") for encoder in encoders]  # equal, and faster
    movies = frames = 0
    for trial in trials:
        for name, predict in readings.items():
            shown, found = zip(*(predict(encoder, mouse, trial) for encoder in frozen), strict=True)
            for sums, predicted in zip(single[name], found, strict=True):
                sums.add(shown[0], predicted)
            of_mean[name].add(shown[0], np.mean(found, axis=0))
        movies, frames = movies + 1, frames + trial.frames
    variables: dict[str, tuple[Any, NDArray[np.float64]]] = {}
    for name in readings:
        each = np.stack([sums.values() for sums in single[name]])
        variables[f"{name}correlation"] = (("instance", "neuron"), np.nan_to_num(each))
        variables[f"{name}ensemble_correlation"] = ("neuron", np.nan_to_num(of_mean[name].values()))
    return xr.Dataset(variables, attrs={"held_out_movies": movies, "frames": frames})


def _all_frames(encoder: Encoder, mouse: int, trial: Trial) -> tuple[Array, Array]:
    """Recorded and predicted responses (N, T)."""
    return trial.responses, predicted_responses(encoder, mouse, trial.movie, trial.behavior, trial.pupil_center)


def _windows(encoder: Encoder, mouse: int, trial: Trial) -> tuple[Array, Array]:
    """Recorded and predicted responses (N, predicted frames of all windows)."""
    inputs = encoder_inputs(trial.movie, trial.behavior, trial.pupil_center)
    frames, found = predict_windows(encoder, inputs, mouse)
    return trial.responses[:, frames], found.float().cpu().numpy()


def encoder_qualities(
    recording: Recording, trials: Sequence[int], encoders: Mapping[str, Encoder], mouse: int
) -> xr.Dataset:
    """Judge encoders on a mouse's held-out movies.

    Parameters
    ----------
    trials
        Their numbers; one movie is in memory at a time.

    Returns
    -------
    Dataset
        ``correlation`` and ``repeat_correlation`` (encoder, neuron), ``ceiling`` (neuron) of the single-trial
        correlation, ``predicted`` and ``recorded`` (encoder, bin) for calibration, ``parameters`` (encoder). What
        cannot be known of a recording is NaN; the attribute ``ceiling_from`` says where the ceiling comes from:
        ``truth`` of a simulation, ``repeats`` of movies, or ``unknown``.
    """
    groups = repeat_groups([hashlib.sha256(recording.movie(trial).tobytes()).digest() for trial in trials])
    repeated = {trials[place]: number for number, group in enumerate(groups) for place in group}
    ceiling, source = _ceiling(recording, trials, [[trials[place] for place in group] for group in groups])
    sample = slice(None, None, -(-recording.neurons // CALIBRATION_NEURONS))
    variables: dict[str, list[NDArray]] = {name: [] for name in ("correlation", "repeat_correlation", "bins")}
    for encoder in (given.frozen_form("float32") for given in encoders.values()):  # equal, and faster
        single, to_average = NeuronCorrelation(), NeuronCorrelation()
        kept: list[tuple[Array, Array]] = []
        averages: dict[int, NDArray] = {}
        left = {number: len(group) for number, group in enumerate(groups)}
        for number in trials:
            pair = np.stack(_all_frames(encoder, mouse, recording.trial(number)))  # (2, N, T)
            single.add(*pair)
            kept.append((pair[0, sample], pair[1, sample]))
            if (group := repeated.get(number)) is not None:
                averages[group] = added(averages.get(group), pair / len(groups[group]))
                left[group] -= 1
                if not left[group]:
                    to_average.add(*averages.pop(group))
        unknown = np.full(recording.neurons, np.nan)
        variables["correlation"].append(np.nan_to_num(single.values()))
        variables["repeat_correlation"].append(to_average.values() if groups else unknown)
        sampled = [np.concatenate(side, axis=1) for side in zip(*kept, strict=True)]
        variables["bins"].append(np.stack(calibration(sampled[0], sampled[1])))
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


def _ceiling(recording: Recording, trials: Sequence[int], groups: list[list[int]]) -> tuple[NDArray[np.float64], str]:
    """Of each neuron (N,), and where it comes from."""
    files = [noise_free_file(recording, trial) for trial in trials]
    if all(file.is_file() for file in files):
        with_truth = NeuronCorrelation()
        for trial, file in zip(trials, files, strict=True):
            with_truth.add(recording.trial(trial).responses, load_array(file))
        return with_truth.values(), "truth"
    if groups:
        ceiling = RepeatCeiling()
        for group in groups:
            ceiling.add(recording.trial(trial).responses for trial in group)
        return ceiling.values(), "repeats"
    return np.full(recording.neurons, np.nan), "unknown"


def _parameters(encoder: Encoder) -> int:
    return sum(weights.numel() for weights in encoder.parameters())
