"""Tidy tables of a study's results: what the figures draw and the summary counts."""

from movrecon_core.study.tables.comparisons import comparison_table, readable
from movrecon_core.study.tables.correlates import (
    correlate_panels,
    frame_features,
    lag_statistics,
    moment_statistics,
    movie_statistics,
)
from movrecon_core.study.tables.encoder_comparison import (
    compared_reconstructions,
    comparison_panels,
    encoder_calibration,
    encoder_costs,
    encoder_quality,
)
from movrecon_core.study.tables.encoders import encoder_panels, single_trial_correlations, training_history
from movrecon_core.study.tables.ensembling import ensemble_sizes
from movrecon_core.study.tables.error_maps import error_map_panels, error_sizes, evoked_correlations
from movrecon_core.study.tables.ethogram import ethogram_panels
from movrecon_core.study.tables.gratings import (
    flicker_pairs,
    frame_step,
    grating_examples,
    grating_measures,
    grating_panels,
    grating_units,
)
from movrecon_core.study.tables.levels import LevelStatistics, level_statistics
from movrecon_core.study.tables.masks import mask_panels, mask_sizes
from movrecon_core.study.tables.method import (
    instance_summary,
    method_panels,
    minutes_per_reconstruction,
    optimisation_curves,
    optimisation_summary,
)
from movrecon_core.study.tables.noise import noise_examples, noise_panels, noise_tables, noise_units
from movrecon_core.study.tables.performance import performance, performance_panels, performance_summary
from movrecon_core.study.tables.physiology import beside_literature, physiology_panels, probed_with
from movrecon_core.study.tables.planning import needed_neurons, planned_correlations
from movrecon_core.study.tables.population import population_beside_article, population_sizes
from movrecon_core.study.tables.recordings import near_duplicates, recording_panels
from movrecon_core.study.tables.responses import SHUFFLED_NEURONS, STIMULI, response_fit
from movrecon_core.study.tables.variations import (
    published_variants,
    variation_panels,
    variation_statistics,
    variations_beside_published,
)

__all__ = [
    "SHUFFLED_NEURONS",
    "STIMULI",
    "LevelStatistics",
    "beside_literature",
    "compared_reconstructions",
    "comparison_panels",
    "comparison_table",
    "correlate_panels",
    "encoder_calibration",
    "encoder_costs",
    "encoder_panels",
    "encoder_quality",
    "ensemble_sizes",
    "error_map_panels",
    "error_sizes",
    "ethogram_panels",
    "evoked_correlations",
    "flicker_pairs",
    "frame_features",
    "frame_step",
    "grating_examples",
    "grating_measures",
    "grating_panels",
    "grating_units",
    "instance_summary",
    "lag_statistics",
    "level_statistics",
    "mask_panels",
    "mask_sizes",
    "method_panels",
    "minutes_per_reconstruction",
    "moment_statistics",
    "movie_statistics",
    "near_duplicates",
    "needed_neurons",
    "noise_examples",
    "noise_panels",
    "noise_tables",
    "noise_units",
    "optimisation_curves",
    "optimisation_summary",
    "performance",
    "performance_panels",
    "performance_summary",
    "physiology_panels",
    "planned_correlations",
    "population_beside_article",
    "population_sizes",
    "probed_with",
    "published_variants",
    "readable",
    "recording_panels",
    "response_fit",
    "single_trial_correlations",
    "training_history",
    "variation_panels",
    "variation_statistics",
    "variations_beside_published",
]
