"""What the seconds of a unit grow with, so that units of a small study say what those of a large one take."""

from typing import NamedTuple

from movrecon_core.encoders.training import TrainingConfig
from movrecon_core.reconstruction import ReconstructionConfig
from movrecon_core.reconstruction.windows import window_starts
from movrecon_core.stimuli import GratingStimulus, NoiseStimulus, gaussian_noise, gratings
from movrecon_core.study.conditions import Movie
from movrecon_core.study.study import Study

_SYNTHETIC_FRAMES: dict[type, int] = {NoiseStimulus: gaussian_noise.FRAMES, GratingStimulus: gratings.FRAMES}


class Growth(NamedTuple):
    """Seconds of a unit: a part that is always there, and one in proportion to the amount, both those of its kind.

    Attributes
    ----------
    kind
        Units of one kind do the same work, more or less of it.
    amount
        Of what grows: steps, iterations, frames, trials.
    """

    kind: str = ""
    amount: float = 1.0


def constant(study: Study, *key: object) -> Growth:
    """Of units that take the same in a study of any size."""
    return Growth()


def in_training_trials(study: Study, mouse: int, *rest: object) -> Growth:
    """Of units that read a mouse's training movies."""
    return Growth(amount=len(study.trials.of_role(mouse, "training")))


def segments(training: TrainingConfig) -> Growth:
    """Of an encoder that is trained: segments of all steps."""
    return Growth(amount=training.steps * training.batch)


def frames_of(study: Study, mouse: int, movie: Movie) -> int:
    """Length of a movie; a recorded one has as many frames as a simulated one."""
    return _SYNTHETIC_FRAMES.get(type(movie), study.profile.simulation.of_mouse(mouse).frames)


def frames_seen(config: ReconstructionConfig, frames: int) -> int:
    """Frames of a movie that an encoder sees in one iteration."""
    if config.window_frames is None:
        return frames
    count = (
        -(-frames // config.window_frames) + 1
        if config.tiled_windows
        else len(window_starts(frames, config.window_frames, config.window_stride))
    )
    return count * config.window_frames


def reconstructed(config: ReconstructionConfig, frames: int, kind: str = "") -> Growth:
    """Of a movie that is found: frames that encoders see in all iterations."""
    return Growth(kind, config.iterations * frames_seen(config, frames))
