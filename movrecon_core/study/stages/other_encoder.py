"""Another encoder beside the study's own, trained on the same movies; its instances differ in the seed."""

from movrecon_core.study.growth import Growth, segments
from movrecon_core.study.settings import ComparisonSettings
from movrecon_core.study.stage import Definition, Stage, Task, as_json
from movrecon_core.study.stages.encoders import training_definition
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker


def other_settings(study: Study) -> ComparisonSettings:
    """Of the other encoder; only where the profile has one."""
    settings = study.profile.comparison
    assert settings is not None
    return settings


def other_architectures(study: Study) -> tuple[str, ...]:
    """Of the other encoder; none where the profile has none."""
    return () if study.profile.comparison is None else (study.profile.comparison.encoder.architecture,)


def _define(study: Study, instance: int) -> tuple[str, Definition]:
    settings = other_settings(study)
    return f"other-{settings.encoder.architecture}-{instance}", {
        **training_definition(study),
        "encoder": as_json(settings.encoder),
        "training": as_json(settings.training),
        "seed": study.profile.seed + instance,
    }


def _train(work: Worker, task: Task) -> None:
    ((instance,),), (unit,), study, settings = task.keys, task.units, work.study, other_settings(work.study)
    trials = [study.trials.of_role(mouse, "training") for mouse in range(len(study.recordings))]
    work.train(unit, study.recordings, trials, settings.encoder, settings.training, study.profile.seed + instance)


def _growth(study: Study, instance: int) -> Growth:
    return segments(other_settings(study).training)


OTHER_ENCODER = Stage(
    name="other-encoder",
    label="another encoder",
    item="encoder",
    part="comparison",
    keys=lambda study: [(i,) for i in range(study.profile.comparison.instances)] if study.profile.comparison else [],
    define=_define,
    perform=_train,
    architectures=other_architectures,
    growth=_growth,
    trains=True,
)
