"""On and Off receptive fields of a mouse's neurons, from sparse noise in silico (article, Retinotopic mapping)."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis import receptive_fields, sparse_noise_responses
from movrecon_core.encoders.base import Encoder
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH
from movrecon_core.storage.cost import Cost
from movrecon_core.study.growth import Growth
from movrecon_core.study.scale import FLOAT_BYTES, Estimate, Scale
from movrecon_core.study.stage import Definition, Stage, Task
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker


def _define(study: Study, mouse: int) -> tuple[str, Definition]:
    settings = study.profile.receptive_fields
    return study.mice[mouse], {
        "mouse": mouse,
        "encoders": study.encoder_digests(settings.instances),
        "pixel_step": settings.pixel_step,
        "behavior": study.trials.behavior_digest(mouse),
    }


def _map(work: Worker, task: Task) -> None:
    ((mouse,),), (unit,) = task.keys, task.units
    with Cost() as cost:
        encoders = work.encoders(work.study.profile.receptive_fields.instances)
        dataset = _receptive_fields(work.study, encoders, mouse)
    work.save(unit, dataset, cost)


def _receptive_fields(study: Study, encoders: Sequence[Encoder], mouse: int) -> xr.Dataset:
    behavior, pupil_center = study.trials.mean_behavior(mouse)
    step = study.profile.receptive_fields.pixel_step
    # The mean over instances is taken as they come: a paper-sized population would not fit seven times.
    sums: list[NDArray[np.floating]] = []
    for encoder in encoders:
        maps = sparse_noise_responses(encoder, mouse, behavior, pupil_center, pixel=step)
        sums = [total + new for total, new in zip(sums, maps, strict=True)] if sums else list(maps)
    fields = receptive_fields(*(total[None] / len(encoders) for total in sums))
    names = ("on", "off", "on_minus_off")
    return xr.Dataset(
        {name: (("y", "x", "neuron"), getattr(fields, name).astype(np.float32)) for name in names}
        | {name: (("neuron", "axis"), getattr(fields, name)) for name in ("on_centres", "off_centres")}
    )


def _estimate(scale: Scale) -> Estimate:
    maps = len(scale.study.reconstructed_mice) * 3 * FRAME_HEIGHT * FRAME_WIDTH
    return Estimate(None, maps * scale.neurons * FLOAT_BYTES)


def _growth(study: Study, mouse: int) -> Growth:
    settings = study.profile.receptive_fields
    instances = min(settings.instances, study.profile.instances)
    return Growth(amount=instances * FRAME_HEIGHT * FRAME_WIDTH / settings.pixel_step**2)


RECEPTIVE_FIELDS = Stage(
    name="receptive_fields",
    label="receptive fields",
    item="mouse",
    part="receptive_fields",
    keys=lambda study: [(mouse,) for mouse in study.reconstructed_mice],
    define=_define,
    perform=_map,
    estimate=_estimate,
    growth=_growth,
)
