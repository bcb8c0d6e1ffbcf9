"""What a study computes, stage by stage; a unit that is in the store is not computed again."""

from movrecon_core.study.stage import Stage
from movrecon_core.study.stages.baselines import BASELINES
from movrecon_core.study.stages.decoders import DECODERS
from movrecon_core.study.stages.encoder_qualities import ENCODER_QUALITIES
from movrecon_core.study.stages.encoders import ENCODERS
from movrecon_core.study.stages.evaluations import EVALUATIONS
from movrecon_core.study.stages.masks import MASKS
from movrecon_core.study.stages.misfits import MISFITS
from movrecon_core.study.stages.other_encoder import OTHER_ENCODER
from movrecon_core.study.stages.other_methods import OTHER_METHODS
from movrecon_core.study.stages.other_reconstructions import OTHER_RECONSTRUCTIONS
from movrecon_core.study.stages.physiology import PHYSIOLOGY
from movrecon_core.study.stages.planning import PLANNING
from movrecon_core.study.stages.populations import POPULATIONS
from movrecon_core.study.stages.receptive_fields import RECEPTIVE_FIELDS
from movrecon_core.study.stages.reconstructions import RECONSTRUCTIONS
from movrecon_core.study.stages.recordings import RECORDINGS
from movrecon_core.study.stages.responses import RESPONSES
from movrecon_core.study.stages.showings import SHOWINGS
from movrecon_core.study.stages.unshared import UNSHARED
from movrecon_core.study.study import introduce

GROUPS: tuple[tuple[Stage, ...], ...] = (
    (RECORDINGS,),
    (DECODERS,),
    (ENCODERS, OTHER_ENCODER),
    (EVALUATIONS, MASKS, ENCODER_QUALITIES, MISFITS, PHYSIOLOGY, RECEPTIVE_FIELDS),
    (POPULATIONS, UNSHARED),
    (RECONSTRUCTIONS, OTHER_METHODS, OTHER_RECONSTRUCTIONS, PLANNING),
    (BASELINES, RESPONSES),
    (SHOWINGS,),
)
"""In order: a stage needs those of earlier groups, and none of its own, with which it shares the cores."""

STAGES: tuple[Stage, ...] = tuple(stage for group in GROUPS for stage in group)

introduce(STAGES)
