"""Planning an experiment in silico: one mouse at several noise levels, reconstructed from parts of its population."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from movrecon_core.analysis import SKIPPED_FRAMES, neuron_correlation, video_correlation
from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.encoders.prediction import predicted_responses
from movrecon_core.errors import ReconstructionError
from movrecon_core.reconstruction import (
    Target,
    evaluation_mask,
    nested_populations,
    reconstruct,
    training_mask,
    without_decoder,
)
from movrecon_core.recordings import Trial, load_array
from movrecon_core.recordings.folds import split_trials
from movrecon_core.storage.cost import Cost
from movrecon_core.study.growth import Growth, frames_of, reconstructed
from movrecon_core.study.stage import Definition, Stage, Task, as_json
from movrecon_core.study.stages.planning_encoders import RULE, planning_recording
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker

MICROMETRES_A_MILLIMETRE = 1000


def _define(study: Study, ceiling: float) -> tuple[str, Definition]:
    settings = study.profile.planning
    return f"ceiling-{ceiling:g}", {
        "encoder": study.encoder_digest(study.unit("planning-encoders", ceiling)),
        "mask": study.unit("planning-mask").name,
        "reconstruction": as_json(without_decoder(study.profile.reconstruction)),
        "fractions": settings.fractions,
        "areas": _areas(study, ceiling),
        "movies": settings.movies,
        "seed": study.profile.seed,
    }


def _areas(study: Study, ceiling: float) -> tuple[float, ...]:
    """Only one noise level is looked at patch by patch: area and noise are taken to act apart."""
    settings = study.profile.planning
    return settings.areas if ceiling == settings.patched_ceiling else (1.0,)


def _plan(work: Worker, task: Task) -> None:
    ((ceiling,),), (unit,), study = task.keys, task.units, work.study
    with Cost() as cost:
        encoder = work.load(study.unit("planning-encoders", ceiling))
        dataset = _reconstructions(work, encoder, ceiling)
    work.save(unit, dataset, cost)


def _reconstructions(work: Worker, encoder: Encoder, ceiling: float) -> xr.Dataset:
    """Video correlation (population, movie) of movies found from every part of the population."""
    study, settings = work.study, work.study.profile.planning
    recording = planning_recording(study, ceiling)
    trials = [recording.trial(trial) for trial in split_trials(recording, RULE).held_out]
    coordinates = load_array(recording.path / "meta" / "neurons" / "cell_motor_coordinates.npy")[:, :2]
    parts = nested_populations(coordinates, settings.fractions, _areas(study, ceiling), study.profile.seed)
    alpha = study.result("planning-mask")["alpha"].values
    pixels = crop_movie(evaluation_mask(alpha))
    if not pixels.any():
        raise ReconstructionError("planning: no pixel of the mask reaches 1; planning.training may be too short")
    shown = trials[: settings.movies]
    targets = [
        Target(trial.responses, trial.behavior, trial.pupil_center, training_mask(alpha), neurons_in_loss=kept)
        for kept in parts.values()
        for trial in shown
    ]
    size, config = study.profile.batch_trials, without_decoder(study.profile.reconstruction)
    found = [
        result.movie
        for first in range(0, len(targets), size)
        for result in reconstruct([encoder], 0, targets[first : first + size], config, device=work.device)
    ]
    correlation = [
        video_correlation(trial.movie[SKIPPED_FRAMES:], crop_movie(movie)[SKIPPED_FRAMES:], pixels)
        for trial, movie in zip(shown * len(parts), found, strict=True)
    ]
    return xr.Dataset(
        {
            "video_correlation": (("population", "movie"), np.reshape(correlation, (len(parts), len(shown)))),
            "neurons": ("population", [int(kept.sum()) for kept in parts.values()]),
            "area": ("population", [_patch(coordinates, area) for _, area in parts]),
        },
        coords={"movie": [trial.index for trial in shown]},
        attrs={"single_trial_correlation": _single_trial_correlation(encoder, trials)},
    )


def _patch(coordinates: NDArray[np.floating], area: float) -> float:
    """Area in mm² of the patch that holds a fraction of the neurons."""
    everyone = next(iter(nested_populations(coordinates, (area,), (area,), 0).values()))
    return float(ConvexHull(coordinates[everyone] / MICROMETRES_A_MILLIMETRE).volume)


def _single_trial_correlation(encoder: Encoder, trials: list[Trial]) -> float:
    predicted = [predicted_responses(encoder, 0, t.movie, t.behavior, t.pupil_center) for t in trials]
    recorded = np.concatenate([trial.responses for trial in trials], axis=1)
    return float(np.nan_to_num(neuron_correlation(recorded, np.concatenate(predicted, axis=1))).mean())


def _growth(study: Study, ceiling: float) -> Growth:
    settings, config = study.profile.planning, without_decoder(study.profile.reconstruction)
    parts = [fraction <= area for fraction in settings.fractions for area in _areas(study, ceiling)]
    found = reconstructed(config, frames_of(study, 0, 0))
    return found._replace(amount=settings.movies * sum(parts) * found.amount)


PLANNING = Stage(
    name="planning",
    label="planning: movies",
    item="noise level",
    part="planning",
    keys=lambda study: [(ceiling,) for ceiling in study.profile.planning.ceilings],
    define=_define,
    perform=_plan,
    growth=_growth,
)
