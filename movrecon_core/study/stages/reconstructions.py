"""The reconstructions: many movies of one mouse at once, each stored as soon as its batch is done."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.true_neurons import TrueNeurons
from movrecon_core.errors import ReconstructionError
from movrecon_core.reconstruction import (
    Reconstruction,
    ReconstructionConfig,
    UnfinishedError,
    reconstruct,
    without_decoder,
)
from movrecon_core.reconstruction.config import fast_config
from movrecon_core.recordings import FRAME_WIDTH
from movrecon_core.stimuli import NoiseStimulus, synthetic_movie
from movrecon_core.storage.cost import Cost
from movrecon_core.study.conditions import (
    Condition,
    Movie,
    movie_name,
    stimulus_definition,
)
from movrecon_core.study.first_look import first_look
from movrecon_core.study.growth import Growth, frames_of, frames_seen, reconstructed
from movrecon_core.study.guides import guide_definition, guided, misfits_of, neurons_misfit
from movrecon_core.study.kept import kept
from movrecon_core.study.microscopes import imaging_of, true_neurons
from movrecon_core.study.scale import FLOAT_BYTES, Estimate, Scale
from movrecon_core.study.sources import code_of
from movrecon_core.study.stage import Definition, Stage, Task, as_json, together
from movrecon_core.study.study import Key, Study
from movrecon_core.study.targets import behavior_definition, build_target
from movrecon_core.study.worker import Worker

THROUGH = replace(fast_config(None), learning_rate=120_000.0, precision=None, initial_grey=95.0)
"""Through the neurons of a simulation (chosen on a mouse of its own): from near the grey that they are adapted to."""

SHORT = 5
"""A natural movie is as long as so many synthetic ones (article: 10 s and 2 s); a batch holds so many more of them."""


def _keys(study: Study) -> Iterator[Key]:
    for mouse, movie, condition in study.asked.reconstructions():
        for instance in study.instances(condition):
            yield mouse, movie, instance, condition


def _define(
    study: Study, mouse: int, movie: Movie, instance: int | None, condition: Condition
) -> tuple[str, Definition]:
    """One movie, found with one encoder, or with all where `instance` is None."""
    name, found, shared = _define_alike(study, mouse, isinstance(movie, int), instance, condition)
    return f"{name}-{movie_name(movie)}-{found}", {
        **shared,
        "movie": _movie(study, mouse, movie),
        "showings": _showings(study, mouse, movie) if condition.target == "averaged" else None,
        "truth": study.trials.truth_digest(mouse, movie) if condition.needs_truth else None,
        "noise": study.unit("unshared", mouse, movie).name if condition.target == "unshared" else None,
        "behavior": behavior_definition(study, mouse, movie, condition),
    }


@kept
def _define_alike(
    study: Study, mouse: int, natural: bool, instance: int | None, condition: Condition
) -> tuple[str, str, Definition]:
    """What thousands of movies have in common, all natural or all synthetic: both ends of the label, the definition.

    It is given none of them, so that nothing of a single movie can get into it.
    """
    config = _config(study, natural, condition)
    through_neurons = condition.inverted == "neurons"
    found_with = "all-instances" if instance is None else f"instance-{instance}"
    found_with = "neurons" if through_neurons else found_with
    drawn = condition.neurons < 1 or condition.shuffled or condition.target == "noisy"
    used = () if through_neurons else study.used_instances(instance)
    seen = study.used_instances(None) if used and condition.target == "ensemble" else used
    return (
        study.mice[mouse],
        f"{found_with}-{condition.name}",
        {
            "mouse": mouse,
            "instance": instance,
            "condition": as_json(condition),
            "encoders": [study.encoder_digest(study.unit("encoders", one)) for one in seen],
            "population": study.unit("populations", mouse).name if condition.chosen != "random" else None,
            "expected": study.trials.digest_of_role(mouse, "training") if condition.expects_noise else None,
            "mask": study.unit("masks", mouse).name,
            "reconstruction": as_json(config),
            "guide": guide_definition(study, mouse, used, config),
            "seed": study.profile.seed if drawn else None,
        },
    )


@kept
def _movie(study: Study, mouse: int, movie: Movie) -> Definition:
    if isinstance(movie, int):
        return {"trial": movie, "content": study.trials.digest_of_trial(mouse, movie)}
    return {
        **stimulus_definition(movie),
        "seed": study.profile.seed if isinstance(movie, NoiseStimulus) else None,
        "behavior": study.trials.behavior_digest(mouse),
        "code": code_of(synthetic_movie),
    }


def _showings(study: Study, mouse: int, movie: Movie) -> list[str]:
    trials = study.trials.showings(mouse, movie) if isinstance(movie, int) else ()
    return [study.trials.digest_of_trial(mouse, trial) for trial in trials]


def _config(study: Study, natural: bool, condition: Condition) -> ReconstructionConfig:
    """How movies are found: synthetic ones without smoothed gradients or decoder, which would decide what is found.

    The published scripts, too, filter natural movies alone (method page, reconstruction, ensemble). Through the neurons
    themselves a movie is found whole: as through encoders where it starts from a decoder's, so that both can be
    compared; else with the fast method, in as many steps as they need.
    """
    config = study.profile.reconstruction
    if condition.inverted == "neurons":
        if config.decoder is not None and natural:
            return replace(config, window_frames=None, tiled_windows=False, precision=None)
        config = replace(THROUGH, iterations=study.profile.truth.iterations)
    return config if natural else replace(without_decoder(config), gradient_blur=(0.0, 0.0))


def _batches(study: Study, keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    """Movies of one mouse and instance, whatever their conditions, but for those through neurons."""
    for mouse in study.reconstructed_mice:
        study.results.evaluation_mask(mouse)  # nothing is reconstructed that could not be judged

    def shared(key: Key) -> Hashable:
        mouse, _, instance, condition = key
        return mouse, instance, condition if condition.inverted == "neurons" else None

    for natural, size in ((True, 1), (False, SHORT)):
        of_this_length = [key for key in keys if isinstance(key[1], int) == natural]
        yield from together(of_this_length, shared, size * study.profile.batch_trials)


def _reconstruct(work: Worker, task: Task) -> None:
    """Find the movies of a batch.

    Raises
    ------
    ReconstructionError
        If some of them could not be found, after the others were stored.
    """
    study = work.study
    mouse, _, instance, first = task.keys[0]
    through_neurons = first.inverted == "neurons"
    movies = [(movie, condition) for _, movie, _, condition in task.keys]
    failed: UnfinishedError | None = None
    with Cost() as cost:
        encoders = _inverted(work, mouse, instance, first)
        everyone = work.encoders() if any(condition.target == "ensemble" for _, condition in movies) else []
        targets = [build_target(study, mouse, movie, condition, encoders, everyone) for movie, condition in movies]
        config = _config(study, isinstance(movies[0][0], int), first)  # a batch has natural movies alone, or none
        readout = 0 if through_neurons else mouse
        if config.decoder is not None:
            conditions = [condition for _, condition in movies]
            if through_neurons:
                misfits = [
                    neurons_misfit(study, mouse, neurons) for neurons in encoders if isinstance(neurons, TrueNeurons)
                ]
            else:
                misfits = misfits_of(study, mouse, study.used_instances(instance))
            targets = guided(study, mouse, targets, conditions, misfits, config.decoder)
        results: Sequence[Reconstruction | None]
        try:
            # What the neurons compute of a movie takes several times the memory of an encoder's.
            batch = 1 if through_neurons else None
            results = reconstruct(encoders, readout, targets, config, batch=batch, device=work.device)
        except UnfinishedError as error:
            results, failed = error.finished, error
    found = zip(task.units, results, strict=True)
    work.save_together([(unit, _dataset(result)) for unit, result in found if result is not None], cost)
    if failed is not None:
        names = [f"{movie_name(m)} ({c.name})" for (m, c), r in zip(movies, results, strict=True) if r is None]
        using = "all instances" if instance is None else f"instance {instance}"
        using = "the simulated neurons" if through_neurons else using
        raise ReconstructionError(f"{study.mice[mouse]}, {using}, {', '.join(names)}: {failed}")


def _inverted(work: Worker, mouse: int, instance: int | None, condition: Condition) -> list[Encoder]:
    """What movies are found through."""
    study = work.study
    if condition.inverted == "neurons":
        recording, trials = study.recordings[mouse], study.trials.of_role(mouse, "training")
        imaging = imaging_of(recording, condition)
        if condition.target == "noisy":
            return [true_neurons(recording, imaging, trials, study.profile.seed)]
        neurons = TrueNeurons(recording, imaging)
        if condition.expects_noise:
            neurons.expect(
                (study.trials.noise_free(mouse, trial), study.trial(mouse, trial).responses) for trial in trials
            )
        return [neurons]
    return work.encoders() if instance is None else [work.load(study.unit("encoders", instance))]


def _dataset(result: Reconstruction) -> xr.Dataset:
    return xr.Dataset(
        {
            "movie": (("time", "y", "x"), result.movie.astype(np.float32)),
            "loss": ("iteration", result.loss.astype(np.float32)),
            "video_correlation": ("iteration", result.video_correlation.astype(np.float32)),
        }
    )


def _estimate(scale: Scale) -> Estimate:
    study, config = scale.study, scale.profile.reconstruction
    wanted = [
        (study.instances(condition), scale.frames(mouse, movie))
        for mouse, movie, condition in study.asked.reconstructions()
    ]
    used = [sum(len(study.used_instances(instance)) for instance in instances) for instances, _ in wanted]
    seen = sum(count * frames_seen(config, frames) for count, (_, frames) in zip(used, wanted, strict=True))
    pixels = sum(len(instances) * frames for instances, frames in wanted) * FRAME_WIDTH**2
    return Estimate(seen * config.iterations * scale.seconds_of_a_frame, pixels * FLOAT_BYTES)


def _growth(study: Study, mouse: int, movie: Movie, instance: int | None, condition: Condition) -> Growth:
    """Natural movies, synthetic ones and those through the neurons apart: other batches, other encoders."""
    through_neurons = condition.inverted == "neurons"
    kind = "natural" if isinstance(movie, int) else "synthetic"
    kind = f"{kind} through {condition.target}" if through_neurons else kind
    found = reconstructed(_config(study, isinstance(movie, int), condition), frames_of(study, mouse, movie), kind)
    return found if through_neurons else found._replace(amount=found.amount * len(study.used_instances(instance)))


RECONSTRUCTIONS = Stage(
    name="reconstructions",
    label="reconstructions",
    item="movie",
    part="reconstructions",
    keys=_keys,
    define=_define,
    perform=_reconstruct,
    batches=_batches,
    estimate=_estimate,
    growth=_growth,
    first_look=first_look,
)
