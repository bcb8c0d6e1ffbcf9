"""What encoders predict for a movie and for its reconstruction (article, Fig. 1–S2D and Fig. 6)."""

from functools import partial

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis import grey_outside_mask, match_contrast_luminance
from movrecon_core.analysis.metrics import GREY
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.encoders.prediction import predicted_responses
from movrecon_core.reconstruction import ensemble
from movrecon_core.reconstruction.objective import poisson_loss
from movrecon_core.storage.cost import Cost
from movrecon_core.study.conditions import PREDICTED, RECORDED, movie_name
from movrecon_core.study.growth import Growth
from movrecon_core.study.scale import FLOAT_BYTES, Estimate, Scale
from movrecon_core.study.stage import Definition, Stage, Task
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker

LOSS_FRAMES = 32
"""Frames at the start that the scripts' own log of the loss leaves out."""


def _define(study: Study, mouse: int, trial: int) -> tuple[str, Definition]:
    found = [
        unit for condition in study.conditions for unit in study.results.reconstruction_units(mouse, trial, condition)
    ]
    return f"{study.mice[mouse]}-{movie_name(trial)}", {
        "reconstructions": [unit.name for unit in found],
        "mask": study.unit("masks", mouse).name,
        "encoders": study.encoder_digests(),
    }


def _predict(work: Worker, task: Task) -> None:
    """Predict the responses to a movie, to the movie inside the training mask, and to its reconstructions.

    Scripts, not the article, say of which reconstruction: see `Results.responses`.
    """
    study = work.study
    ((mouse, number),), (unit,) = task.keys, task.units
    with Cost() as cost:
        trial = study.trial(mouse, number)
        mask, inside = crop_movie(study.results.training_mask(mouse)), crop_movie(study.results.evaluation_mask(mouse))
        instances = study.results.instance_movies(mouse, number, RECORDED)
        found = crop_movie(ensemble(list(instances), None))
        stimuli: dict[str, list[NDArray[np.floating]]] = {
            "true": [trial.movie],
            "masked": [grey_outside_mask(trial.movie, mask)],
            "reconstructed": [found],
            "matched": [match_contrast_luminance(found, trial.movie, mask)],
        }
        if PREDICTED in study.conditions:
            expected = study.results.instance_movies(mouse, number, PREDICTED)
            stimuli["expected"] = [grey_outside_mask(crop_movie(movie), inside) for movie in expected]
        predicted = {name: np.zeros(trial.responses.shape, np.float32) for name in (*stimuli, "evoked")}
        losses = []
        for encoder, movie in zip(work.encoders(), instances, strict=True):
            respond = partial(predicted_responses, encoder, mouse)
            for name, movies in stimuli.items():
                for shown in movies:
                    predicted[name] += respond(shown, trial.behavior, trial.pupil_center) / len(movies)
            shown = grey_outside_mask(crop_movie(movie), inside)
            evoked = respond(shown, trial.behavior, trial.pupil_center)
            grey = respond(np.full_like(shown, GREY), trial.behavior, trial.pupil_center)
            predicted["evoked"] += evoked
            losses.append([_loss(values, trial.responses) for values in (grey, evoked)])
    dataset = xr.Dataset(
        {
            "recorded": (("neuron", "time"), trial.responses),
            "predicted": (("stimulus", "neuron", "time"), np.stack(list(predicted.values())) / study.profile.instances),
            "loss": (("instance", "movie"), np.array(losses)),
        },
        attrs={"stimuli": list(predicted)},
    )
    work.save(unit, dataset, cost)


def _loss(predicted: NDArray[np.floating], recorded: NDArray[np.floating]) -> float:
    """Poisson loss from the first frame that two stacks of the encoder see in full (scripts: 32)."""
    pair = (torch.from_numpy(x[None, :, LOSS_FRAMES:].astype(np.float64)) for x in (predicted, recorded))
    return float(poisson_loss(*pair))


def _estimate(scale: Scale) -> Estimate:
    shown = 7 if scale.profile.from_predicted else 6  # recorded, and to each movie that is shown
    values = sum(scale.sizes[mouse] * scale.frames(mouse, trial) for mouse, trial in scale.study.movies())
    return Estimate(None, shown * values * FLOAT_BYTES)


def _growth(study: Study, mouse: int, trial: int) -> Growth:
    return Growth(amount=study.profile.instances)


RESPONSES = Stage(
    name="responses",
    label="responses",
    item="movie",
    part="responses",
    keys=lambda study: study.movies(),
    define=_define,
    perform=_predict,
    estimate=_estimate,
    growth=_growth,
)
