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
from movrecon_core.encoders.training import TrainingConfig, train_encoder
from movrecon_core.recordings import Trial
from movrecon_core.study.cost import Cost
from movrecon_core.study.files import read_json, write_json
from movrecon_core.study.profile import EncoderSettings, encoder_parameters
from movrecon_core.study.study import Study
from movrecon_core.study.tasks import Stage, Task, missing
from movrecon_core.study.work import Work


def training_tasks(study: Study) -> list[Task]:
    """Instances that were not trained yet."""
    units = [study.encoder_unit(instance) for instance in range(study.profile.instances)]
    return [Task("encoders", (unit,), (instance,)) for instance, unit in enumerate(units) if missing(study, [unit])]


def train_instance(work: Work, task: Task) -> None:
    """Train one instance; they share the held-out movies and differ in the seed."""
    (instance,), profile = task.arguments, work.study.profile
    train_on_study(work, profile.encoder, profile.training, profile.seed + instance, work.study.checkpoint(instance))


def train_on_study(work: Work, encoder: EncoderSettings, training: TrainingConfig, seed: int, checkpoint: Path) -> None:
    """Train an encoder on the training movies of all mice, and note beside its checkpoint what that cost."""
    study = work.study
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    with Cost() as cost:
        train_encoder(
            list(study.recordings),
            [study.trials_with(mouse, "training") for mouse in range(len(study.recordings))],
            encoder.architecture,
            encoder_parameters(encoder, tuple(recording.neurons for recording in study.recordings)),
            training,
            seed,
            checkpoint,
            work.device,
        )
    write_json(cost_file(checkpoint), cost.attributes())


def evaluation_tasks(study: Study) -> list[Task]:
    """Mice whose held-out responses were not predicted yet."""
    units = [(mouse, study.evaluation_unit(mouse)) for mouse in range(len(study.recordings))]
    return [Task("evaluations", (unit,), (mouse,)) for mouse, unit in units if missing(study, [unit])]


def evaluate_encoders(work: Work, task: Task) -> None:
    """Correlate predicted with recorded responses over all frames of a mouse's held-out movies, neuron by neuron."""
    (mouse,), (unit,) = task.arguments, task.units
    with Cost() as cost:
        dataset = _evaluation(work, work.encoders(), mouse)
    work.save(unit, dataset, cost)


TRAINING = Stage("encoders", "encoders", "encoder", training_tasks, train_instance)
EVALUATION = Stage("evaluations", "encoders: held-out responses", "mouse", evaluation_tasks, evaluate_encoders)


def _evaluation(work: Work, encoders: Sequence[Encoder], mouse: int) -> xr.Dataset:
    trials = [work.study.trial(mouse, t) for t in work.study.trials_with(mouse, "held-out")]
    recorded = np.concatenate([trial.responses for trial in trials], axis=1)  # (N, frames of all movies)
    mean = np.zeros_like(recorded)
    correlation = []
    for encoder in encoders:
        predicted = np.concatenate([_predicted(encoder, mouse, trial) for trial in trials], axis=1)
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


def _predicted(encoder: Encoder, mouse: int, trial: Trial) -> NDArray[np.float32]:
    return predicted_responses(encoder, mouse, trial.movie, trial.behavior, trial.pupil_center)


def predicted_responses(
    encoder: Encoder,
    mouse: int,
    movie: NDArray[np.floating],
    behavior: NDArray[np.floating],
    pupil_center: NDArray[np.floating],
) -> NDArray[np.float32]:
    """Responses (N, T) that an encoder predicts for a movie (T, 36, 64) and behaviour (2, T)."""
    return predict(encoder, encoder_inputs(movie, behavior, pupil_center), mouse).float().cpu().numpy()


def cost_file(checkpoint: Path) -> Path:
    """Where the cost of training an encoder stands."""
    return checkpoint.with_suffix(".cost.json")


def training_log(checkpoint: Path) -> list[dict[str, Any]]:
    """What training noted beside a checkpoint, step by step."""
    log = read_json(checkpoint.with_suffix(".history.json"))
    return log if isinstance(log, list) else []
