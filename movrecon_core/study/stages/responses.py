"""What encoders predict for a movie and for its reconstruction (article, Fig. 1–S2D and Fig. 6)."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis import grey_outside_mask, match_mean_image
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.encoders.prediction import predicted_responses
from movrecon_core.reconstruction import ensemble
from movrecon_core.recordings import Trial
from movrecon_core.storage.cost import Cost
from movrecon_core.study.conditions import PREDICTED, RECORDED, movie_name
from movrecon_core.study.scale import FLOAT_BYTES, Estimate, Scale
from movrecon_core.study.stage import Definition, Stage, Task
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker


def _define(study: Study, mouse: int, trial: int) -> tuple[str, Definition]:
    found = [unit for condition in study.conditions for unit in study.reconstruction_units(mouse, trial, condition)]
    return f"{study.mice[mouse]}-{movie_name(trial)}", {
        "reconstructions": [unit.name for unit in found],
        "mask": study.unit("masks", mouse).name,
        "encoders": study.encoder_digests(),
    }


def _predict(work: Worker, task: Task) -> None:
    """Predict the responses to a movie, to the movie inside the training mask, and to its reconstructions."""
    study = work.study
    ((mouse, number),), (unit,) = task.keys, task.units
    with Cost() as cost:
        trial = study.trial(mouse, number)
        stimuli = shown_movies(study, mouse, trial)
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


def shown_movies(study: Study, mouse: int, trial: Trial) -> dict[str, NDArray[np.floating]]:
    """The movies (T, 36, 64) of a trial that are shown, named as in `Study.responses`."""
    mask = crop_movie(study.training_mask(mouse))
    found = crop_movie(ensemble(list(study.instance_movies(mouse, trial.index, RECORDED))))
    stimuli: dict[str, NDArray[np.floating]] = {
        "true": trial.movie,
        "masked": grey_outside_mask(trial.movie, mask),
        "reconstructed": found,
        "matched": match_mean_image(found, trial.movie, mask),
    }
    if PREDICTED in study.conditions:
        stimuli["expected"] = crop_movie(ensemble(list(study.instance_movies(mouse, trial.index, PREDICTED))))
    return stimuli


def _estimate(scale: Scale) -> Estimate:
    shown = 6 if scale.profile.from_predicted else 5  # recorded, and to each movie that is shown
    values = sum(scale.sizes[mouse] * scale.frames(mouse, trial) for mouse, trial in scale.study.movies())
    return Estimate(None, shown * values * FLOAT_BYTES)


RESPONSES = Stage(
    name="responses",
    label="responses",
    item="movie",
    part="responses",
    keys=lambda study: study.movies(),
    define=_define,
    perform=_predict,
    estimate=_estimate,
)
