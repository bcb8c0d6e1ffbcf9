"""Another encoder beside the study's own: one instance, trained on the same movies."""

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


def _define(study: Study) -> tuple[str, Definition]:
    settings = other_settings(study)
    return f"other-{settings.encoder.architecture}", {
        **training_definition(study),
        "encoder": as_json(settings.encoder),
        "training": as_json(settings.training),
        "seed": study.profile.seed,
    }


def _train(work: Worker, task: Task) -> None:
    (unit,), study, settings = task.units, work.study, other_settings(work.study)
    trials = [study.trials_with(mouse, "training") for mouse in range(len(study.recordings))]
    work.train(unit, study.recordings, trials, settings.encoder, settings.training, study.profile.seed)


def _growth(study: Study) -> Growth:
    return segments(other_settings(study).training)


OTHER_ENCODER = Stage(
    name="other-encoder",
    label="another encoder",
    item="encoder",
    part="comparison",
    keys=lambda study: [()] if study.profile.comparison else [],
    define=_define,
    perform=_train,
    architectures=other_architectures,
    growth=_growth,
    trains=True,
)
