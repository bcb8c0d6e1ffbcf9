"""The encoders: several instances, which share the held-out movies and differ in the seed."""

from movrecon_core.encoders.checkpoints import checkpoint_digest, save_checkpoint
from movrecon_core.storage.cost import Cost
from movrecon_core.storage.files import write_json
from movrecon_core.study.growth import Growth, segments
from movrecon_core.study.scale import FLOAT_BYTES, Estimate, Scale
from movrecon_core.study.stage import Definition, Stage, Task, as_json
from movrecon_core.study.study import Study, cost_file
from movrecon_core.study.worker import Worker


def _define(study: Study, instance: int) -> tuple[str, Definition]:
    if given := study.profile.encoders.checkpoints:
        file = study.digests.of(given[instance], checkpoint_digest)
        return f"instance-{instance}", {
            "checkpoint": file,
            "mice": study.mice,
            "encoder": as_json(study.profile.encoder),
        }
    return f"instance-{instance}", {**training_definition(study), "seed": study.profile.seed + instance}


def training_definition(study: Study) -> Definition:
    """All that decides an encoder but its seed: data, architecture, training."""
    return {
        "trials": [study.trials.digest_of_role(mouse, "training") for mouse in range(len(study.recordings))],
        "encoder": as_json(study.profile.encoder),
        "training": as_json(study.profile.training),
    }


def _train(work: Worker, task: Task) -> None:
    """Train an instance; or take the one that the profile names."""
    ((instance,),), (unit,), study = task.keys, task.units, work.study
    if given := study.profile.encoders.checkpoints:
        checkpoint = study.path(unit)
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        with Cost() as cost:
            save_checkpoint(checkpoint, work.given(given[instance]), {"mice": study.mice})
        write_json(cost_file(checkpoint), cost.attributes())
        return
    trials = [study.trials.of_role(mouse, "training") for mouse in range(len(study.recordings))]
    seed = study.profile.seed + instance
    work.train(unit, study.recordings, trials, study.profile.encoder, study.profile.training, seed)


def _estimate(scale: Scale) -> Estimate:
    training, instances = scale.profile.training, scale.profile.instances
    if scale.profile.encoders.checkpoints:
        return Estimate(0.0, instances * scale.weights * FLOAT_BYTES)
    segments = training.steps * training.batch * instances
    return Estimate(segments * scale.seconds_of_a_segment, instances * scale.weights * FLOAT_BYTES)


def _growth(study: Study, instance: int) -> Growth:
    return Growth("given") if study.profile.encoders.checkpoints else segments(study.profile.training)


ENCODERS = Stage(
    name="encoders",
    label="encoders",
    item="encoder",
    part="encoders",
    keys=lambda study: [(instance,) for instance in range(study.profile.instances)],
    define=_define,
    perform=_train,
    estimate=_estimate,
    growth=_growth,
    trains=True,
)
