"""How far responses to training movies lie from what each encoder predicts: the noise that the best method allows."""

from collections.abc import Iterator

import xarray as xr

from movrecon_core.decoders.roots import learn_roots
from movrecon_core.encoders.prediction import predicted_responses
from movrecon_core.reconstruction import learn_misfit
from movrecon_core.storage.cost import Cost
from movrecon_core.study.growth import Growth
from movrecon_core.study.guides import compared_trials
from movrecon_core.study.stage import Definition, Stage, Task
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker


def _keys(study: Study) -> Iterator[tuple[int, int]]:
    if study.asked.guides:
        for mouse in study.reconstructed_mice:
            for instance in range(study.profile.instances):
                yield mouse, instance


def _define(study: Study, mouse: int, instance: int) -> tuple[str, Definition]:
    return f"{study.mice[mouse]}-instance-{instance}", {
        "mouse": mouse,
        "encoder": study.encoder_digest(study.unit("encoders", instance)),
        "trials": study.trials.digest_of_role(mouse, "training"),
    }


def _compare(work: Worker, task: Task) -> None:
    ((mouse, instance),), (unit,), study = task.keys, task.units, work.study
    with Cost() as cost:
        encoder = work.load(study.unit("encoders", instance))
        recorded, predicted = [], []
        for number in compared_trials(study, mouse):
            trial = study.trial(mouse, number)
            shown = (trial.movie, trial.behavior, trial.pupil_center)
            recorded.append(trial.responses)
            predicted.append(predicted_responses(encoder, mouse, *shown))
        misfit = learn_misfit(recorded, predicted, learn_roots(recorded))
    work.save(unit, xr.Dataset({name: ("neuron", value) for name, value in vars(misfit).items()}), cost)


def _growth(study: Study, mouse: int, instance: int) -> Growth:
    return Growth(amount=len(compared_trials(study, mouse)))


MISFITS = Stage(
    name="misfits",
    label="encoders: misfit of training responses",
    item="misfit",
    part="encoders",
    keys=_keys,
    define=_define,
    perform=_compare,
    growth=_growth,
)
