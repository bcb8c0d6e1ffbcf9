"""How well the encoders predict held-out responses."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis import neuron_correlation
from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.prediction import predicted_responses
from movrecon_core.study.cost import Cost
from movrecon_core.study.stage import Definition, Stage, Task
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker


def _define(study: Study, mouse: int) -> tuple[str, Definition]:
    return study.mice[mouse], {
        "mouse": mouse,
        "encoders": study.encoder_digests(),
        "trials": study.trials_digest(mouse, "held-out"),
    }


def _evaluate(work: Worker, task: Task) -> None:
    ((mouse,),), (unit,) = task.keys, task.units
    with Cost() as cost:
        dataset = _evaluation(work.study, work.encoders(), mouse)
    work.save(unit, dataset, cost)


def _evaluation(study: Study, encoders: Sequence[Encoder], mouse: int) -> xr.Dataset:
    """Correlation of predicted with recorded responses over all frames of the held-out movies, neuron by neuron."""
    trials = [study.trial(mouse, t) for t in study.trials_with(mouse, "held-out")]
    recorded = np.concatenate([trial.responses for trial in trials], axis=1)  # (N, frames of all movies)
    mean = np.zeros_like(recorded)
    correlation = []
    for encoder in encoders:
        predicted = np.concatenate(
            [predicted_responses(encoder, mouse, t.movie, t.behavior, t.pupil_center) for t in trials], axis=1
        )
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


EVALUATIONS = Stage(
    name="evaluations",
    label="encoders: held-out responses",
    item="mouse",
    part="encoders",
    keys=lambda study: [(mouse,) for mouse in range(len(study.mice))],
    define=_define,
    perform=_evaluate,
)
