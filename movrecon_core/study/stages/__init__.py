"""What a study computes, stage by stage; a unit that is in the store is not computed again."""

from movrecon_core.study.stages.comparison import OTHER_RECONSTRUCTIONS, OTHER_TRAINING, QUALITY
from movrecon_core.study.stages.encoders import EVALUATION, TRAINING, cost_file, training_log
from movrecon_core.study.stages.masks import MASKS, RECEPTIVE_FIELDS
from movrecon_core.study.stages.physiology import PHYSIOLOGY
from movrecon_core.study.stages.planning import ENCODERS as PLANNING_ENCODERS
from movrecon_core.study.stages.planning import MASK as PLANNING_MASK
from movrecon_core.study.stages.planning import PLANNING
from movrecon_core.study.stages.reconstructions import RECONSTRUCTIONS
from movrecon_core.study.stages.recordings import SPLIT, simulate, simulation_unit
from movrecon_core.study.stages.responses import RESPONSES
from movrecon_core.study.tasks import Stage

STAGES: tuple[Stage, ...] = (
    SPLIT,
    TRAINING,
    EVALUATION,
    OTHER_TRAINING,
    QUALITY,
    PHYSIOLOGY,
    MASKS,
    RECEPTIVE_FIELDS,
    RECONSTRUCTIONS,
    OTHER_RECONSTRUCTIONS,
    RESPONSES,
    PLANNING_ENCODERS,
    PLANNING_MASK,
    PLANNING,
)
"""In order: a stage needs those before it."""

UNTIL: dict[str, Stage] = {"encoders": EVALUATION, "masks": RECEPTIVE_FIELDS, "reconstructions": PLANNING}
"""Last stage of the parts of a study that can be run by themselves."""

__all__ = ["STAGES", "UNTIL", "cost_file", "simulate", "simulation_unit", "training_log"]
