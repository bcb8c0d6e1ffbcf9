"""Encoders of the planning mouse, which differ in the noise of its recording alone."""

from movrecon_core.encoders.training import TrainingConfig
from movrecon_core.recordings import Recording
from movrecon_core.recordings.folds import split_trials
from movrecon_core.simulation import SimulationConfig, simulate_mouse
from movrecon_core.study.growth import Growth, segments
from movrecon_core.study.stage import Definition, Stage, Task, as_json
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker

RULE = "fold:0"
"""Which movies of the planning mouse are held out."""


def _simulation(study: Study, ceiling: float) -> SimulationConfig:
    """The planning mouse at one noise level: the same neurons and movies at each."""
    settings = study.profile.planning
    size = {"mice": 1, "ceiling": ceiling, "neurons": settings.neurons, "trials": settings.trials}
    return study.profile.simulation.of_mouse(0).model_copy(update=size)


def _training(study: Study) -> TrainingConfig:
    return study.profile.planning.training or study.profile.training


def _define(study: Study, ceiling: float) -> tuple[str, Definition]:
    return f"planning-{ceiling:g}", {
        "simulation": as_json(_simulation(study, ceiling)),
        "encoder": as_json(study.profile.encoder),
        "training": as_json(_training(study)),
        "seed": study.profile.seed,
    }


def planning_recording(study: Study, ceiling: float) -> Recording:
    """The planning mouse at one noise level; it is simulated where it is not there."""
    folder = study.out / "recordings" / study.unit("planning-encoders", ceiling).name
    return simulate_mouse(folder, _simulation(study, ceiling), study.profile.seed)


def _train(work: Worker, task: Task) -> None:
    ((ceiling,),), (unit,), study = task.keys, task.units, work.study
    recording = planning_recording(study, ceiling)
    trials = [split_trials(recording, RULE).training]
    work.train(unit, [recording], trials, study.profile.encoder, _training(study), study.profile.seed)


def _growth(study: Study, ceiling: float) -> Growth:
    return segments(_training(study))


PLANNING_ENCODERS = Stage(
    name="planning-encoders",
    label="planning: encoders",
    item="noise level",
    part="planning",
    keys=lambda study: [(ceiling,) for ceiling in study.profile.planning.ceilings],
    define=_define,
    perform=_train,
    growth=_growth,
    trains=True,
)
