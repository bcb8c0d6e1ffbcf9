"""Another encoder beside the study's own: trained, judged, and inverted on some movies."""

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
from movrecon_core.encoders.checkpoints import load_checkpoint
from movrecon_core.reconstruction import reconstruct
from movrecon_core.recordings import Recording, load_array
from movrecon_core.simulation import TRUTH
from movrecon_core.study.conditions import RECORDED
from movrecon_core.study.cost import Cost
from movrecon_core.study.encoder_units import (
    compared_encoders,
    other_checkpoint,
    other_encoder_unit,
    other_movies,
    other_reconstruction_unit,
    other_settings,
    quality_unit,
)
from movrecon_core.study.stages.encoders import predicted_responses, train_on_study
from movrecon_core.study.stages.targets import build_target
from movrecon_core.study.study import Study
from movrecon_core.study.tasks import Stage, Task, missing
from movrecon_core.study.work import Work


def _training_tasks(study: Study) -> list[Task]:
    if other_checkpoint(study) is None:
        return []
    return [Task("other-encoder", (unit,), ()) for unit in missing(study, [other_encoder_unit(study)])]


def _train(work: Work, task: Task) -> None:
    study, settings = work.study, other_settings(work.study)
    checkpoint = other_checkpoint(study)
    assert checkpoint is not None
    train_on_study(work, settings.encoder, settings.training, study.profile.seed, checkpoint)


def _quality_tasks(study: Study) -> list[Task]:
    units = [(mouse, quality_unit(study, mouse)) for mouse in range(len(study.recordings))]
    return [Task("encoder-qualities", (unit,), (mouse,)) for mouse, unit in units if missing(study, [unit])]


def _judge(work: Work, task: Task) -> None:
    (mouse,), (unit,) = task.arguments, task.units
    with Cost() as cost:
        encoders = {name: load_checkpoint(path, work.device) for name, path in compared_encoders(work.study).items()}
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


def _reconstruction_tasks(study: Study) -> list[Task]:
    tasks = []
    for mouse in study.reconstructed_mice:
        trials = tuple(t for m, t in other_movies(study) if m == mouse)
        units = {trial: other_reconstruction_unit(study, mouse, trial) for trial in trials}
        lacking = missing(study, list(units.values()))
        todo = tuple(trial for trial, unit in units.items() if unit in lacking)
        if todo:
            tasks.append(Task("other-reconstructions", tuple(units[t] for t in todo), (mouse, todo)))
    return tasks


def _reconstruct(work: Work, task: Task) -> None:
    study, (mouse, trials) = work.study, task.arguments
    checkpoint = other_checkpoint(study)
    assert checkpoint is not None
    with Cost() as cost:
        encoder = load_checkpoint(checkpoint, work.device)
        targets = [build_target(study, mouse, trial, RECORDED, [encoder], []) for trial in trials]
        found = reconstruct([encoder], mouse, targets, other_settings(study).reconstruction, device=work.device)
    for unit, result in zip(task.units, found, strict=True):
        movie = xr.Dataset({"movie": (("time", "y", "x"), result.movie.astype(np.float32))})
        work.save(unit, movie, cost, len(trials))


OTHER_TRAINING = Stage("other-encoder", "another encoder", "encoder", _training_tasks, _train)
QUALITY = Stage("encoder-qualities", "encoders side by side", "mouse", _quality_tasks, _judge)
OTHER_RECONSTRUCTIONS = Stage(
    "other-reconstructions", "reconstructions with another encoder", "movie", _reconstruction_tasks, _reconstruct
)
