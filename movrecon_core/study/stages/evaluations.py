"""How well the encoders predict held-out responses."""

from movrecon_core.analysis.encoder_quality import evaluation
from movrecon_core.storage.cost import Cost
from movrecon_core.study.growth import Growth
from movrecon_core.study.stage import Definition, Stage, Task
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker


def _define(study: Study, mouse: int) -> tuple[str, Definition]:
    return study.mice[mouse], {
        "mouse": mouse,
        "encoders": study.encoder_digests(),
        "trials": study.trials.digest_of_role(mouse, "held-out"),
    }


def _evaluate(work: Worker, task: Task) -> None:
    ((mouse,),), (unit,) = task.keys, task.units
    with Cost() as cost:
        trials = (work.study.trial(mouse, number) for number in work.study.trials.of_role(mouse, "held-out"))
        dataset = evaluation(trials, work.encoders(), mouse)
    work.save(unit, dataset, cost)


def _growth(study: Study, mouse: int) -> Growth:
    return Growth(amount=study.profile.instances * len(study.trials.of_role(mouse, "held-out")))


EVALUATIONS = Stage(
    name="evaluations",
    label="encoders: held-out responses",
    item="mouse",
    part="encoders",
    keys=lambda study: [(mouse,) for mouse in range(len(study.mice))],
    define=_define,
    perform=_evaluate,
    growth=_growth,
)
