"""A profile's rehearsal: every stage at its real widths, with few mice's movies, steps and iterations."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from movrecon_core.encoders.training import TrainingConfig
from movrecon_core.reconstruction import MaskConfig, ReconstructionConfig
from movrecon_core.simulation import SimulationConfig
from movrecon_core.simulation.config import MouseSize
from movrecon_core.study.growth import frames_seen
from movrecon_core.study.profile import Profile
from movrecon_core.study.scale import Scale

TRIALS = (14, 28)
"""Of every other mouse: what grows with trials shows in the difference. Fewer hold no two movies of a fold."""
MICE, INSTANCES, MOVIES = 2, 2, 2
"""At most so many of them: one more takes as long as the one before."""
PLANNED_MINUTES = 1.0
"""Of training movies: fewer than `TRIALS` hold."""
PIXEL_STEP = 4
"""Of receptive fields: all pixels are sixteen times as many stimuli."""
SECONDS = 20.0
"""That the training of an encoder, or the finding of a movie, is made to take; it must stand out from what is done
once, such as reading and compiling."""
LEAST = 3
"""Steps or iterations, however long they take: two amounts of them are compared."""

Item = TypeVar("Item")


class Effort(NamedTuple):
    """Steps of a training and segments of each, iterations of a movie and of a mask: how far each is carried."""

    steps: int
    batch: int
    iterations: int
    mask_iterations: int

    @property
    def third(self) -> "Effort":
        """A third of all but the batch: from both follows what a step takes, and what is done once."""
        shorter = (max(1, round(count / 3)) for count in (self.steps, self.iterations, self.mask_iterations))
        return Effort(next(shorter), self.batch, *shorter)


def effort_of(scale: Scale, room: float) -> Effort:
    """So many steps and iterations that each takes some `SECONDS`, as a timed one says; no more than are asked for.

    Parameters
    ----------
    scale
        What is rehearsed.
    room
        Segments that fit the memory: a larger batch is rehearsed by one that does.
    """
    profile = scale.profile
    config = profile.reconstruction
    movie = scale.seconds_of_a_frame * frames_seen(config, profile.simulation.frames)
    batch = max(1, min(profile.training.batch, int(room)))
    steps = _within(scale.seconds_of_a_segment * batch, profile.training.steps)
    iterations = _within(movie, config.iterations)
    return Effort(steps, batch, iterations, min(profile.mask.iterations, 10 * iterations))


def rehearsal_of(profile: Profile, effort: Effort, mice: Sequence[str]) -> Profile:
    """All stages of a profile, their widths as they are: neurons, encoder, frames, windows, batch where it fits.

    Parameters
    ----------
    profile
        The study that is rehearsed.
    effort
        How far training and reconstructions are carried.
    mice
        Names of those whose movies are reconstructed.
    """
    noise, gratings, planning = profile.noise, profile.gratings, profile.planning
    methods = {name: _found(config, effort) for name, config in profile.baselines.methods.items()}
    few = profile.variations.trials_per_mouse, profile.population.trials_per_mouse, profile.truth.trials_per_mouse
    variations, population, truth = (min(1, count) for count in few)
    return profile.model_copy(
        update={
            "rehearsal": True,
            "reconstructed_mice": tuple(mice),
            "reconstructed_trials": {},  # places among movies that are not all there
            "trials_per_mouse": min(MOVIES, profile.trials_per_mouse),
            "instances": min(INSTANCES, profile.instances),
            "simulation": _simulated(profile.simulation),
            "encoders": profile.encoders.model_copy(update={"checkpoints": profile.encoders.checkpoints[:INSTANCES]}),
            "masks": profile.masks.model_copy(
                update={"files": profile.masks.files[:MICE], "instances": min(INSTANCES, profile.masks.instances)}
            ),
            "training": _trained(profile.training, effort),
            "mask": _masked(profile.mask, effort),
            "receptive_fields": profile.receptive_fields.model_copy(update={"pixel_step": PIXEL_STEP, "instances": 1}),
            "reconstruction": _found(profile.reconstruction, effort),
            "variations": profile.variations.model_copy(update={"trials_per_mouse": variations}),
            "population": profile.population.model_copy(update={"trials_per_mouse": population}),
            "truth": profile.truth.model_copy(
                update={"trials_per_mouse": truth, "iterations": min(profile.truth.iterations, effort.iterations)}
            ),
            "noise": noise.model_copy(
                update={
                    "lengths": _ends(noise.lengths),
                    "durations": _ends(noise.durations),
                    "samples": min(1, noise.samples),
                    "mice": min(1, noise.mice),
                }
            ),
            "gratings": gratings.model_copy(
                update={
                    "directions": gratings.directions[:1],
                    "spatial_frequencies": _ends(gratings.spatial_frequencies),
                    "temporal_frequencies": _ends(gratings.temporal_frequencies),
                    "mice": min(1, gratings.mice),
                }
            ),
            "comparison": profile.comparison
            and profile.comparison.model_copy(
                update={
                    "training": _trained(profile.comparison.training, effort),
                    "reconstruction": _found(profile.comparison.reconstruction, effort),
                    "trials_per_mouse": min(1, profile.comparison.trials_per_mouse),
                    "instances": 1,
                }
            ),
            "baselines": profile.baselines.model_copy(
                update={"methods": methods, "trials_per_mouse": min(1, profile.baselines.trials_per_mouse)}
            ),
            "planning": planning.model_copy(
                update={
                    "densities": planning.densities[:1],
                    "areas": planning.areas[:1],
                    "planes": planning.planes[:1],
                    "minutes": (PLANNED_MINUTES,),
                    "indicators": planning.indicators[:1],
                    "movies": min(MOVIES, planning.movies),
                    "training": planning.training and _trained(planning.training, effort),
                }
            ),
            "notebooks": {name: {} for name in profile.notebooks},  # their parameters name movies, too
        }
    )


def longer(rehearsal: Profile, effort: Effort, asked: Profile) -> Profile:
    """The fewest units of a rehearsal that take part in the comparison of efforts, carried further than its own.

    Parameters
    ----------
    rehearsal
        As `rehearsal_of` makes it.
    effort
        The larger one.
    asked
        The profile that is rehearsed.
    """
    further = rehearsal_of(asked, effort, rehearsal.reconstructed_mice or ())
    return further.model_copy(
        update={
            # As many instances as there: how many are trained side by side decides the threads of each.
            "trials_per_mouse": 1,
            "from_predicted": False,
            "variations": further.variations.model_copy(update={"trials_per_mouse": 0}),
            "population": further.population.model_copy(update={"trials_per_mouse": 0}),
            "noise": further.noise.model_copy(
                update={"lengths": further.noise.lengths[:1], "durations": further.noise.durations[:1]}
            ),
            "gratings": further.gratings.model_copy(update={"mice": 0}),
            "notebooks": {},
        }
    )


def _simulated(config: SimulationConfig) -> SimulationConfig:
    """As many mice of the same sizes, with few trials."""
    sizes = [config.of_mouse(mouse) for mouse in range(config.mice)]
    trials = [min(size.trials, TRIALS[mouse % 2]) for mouse, size in enumerate(sizes)]
    others = zip(sizes[1:], trials[1:], strict=True)
    return config.model_copy(
        update={
            "trials": trials[0],
            "oracle_trials": min(1, config.oracle_trials),
            "repeats": min(2, config.repeats),
            "others": tuple(MouseSize(trials=n, frames=size.frames, neurons=size.neurons) for size, n in others),
        }
    )


def _trained(config: TrainingConfig, effort: Effort) -> TrainingConfig:
    """Some steps, all of them while the learning rate rises."""
    batch = min(effort.batch, config.batch)
    steps = float(min(effort.steps, config.steps))
    return replace(config, batch=batch, segments_per_epoch=batch, warm_up_epochs=steps, cosine_epochs=0.0)


def _found(config: ReconstructionConfig, effort: Effort) -> ReconstructionConfig:
    return replace(config, iterations=min(effort.iterations, config.iterations))


def _masked(config: MaskConfig, effort: Effort) -> MaskConfig:
    """Few iterations that lead as far, so that there are pixels to reconstruct in."""
    iterations = min(effort.mask_iterations, config.iterations)
    return replace(config, iterations=iterations, learning_rate=config.learning_rate * config.iterations / iterations)


def _within(seconds: float, most: int) -> int:
    return min(most, max(LEAST, round(SECONDS / max(seconds, 1e-9))))


def _ends(values: tuple[Item, ...]) -> tuple[Item, ...]:
    """The first and the last."""
    return tuple(dict.fromkeys((*values[:1], *values[-1:])))
