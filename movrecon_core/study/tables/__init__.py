"""Tidy tables of a study's results: what the figures draw and the summary counts."""

from movrecon_core.study.tables.comparisons import comparison_table
from movrecon_core.study.tables.correlates import (
    correlate_panels,
    frame_features,
    lag_statistics,
    moment_statistics,
    movie_statistics,
)
from movrecon_core.study.tables.encoders import encoder_panels, single_trial_correlations, training_history
from movrecon_core.study.tables.ethogram import ethogram_panels
from movrecon_core.study.tables.levels import LevelStatistics, level_statistics
from movrecon_core.study.tables.masks import mask_panels, mask_sizes
from movrecon_core.study.tables.method import instance_summary, method_panels, optimisation_curves, optimisation_summary
from movrecon_core.study.tables.performance import performance, performance_panels, performance_summary
from movrecon_core.study.tables.recordings import near_duplicates, recording_panels
from movrecon_core.study.tables.responses import response_fit
from movrecon_core.study.tables.variations import variation_panels, variation_statistics

__all__ = [
    "LevelStatistics",
    "comparison_table",
    "correlate_panels",
    "encoder_panels",
    "ethogram_panels",
    "frame_features",
    "instance_summary",
    "lag_statistics",
    "level_statistics",
    "mask_panels",
    "mask_sizes",
    "method_panels",
    "moment_statistics",
    "movie_statistics",
    "near_duplicates",
    "optimisation_curves",
    "optimisation_summary",
    "performance",
    "performance_panels",
    "performance_summary",
    "recording_panels",
    "response_fit",
    "single_trial_correlations",
    "training_history",
    "variation_panels",
    "variation_statistics",
]
