"""The encoders: several instances, which share the held-out movies and differ in the seed."""

from movrecon_core.study.scale import FLOAT_BYTES, Estimate, Scale
from movrecon_core.study.stage import Definition, Stage, Task, as_json
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker


def _define(study: Study, instance: int) -> tuple[str, Definition]:
    return f"instance-{instance}", {**training_definition(study), "seed": study.profile.seed + instance}


def training_definition(study: Study) -> Definition:
    """All that decides an encoder but its seed: data, architecture, training."""
    return {
        "trials": [study.trials_digest(mouse, "training") for mouse in range(len(study.recordings))],
        "encoder": as_json(study.profile.encoder),
        "training": as_json(study.profile.training),
    }


def _train(work: Worker, task: Task) -> None:
    ((instance,),), (unit,), study = task.keys, task.units, work.study
    trials = [study.trials_with(mouse, "training") for mouse in range(len(study.recordings))]
    seed = study.profile.seed + instance
    work.train(unit, study.recordings, trials, study.profile.encoder, study.profile.training, seed)


def _estimate(scale: Scale) -> Estimate:
    training, instances = scale.profile.training, scale.profile.instances
    segments = training.steps * training.batch * instances
    return Estimate(segments * scale.seconds_of_a_segment, instances * scale.weights * FLOAT_BYTES)


ENCODERS = Stage(
    name="encoders",
    label="encoders",
    item="encoder",
    part="encoders",
    keys=lambda study: [(instance,) for instance in range(study.profile.instances)],
    define=_define,
    perform=_train,
    estimate=_estimate,
    trains=True,
)
