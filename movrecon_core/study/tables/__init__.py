"""Tidy tables of a study's results: what the figures draw and the summary counts."""

from movrecon_core.study.tables.encoders import encoder_panels, single_trial_correlations, training_history
from movrecon_core.study.tables.masks import mask_panels, mask_sizes
from movrecon_core.study.tables.performance import performance, performance_panels, performance_summary
from movrecon_core.study.tables.recordings import near_duplicates, recording_panels

__all__ = [
    "encoder_panels",
    "mask_panels",
    "mask_sizes",
    "near_duplicates",
    "performance",
    "performance_panels",
    "performance_summary",
    "recording_panels",
    "single_trial_correlations",
    "training_history",
]
