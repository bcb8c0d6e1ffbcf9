"""How well the study's own encoder and another one predict, beside what can be predicted at all."""

from movrecon_core.analysis.encoder_quality import encoder_qualities
from movrecon_core.storage.cost import Cost
from movrecon_core.storage.store import Unit
from movrecon_core.study.growth import Growth
from movrecon_core.study.stage import Definition, Stage, Task, own_encoder
from movrecon_core.study.stages.other_encoder import other_architectures
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker


def compared_encoders(study: Study) -> dict[str, Unit]:
    """What is compared, by architecture: the study's first instance, and the other encoder if any."""
    compared = {study.profile.encoder.architecture: study.unit("encoders", 0)}
    for name in other_architectures(study):
        compared[name if name not in compared else f"{name} (other)"] = study.unit("other-encoder", 0)
    return compared


def _define(study: Study, mouse: int) -> tuple[str, Definition]:
    return study.mice[mouse], {
        "mouse": mouse,
        "encoders": {name: study.encoder_digest(unit) for name, unit in compared_encoders(study).items()},
        "trials": study.trials.digest_of_role(mouse, "held-out"),
        "simulated": study.recordings[mouse].simulated,
    }


def _judge(work: Worker, task: Task) -> None:
    ((mouse,),), (unit,) = task.keys, task.units
    with Cost() as cost:
        encoders = {name: work.load(encoder) for name, encoder in compared_encoders(work.study).items()}
        trials = work.study.trials.of_role(mouse, "held-out")
        dataset = encoder_qualities(work.study.recordings[mouse], trials, encoders, mouse)
    work.save(unit, dataset, cost)


def _growth(study: Study, mouse: int) -> Growth:
    return Growth(amount=len(study.trials.of_role(mouse, "held-out")))


ENCODER_QUALITIES = Stage(
    name="encoder-qualities",
    label="encoders side by side",
    item="mouse",
    part="comparison",
    keys=lambda study: [(mouse,) for mouse in range(len(study.mice))],
    define=_define,
    perform=_judge,
    architectures=lambda study: own_encoder(study) + other_architectures(study),
    growth=_growth,
)
