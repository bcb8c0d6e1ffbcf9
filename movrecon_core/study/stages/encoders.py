"""The encoders: trained, and judged on held-out movies."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis import neuron_correlation
from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.inputs import encoder_inputs
from movrecon_core.encoders.prediction import predict
from movrecon_core.encoders.training import train_encoder
from movrecon_core.progress import Progress
from movrecon_core.recordings import Trial
from movrecon_core.study.cost import Cost
from movrecon_core.study.files import read_json, write_json
from movrecon_core.study.profile import encoder_parameters
from movrecon_core.study.stages.work import Work


def train_encoders(work: Work) -> None:
    """Train the instances; they share the held-out movies and differ in the seed."""
    study, profile = work.study, work.study.profile
    training = [study.trials_with(mouse, "training") for mouse in range(len(study.recordings))]
    parameters = encoder_parameters(profile.encoder, tuple(recording.neurons for recording in study.recordings))
    for instance, checkpoint in enumerate(study.checkpoints):
        if checkpoint.is_file():
            continue
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        with Cost() as cost:
            train_encoder(
                list(study.recordings),
                training,
                profile.encoder.architecture,
                parameters,
                profile.training,
                profile.seed + instance,
                checkpoint,
                work.device,
            )
        write_json(cost_file(checkpoint), cost.attributes())
    study.digests.save()


def evaluate_encoders(work: Work) -> None:
    """Correlate predicted with recorded responses over all frames of the held-out movies, neuron by neuron."""
    study = work.study
    units = {mouse: study.evaluation_unit(mouse) for mouse in range(len(study.recordings))}
    todo = [mouse for mouse, unit in units.items() if study.store.load(unit) is None]
    if not todo:
        return
    encoders = work.load_encoders()
    with Progress(len(todo), "encoders: held-out responses", "mouse") as progress:
        for mouse in todo:
            with Cost() as cost:
                dataset = _evaluation(work, encoders, mouse)
            work.save(units[mouse], dataset, cost)
            progress.step()


def _evaluation(work: Work, encoders: Sequence[Encoder], mouse: int) -> xr.Dataset:
    trials = [work.study.trial(mouse, t) for t in work.study.trials_with(mouse, "held-out")]
    recorded = np.concatenate([trial.responses for trial in trials], axis=1)  # (N, frames of all movies)
    mean = np.zeros_like(recorded)
    correlation = []
    for encoder in encoders:
        predicted = np.concatenate([predicted_responses(encoder, trial, mouse) for trial in trials], axis=1)
        correlation.append(_neuron_correlation(recorded, predicted))
        mean += predicted / len(encoders)
    return xr.Dataset(
        {
            "correlation": (("instance", "neuron"), np.stack(correlation)),
            "ensemble_correlation": ("neuron", _neuron_correlation(recorded, mean)),
        },
        attrs={"held_out_movies": len(trials), "frames": recorded.shape[1]},
    )


def _neuron_correlation(recorded: NDArray[np.floating], predicted: NDArray[np.floating]) -> NDArray[np.float64]:
    """As `neuron_correlation`; a neuron that does not vary is predicted by nothing and counts as 0."""
    return np.nan_to_num(neuron_correlation(recorded, predicted), nan=0.0)


def predicted_responses(encoder: Encoder, trial: Trial, mouse: int) -> NDArray[np.float32]:
    """Responses (N, T) that an encoder predicts for a trial's own movie and behaviour."""
    inputs = encoder_inputs(trial.movie, trial.behavior, trial.pupil_center)
    return predict(encoder, inputs, mouse).float().cpu().numpy()


def cost_file(checkpoint: Path) -> Path:
    """Where the cost of training an encoder stands."""
    return checkpoint.with_suffix(".cost.json")


def training_log(checkpoint: Path) -> list[dict[str, Any]]:
    """What training noted beside a checkpoint, step by step."""
    log = read_json(checkpoint.with_suffix(".history.json"))
    return log if isinstance(log, list) else []
