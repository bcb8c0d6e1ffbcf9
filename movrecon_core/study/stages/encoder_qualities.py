"""How well the study's own encoder and another one predict, beside what can be predicted at all."""

import hashlib
from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis.encoder_quality import (
    calibration,
    correlation_to_average,
    repeat_ceiling,
    repeat_groups,
)
from movrecon_core.analysis.metrics import neuron_correlation
from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.prediction import predicted_responses
from movrecon_core.recordings import Recording, load_array
from movrecon_core.simulation import TRUTH
from movrecon_core.storage.store import Unit
from movrecon_core.study.cost import Cost
from movrecon_core.study.stage import Definition, Stage, Task, own_encoder
from movrecon_core.study.stages.other_encoder import other_architectures
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker


def compared_encoders(study: Study) -> dict[str, Unit]:
    """What is compared, by architecture: the study's first instance, and the other encoder if any."""
    compared = {study.profile.encoder.architecture: study.unit("encoders", 0)}
    for name in other_architectures(study):
        compared[name if name not in compared else f"{name} (other)"] = study.unit("other-encoder")
    return compared


def _define(study: Study, mouse: int) -> tuple[str, Definition]:
    return study.mice[mouse], {
        "mouse": mouse,
        "encoders": {name: study.encoder_digest(unit) for name, unit in compared_encoders(study).items()},
        "trials": study.trials_digest(mouse, "held-out"),
        "simulated": study.recordings[mouse].simulated,
    }


def _judge(work: Worker, task: Task) -> None:
    ((mouse,),), (unit,) = task.keys, task.units
    with Cost() as cost:
        encoders = {name: work.load(encoder) for name, encoder in compared_encoders(work.study).items()}
        dataset = encoder_qualities(work.study, encoders, mouse)
    work.save(unit, dataset, cost)


def encoder_qualities(study: Study, encoders: Mapping[str, Encoder], mouse: int) -> xr.Dataset:
    """Judge encoders on a mouse's held-out movies.

    Returns
    -------
    Dataset
        ``correlation`` and ``repeat_correlation`` (encoder, neuron), ``ceiling`` (neuron) of the single-trial
        correlation, ``predicted`` and ``recorded`` (encoder, bin) for calibration, ``parameters`` (encoder). What
        cannot be known of a recording is NaN; the attribute ``ceiling_from`` says where the ceiling comes from:
        ``truth`` of a simulation, ``repeats`` of movies, or ``unknown``.
    """
    recording = study.recordings[mouse]
    trials = [study.trial(mouse, number) for number in study.trials_with(mouse, "held-out")]
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


ENCODER_QUALITIES = Stage(
    name="encoder-qualities",
    label="encoders side by side",
    item="mouse",
    part="comparison",
    keys=lambda study: [(mouse,) for mouse in range(len(study.mice))],
    define=_define,
    perform=_judge,
    architectures=lambda study: own_encoder(study) + other_architectures(study),
)
