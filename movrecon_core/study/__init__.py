"""The study: profile, stages, results."""

from movrecon_core.study.provenance import provenance
from movrecon_core.study.study import Study, open_study

__all__ = ["Study", "open_study", "provenance"]
