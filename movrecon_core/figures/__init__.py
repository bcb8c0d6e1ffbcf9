"""Tidy tables of a study's results: what the figures draw and the summary counts."""

from movrecon_core.figures.comparisons import comparison_table, readable
from movrecon_core.figures.encoder_comparison import (
    compared_reconstructions,
    comparison_panels,
    encoder_calibration,
    encoder_costs,
    encoder_quality,
)
from movrecon_core.figures.encoders import encoder_panels, single_trial_correlations, training_history
from movrecon_core.figures.fig1_method import (
    instance_summary,
    method_panels,
    minutes_per_reconstruction,
    optimisation_curves,
    optimisation_summary,
)
from movrecon_core.figures.fig1s1_ethogram import ethogram_panels
from movrecon_core.figures.fig1s2_variations import (
    published_variants,
    variation_panels,
    variation_statistics,
    variations_beside_published,
)
from movrecon_core.figures.fig1s3_masks import mask_panels, mask_sizes
from movrecon_core.figures.fig2_performance import performance, performance_panels, performance_summary
from movrecon_core.figures.fig2s1_correlates import (
    correlate_panels,
    frame_features,
    lag_statistics,
    moment_statistics,
    movie_statistics,
)
from movrecon_core.figures.fig3_ensembling import ensemble_sizes
from movrecon_core.figures.fig4_gaussian_noise import noise_examples, noise_panels, noise_tables, noise_units
from movrecon_core.figures.fig4s1_gratings import (
    flicker_pairs,
    frame_step,
    grating_examples,
    grating_measures,
    grating_panels,
    grating_units,
)
from movrecon_core.figures.fig5_population import population_beside_article, population_sizes
from movrecon_core.figures.fig6_error_maps import error_map_panels, error_sizes, evoked_correlations
from movrecon_core.figures.levels import LevelStatistics, level_statistics
from movrecon_core.figures.physiology import beside_literature, physiology_panels, probed_with
from movrecon_core.figures.planning import needed_neurons, planned_correlations
from movrecon_core.figures.recordings import near_duplicates, recording_panels
from movrecon_core.figures.responses import SHUFFLED_NEURONS, STIMULI, response_fit

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
