"""What a reconstruction has to explain, for any movie and condition."""

from collections.abc import Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.prediction import predicted_responses
from movrecon_core.encoders.true_neurons import shown_responses
from movrecon_core.errors import ReconstructionError
from movrecon_core.reconstruction import Target, population_mask
from movrecon_core.study.conditions import Condition, Movie, TargetKind, movie_name
from movrecon_core.study.microscopes import imaging_of
from movrecon_core.study.study import Study

_SEED_STEP = 1_000_003
"""Seeds of populations at another seed of the study are far from the scripts' own."""


def build_target(
    study: Study,
    mouse: int,
    movie: Movie,
    condition: Condition,
    inverted: Sequence[Encoder],
    everyone: Sequence[Encoder],
) -> Target:
    """Responses, behaviour and masks of one reconstruction.

    Parameters
    ----------
    study
        With recordings and masks.
    mouse
        Index of the mouse.
    movie
        A trial; or a synthetic stimulus, which is seen with the mouse's mean behaviour.
    condition
        How it is reconstructed.
    inverted
        Encoders that the movie is found with; they predict the responses of ``predicted``.
    everyone
        All instances, which predict those of ``ensemble``; not used otherwise.

    Raises
    ------
    ReconstructionError
        If the condition's target is unknown, or responses are asked for that nobody can know.
    """
    if condition.other_microscope and (isinstance(movie, int) or condition.target not in ("noise-free", "noisy")):
        raise ReconstructionError(
            f"{movie_name(movie)} ({condition.name}): another microscope sees noise-free or noisy responses of a "
            "simulation to synthetic movies; leave out indicator and scan_rate"
        )
    if isinstance(movie, int):
        trial = study.trial(mouse, movie)
        truth, behavior, pupil_center, responses = trial.movie, trial.behavior, trial.pupil_center, trial.responses
    else:
        truth = study.movie(mouse, movie)
        mean_behavior, mean_pupil = study.trials.mean_behavior(mouse)
        behavior, pupil_center = (np.repeat(mean[:, None], len(truth), axis=1) for mean in (mean_behavior, mean_pupil))
    match condition.target:
        case "recorded":
            if not isinstance(movie, int):
                raise ReconstructionError(f"{movie_name(movie)}: nobody recorded responses to it; predict them")
        case "averaged":
            if not isinstance(movie, int):
                raise ReconstructionError(f"{movie_name(movie)}: nobody recorded responses to it; predict them")
            shown = [study.trial(mouse, t) for t in study.trials.showings(mouse, movie)]
            frames = min(showing.frames for showing in shown)
            truth = truth[:frames]
            responses, behavior, pupil_center = (
                np.mean([getattr(showing, signal)[:, :frames] for showing in shown], axis=0)
                for signal in ("responses", "behavior", "pupil_center")
            )
        case "predicted":
            responses = _mean_prediction(inverted, mouse, truth, behavior, pupil_center)
        case "ensemble":
            responses = _mean_prediction(everyone, mouse, truth, behavior, pupil_center)
        case "noise-free" if isinstance(movie, int):
            responses = study.trials.noise_free(mouse, movie)
        case "unshared":
            responses = study.result("unshared", mouse, movie)["responses"].values
        case "noise-free" | "noisy":
            recording = study.recordings[mouse]
            noise = None if condition.target == "noise-free" else np.random.default_rng(_seed(study, mouse, movie))
            imaging = imaging_of(recording, condition)
            responses = shown_responses(recording, truth, behavior, pupil_center, noise, imaging)
        case unknown:
            known = ", ".join(get_args(TargetKind))
            raise ReconstructionError(f"{movie_name(movie)}: unknown target '{unknown}'; known: {known}")
    if condition.behavior != "given":
        behavior, pupil_center = _others(study, mouse, movie, condition, len(truth))
    if condition.shuffled:
        responses = responses[np.random.default_rng(_seed(study, mouse, movie)).permutation(len(responses))]
    kept = kept_neurons(study, mouse, movie, condition) if condition.neurons < 1 else None
    if kept is not None and condition.dropped == "silent":
        responses, kept = np.where(kept[:, None], responses, 0).astype(responses.dtype), None
    return Target(
        responses=responses,
        behavior=behavior,
        pupil_center=pupil_center,
        update_mask=study.results.training_mask(mouse, condition.mask),
        neurons_in_loss=kept,
        truth=truth,
        evaluation_mask=study.results.evaluation_mask(mouse),
    )


def _mean_prediction(encoders: Sequence[Encoder], mouse: int, *shown: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.mean([predicted_responses(encoder, mouse, *shown) for encoder in encoders], axis=0)


def _others(
    study: Study, mouse: int, movie: Movie, condition: Condition, frames: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Behaviour and pupil position (2, T) that are not a movie's own; a shorter trial's begin again."""
    if condition.behavior == "mean":
        behavior, pupil_center = (mean[:, None] for mean in study.trials.mean_behavior(mouse))
    else:
        trial = study.trial(mouse, study.trials.other_behavior(mouse, movie))
        behavior, pupil_center = trial.behavior, trial.pupil_center
    return behavior[:, np.arange(frames) % behavior.shape[1]], pupil_center[:, np.arange(frames) % behavior.shape[1]]


def behavior_definition(study: Study, mouse: int, movie: Movie, condition: Condition) -> str | None:
    """What decides the behaviour that is not a movie's own, for the definition of a unit; None: it is its own."""
    if condition.behavior == "mean":
        return study.trials.behavior_digest(mouse)
    return (
        study.trials.digest_of_trial(mouse, study.trials.other_behavior(mouse, movie))
        if condition.behavior == "other"
        else None
    )


def kept_neurons(study: Study, mouse: int, movie: Movie, condition: Condition) -> NDArray[np.bool_]:
    """Neurons (N,) that stay; the same for all instances of a movie, and a larger fraction holds a smaller one."""
    if condition.chosen != "random":
        places = study.results.orders(mouse)["place"].sel(way=condition.chosen).values
        return places < round(condition.neurons * len(places))
    return population_mask(study.recordings[mouse].neurons, condition.neurons, _seed(study, mouse, movie))


def _seed(study: Study, mouse: int, movie: Movie) -> int:
    """Scripts: by the movie's place in the fold's list and the mouse's among those reconstructed, no study's seed."""
    place = study.trials.of_fold(mouse).index(movie) if isinstance(movie, int) else 0
    return (place + 1) * (study.reconstructed_mice.index(mouse) + 1) + _SEED_STEP * study.profile.seed
