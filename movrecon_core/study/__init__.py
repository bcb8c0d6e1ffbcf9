"""The study: profile, stages, results."""

from movrecon_core.study.provenance import provenance
from movrecon_core.study.stages import STAGES
from movrecon_core.study.study import Study, open_study

__all__ = ["STAGES", "Study", "open_study", "provenance"]
