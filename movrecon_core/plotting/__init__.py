"""Drawing: one style, one colour a concept, one function a panel; computes nothing."""

from movrecon_core.plotting.architectures import plot_families
from movrecon_core.plotting.baselines import plot_baselines, plot_error_spectra
from movrecon_core.plotting.benchmarks import plot_measured_curves
from movrecon_core.plotting.beyond import plot_evoked, plot_parts
from movrecon_core.plotting.comparisons import plot_conditions, plot_levels
from movrecon_core.plotting.correlates import plot_features, plot_lags, plot_moments, plot_predictability
from movrecon_core.plotting.encoder_comparison import (
    plot_calibration,
    plot_compared_reconstructions,
    plot_encoder_quality,
)
from movrecon_core.plotting.encoders import plot_neuron_correlations, plot_single_trial_correlation, plot_training
from movrecon_core.plotting.error_maps import (
    plot_error_frames,
    plot_error_overview,
    plot_evoked_correlations,
    plot_evoked_difference,
    plot_expected_correlation,
    plot_response_matrices,
)
from movrecon_core.plotting.error_origins import plot_part_spectra, plot_slopes
from movrecon_core.plotting.ethogram import plot_frame_correlation, plot_response_images, plot_signals
from movrecon_core.plotting.figures import letter_axes, letter_panel, new_figure, save_figure
from movrecon_core.plotting.findings import plot_beside_published, plot_findings
from movrecon_core.plotting.gratings import plot_apparent_frequency, plot_one_pixel
from movrecon_core.plotting.grids import plot_along, plot_readings, plot_stimulus_grid, plot_value_grid
from movrecon_core.plotting.images import image_of
from movrecon_core.plotting.levels import plot_by_number, plot_level_means, plot_steps
from movrecon_core.plotting.masks import plot_maps
from movrecon_core.plotting.method import plot_optimisation
from movrecon_core.plotting.performance import plot_against_random, plot_example_frames
from movrecon_core.plotting.physiology import plot_coverage, plot_curves, plot_distributions, plot_spectrum
from movrecon_core.plotting.planning import plot_gains, plot_planned
from movrecon_core.plotting.populations import plot_part_curves
from movrecon_core.plotting.real_mice import plot_beside_real_mice
from movrecon_core.plotting.recordings import (
    plot_behaviour,
    plot_clip_pairs,
    plot_closest_movies,
    plot_closest_pairs,
    plot_movie,
    plot_responses,
    plot_trial_use,
)
from movrecon_core.plotting.resolution import plot_by_microscope, plot_by_responses, plot_coherence
from movrecon_core.plotting.schematic import plot_encoder_schematic, plot_loop_schematic
from movrecon_core.plotting.style import COLOURS, MOUSE_COLOURS, mouse_colours, use_style
from movrecon_core.plotting.variations import plot_variant_frames
from movrecon_core.plotting.videos import plot_poster, save_video, show_video

__all__ = [
    "COLOURS",
    "MOUSE_COLOURS",
    "image_of",
    "letter_axes",
    "letter_panel",
    "mouse_colours",
    "new_figure",
    "plot_against_random",
    "plot_along",
    "plot_apparent_frequency",
    "plot_baselines",
    "plot_behaviour",
    "plot_beside_published",
    "plot_beside_real_mice",
    "plot_by_microscope",
    "plot_by_number",
    "plot_by_responses",
    "plot_calibration",
    "plot_clip_pairs",
    "plot_closest_movies",
    "plot_closest_pairs",
    "plot_coherence",
    "plot_compared_reconstructions",
    "plot_conditions",
    "plot_coverage",
    "plot_curves",
    "plot_distributions",
    "plot_encoder_quality",
    "plot_encoder_schematic",
    "plot_error_frames",
    "plot_error_overview",
    "plot_error_spectra",
    "plot_evoked",
    "plot_evoked_correlations",
    "plot_evoked_difference",
    "plot_example_frames",
    "plot_expected_correlation",
    "plot_families",
    "plot_features",
    "plot_findings",
    "plot_frame_correlation",
    "plot_gains",
    "plot_lags",
    "plot_level_means",
    "plot_levels",
    "plot_loop_schematic",
    "plot_maps",
    "plot_measured_curves",
    "plot_moments",
    "plot_movie",
    "plot_neuron_correlations",
    "plot_one_pixel",
    "plot_optimisation",
    "plot_part_curves",
    "plot_part_spectra",
    "plot_parts",
    "plot_planned",
    "plot_poster",
    "plot_predictability",
    "plot_readings",
    "plot_response_images",
    "plot_response_matrices",
    "plot_responses",
    "plot_signals",
    "plot_single_trial_correlation",
    "plot_slopes",
    "plot_spectrum",
    "plot_steps",
    "plot_stimulus_grid",
    "plot_training",
    "plot_trial_use",
    "plot_value_grid",
    "plot_variant_frames",
    "save_figure",
    "save_video",
    "show_video",
    "use_style",
]
