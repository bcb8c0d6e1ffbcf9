"""Planning an experiment: how well movies are found if less had been recorded of a mouse, or otherwise."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import xarray as xr

from movrecon_core.analysis import SKIPPED_FRAMES, neuron_correlation, video_correlation
from movrecon_core.decoders.by_name import LEARNERS
from movrecon_core.decoders.roots import learn_roots
from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.encoders.prediction import WINDOW_SIZE, predicted_responses
from movrecon_core.encoders.training import TrainingConfig, train_encoder
from movrecon_core.errors import ReconstructionError
from movrecon_core.reconstruction import Guide, Target, learn_misfit, reconstruct
from movrecon_core.recordings import FRAME_RATE, Recording, Trial, load_array
from movrecon_core.storage.cost import Cost
from movrecon_core.study.growth import Growth, segments
from movrecon_core.study.guides import guide_of
from movrecon_core.study.planned_recording import keep_part
from movrecon_core.study.plans import SECONDS, Plan, kept_movies, kept_neurons, planned
from movrecon_core.study.profile import encoder_parameters
from movrecon_core.study.stage import Definition, Stage, Task, as_json
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker

COORDINATES = Path("meta", "neurons", "cell_motor_coordinates.npy")
"""Of a recording: places of its neurons, micrometres."""


def _define(study: Study, mouse: int, plan: Plan) -> tuple[str, Definition]:
    file = study.recordings[mouse].path / COORDINATES
    movies = _movies(study, mouse)
    return f"{study.mice[mouse]}-{plan.name}", {
        "mouse": mouse,
        "plan": as_json(plan),
        "coordinates": study.digests.of(file) if file.is_file() else None,
        "trials": study.trials.digest_of_role(mouse, "training"),
        "movies": {str(trial): study.trials.digest_of_trial(mouse, trial) for trial in movies},
        "neurons": study.trials.truth_digest(mouse, movies[0]) if plan.indicator is not None else None,
        "mask": study.unit("masks", mouse).name,
        "encoder": as_json(study.profile.encoder),
        "training": as_json(_training(study)),
        "reconstruction": as_json(study.profile.reconstruction),
        "seed": study.profile.seed,
    }


def _movies(study: Study, mouse: int) -> tuple[int, ...]:
    """Trials of a mouse that are reconstructed under every plan."""
    return study.trials.reconstructed(mouse)[: study.profile.planning.movies]


def _training(study: Study) -> TrainingConfig:
    return study.profile.planning.training or study.profile.training


def _plan(work: Worker, task: Task) -> None:
    """Record, train and reconstruct as planned; a plan that asks for more than was recorded is stored with the reason.

    Nothing of the planned recording stays but its numbers.
    """
    ((mouse, plan),), (unit,), study = task.keys, task.units, work.study
    with Cost() as cost, TemporaryDirectory() as folder:
        training = study.trials.of_role(mouse, "training")
        try:
            neurons = _neurons(study.recordings[mouse], plan, study.profile.seed)
            frames = [study.recordings[mouse].movie(trial).shape[0] for trial in training]
            training = training[: kept_movies(np.array(frames), plan.minutes)]
        except ReconstructionError as error:
            dataset = xr.Dataset(attrs={"left_out": str(error)})
        else:
            trials = (*training, *_movies(study, mouse))
            part = keep_part(study.recordings[mouse], trials, neurons, plan.indicator, Path(folder), study.profile.seed)
            dataset = _reconstructed(work, mouse, part, training, Path(folder) / f"{unit.label}.pth")
    work.save(unit, dataset, cost)


def _neurons(recording: Recording, plan: Plan, seed: int) -> np.ndarray:
    file = recording.path / COORDINATES
    if not file.is_file():
        raise ReconstructionError("the recording does not say where its neurons are")
    return kept_neurons(load_array(file), plan, seed)


def _reconstructed(
    work: Worker, mouse: int, part: Recording, training: tuple[int, ...], checkpoint: Path
) -> xr.Dataset:
    """Video correlation (movie,) of movies found through an encoder that was trained on a part of a recording."""
    study, settings = work.study, work.study.profile.encoder
    parameters = encoder_parameters(settings, (part.neurons,))
    encoder = train_encoder(
        [part],
        [training],
        settings.architecture,
        parameters,
        _training(study),
        study.profile.seed,
        checkpoint,
        work.device,
    )
    shown = [part.trial(trial) for trial in _movies(study, mouse)]
    targets = _targets(study, mouse, encoder, [part.trial(trial) for trial in training], shown)
    found = reconstruct([encoder], 0, targets, study.profile.reconstruction, device=work.device)
    pixels = crop_movie(study.results.evaluation_mask(mouse))
    correlation = [
        video_correlation(trial.movie[SKIPPED_FRAMES:], crop_movie(result.movie)[SKIPPED_FRAMES:], pixels)
        for trial, result in zip(shown, found, strict=True)
    ]
    predicted, recorded = _responses(encoder, shown)
    single_trial = np.nan_to_num(neuron_correlation(recorded, predicted)).mean()
    return xr.Dataset(
        {"video_correlation": ("movie", np.array(correlation))},
        coords={"movie": [trial.index for trial in shown]},
        attrs={"neurons": part.neurons, "single_trial_correlation": float(single_trial)},
    )


def _targets(study: Study, mouse: int, encoder: Encoder, training: list[Trial], shown: list[Trial]) -> list[Target]:
    """What the movies have to explain; guided, as in the study, by what was learned of the kept neurons and minutes."""
    config = study.profile.reconstruction
    guides: list[Guide | None] = [None] * len(shown)
    if config.decoder is not None:
        decoder = LEARNERS[config.decoder][1](training, study.profile.seed)
        predicted, recorded = _responses(encoder, training)
        misfit = learn_misfit([recorded], [predicted], learn_roots([trial.responses for trial in training]))
        guides = [guide_of(decoder, trial.responses, [misfit]) for trial in shown]
    return [
        Target(trial.responses, trial.behavior, trial.pupil_center, study.results.training_mask(mouse), guide=guide)
        for trial, guide in zip(shown, guides, strict=True)
    ]


def _responses(encoder: Encoder, trials: list[Trial]) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and recorded responses (N, T) to some trials, one after another."""
    predicted = [predicted_responses(encoder, 0, t.movie, t.behavior, t.pupil_center) for t in trials]
    return np.concatenate(predicted, axis=1), np.concatenate([trial.responses for trial in trials], axis=1)


def _growth(study: Study, mouse: int, plan: Plan) -> Growth:
    """With segments that an encoder is trained on, and those that its decoder learns from; an indicator is a kind."""
    training = _training(study)
    recorded = plan.minutes * SECONDS * FRAME_RATE / (training.segment_frames or WINDOW_SIZE)
    return Growth(plan.indicator or "", segments(training).amount + recorded)


PLANNING = Stage(
    name="planning",
    label="planning",
    item="plan",
    part="planning",
    keys=planned,
    define=_define,
    perform=_plan,
    growth=_growth,
)
