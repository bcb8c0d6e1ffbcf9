"""What encoders predict for a movie and for its reconstruction (article, Fig. 1–S2D and Fig. 6)."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis import grey_outside_mask, match_mean_image
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.reconstruction import ensemble
from movrecon_core.study.conditions import PREDICTED, RECORDED
from movrecon_core.study.cost import Cost
from movrecon_core.study.stages.encoders import predicted_responses
from movrecon_core.study.study import Study
from movrecon_core.study.tasks import Stage, Task, missing
from movrecon_core.study.work import Work


def response_tasks(study: Study) -> list[Task]:
    """Natural movies whose responses were not predicted yet."""
    units = [(mouse, trial, study.response_unit(mouse, trial)) for mouse, trial in study.movies()]
    return [Task("responses", (unit,), (mouse, trial)) for mouse, trial, unit in units if missing(study, [unit])]


def predict_responses(work: Work, task: Task) -> None:
    """Predict the responses to a movie, to the movie inside the training mask, and to its reconstructions."""
    study = work.study
    (mouse, number), (unit,) = task.arguments, task.units
    with Cost() as cost:
        trial = study.trial(mouse, number)
        mask = crop_movie(study.training_mask(mouse))
        found = crop_movie(ensemble(list(study.instance_movies(mouse, number, RECORDED))))
        stimuli: dict[str, NDArray[np.floating]] = {
            "true": trial.movie,
            "masked": grey_outside_mask(trial.movie, mask),
            "reconstructed": found,
            "matched": match_mean_image(found, trial.movie, mask),
        }
        if PREDICTED in study.conditions:
            stimuli["expected"] = crop_movie(ensemble(list(study.instance_movies(mouse, number, PREDICTED))))
        predicted = np.zeros((len(stimuli), *trial.responses.shape), dtype=np.float32)
        for encoder in work.encoders():
            for mean, movie in zip(predicted, stimuli.values(), strict=True):
                mean += predicted_responses(encoder, mouse, movie, trial.behavior, trial.pupil_center)
        predicted /= study.profile.instances
    dataset = xr.Dataset(
        {
            "recorded": (("neuron", "time"), trial.responses),
            "predicted": (("stimulus", "neuron", "time"), predicted),
        },
        attrs={"stimuli": list(stimuli)},
    )
    work.save(unit, dataset, cost)


RESPONSES = Stage("responses", "responses", "movie", response_tasks, predict_responses)
