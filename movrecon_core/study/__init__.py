"""The study: profile, stages, results, notebooks, book."""

from movrecon_core.study.provenance import provenance
from movrecon_core.study.published import beside_published, published
from movrecon_core.study.stages import STAGES
from movrecon_core.study.study import Study, open_study

__all__ = ["STAGES", "Study", "beside_published", "open_study", "provenance", "published"]
