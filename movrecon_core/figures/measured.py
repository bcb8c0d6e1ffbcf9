"""A study's measures, each table made once for all that count with it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import pandas as pd

from movrecon_core.figures.encoders import single_trial_correlations
from movrecon_core.figures.fig1s2_variations import variants
from movrecon_core.figures.fig2_performance import performance
from movrecon_core.figures.fig2s1_correlates import correlate_panels, frame_features, movie_statistics
from movrecon_core.figures.fig3_ensembling import ensemble_sizes
from movrecon_core.figures.fig4_gaussian_noise import NoiseTables, noise_tables
from movrecon_core.figures.fig4s1_gratings import grating_measures
from movrecon_core.figures.fig5_population import population_sizes
from movrecon_core.figures.fig6_error_maps import evoked_correlations
from movrecon_core.figures.quality_loss import qualities
from movrecon_core.figures.responses import response_fit
from movrecon_core.figures.same_neurons import evoked
from movrecon_core.figures.synthetic import TARGETS
from movrecon_core.study.study import Study

TARGET = TARGETS["predicted"]
"""Whose predictions of synthetic stimuli the summary is about: those of the inverted instance, as in the scripts."""

Made = TypeVar("Made")


@dataclass(frozen=True)
class Measured:
    """Tables of a study, made when they are first asked for."""

    study: Study

    @property
    def seed(self) -> int:
        """Of every bootstrap."""
        return self.study.profile.seed

    def of(self, make: Callable[[Study], Made]) -> Made:
        """What a function makes of the study, made once."""
        if make not in self._made:
            self._made[make] = make(self.study)
        found: Made = self._made[make]
        return found

    @cached_property
    def _made(self) -> dict[Callable[[Study], Any], Any]:
        return {}

    @cached_property
    def single_trials(self) -> pd.DataFrame:
        return single_trial_correlations(self.study)

    @cached_property
    def performance(self) -> pd.DataFrame:
        return performance(self.study)

    @cached_property
    def recorded(self) -> pd.DataFrame:
        """Performance of the reconstructions from recorded responses."""
        return self.performance[self.performance["condition"] == "recorded"]

    @cached_property
    def correlates(self) -> pd.DataFrame:
        """Tests over movies."""
        return movie_statistics(correlate_panels(frame_features(self.study), 0.0), self.seed)

    @cached_property
    def variants(self) -> pd.DataFrame:
        return variants(self.study)

    @cached_property
    def fit(self) -> pd.DataFrame:
        return response_fit(self.study)

    @cached_property
    def ensembles(self) -> pd.DataFrame:
        return ensemble_sizes(self.study)

    @cached_property
    def populations(self) -> pd.DataFrame:
        return population_sizes(self.study)

    @cached_property
    def noise(self) -> NoiseTables:
        return noise_tables(self.study, [TARGET])

    @cached_property
    def gratings(self) -> pd.DataFrame:
        found = grating_measures(self.study)
        return found[found["target"] == TARGET]

    @cached_property
    def evoked(self) -> pd.DataFrame:
        return evoked_correlations(self.study)

    @cached_property
    def ways(self) -> pd.DataFrame:
        """Movies found with and without noise, through encoders and neurons."""
        return qualities(self.study)

    @cached_property
    def showings(self) -> pd.DataFrame:
        """What movies evoke in the neurons themselves."""
        return evoked(self.study)
