"""A study's measures, each table made once for all that count with it."""

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from movrecon_core import figures as tables
from movrecon_core.figures.fig4_gaussian_noise import NoiseTables
from movrecon_core.figures.synthetic import TARGETS
from movrecon_core.study.study import Study

TARGET = TARGETS["predicted"]
"""Whose predictions of synthetic stimuli the summary is about: those of the inverted instance, as in the scripts."""


@dataclass(frozen=True)
class Measured:
    """Tables of a study, made when they are first asked for."""

    study: Study

    @cached_property
    def performance(self) -> pd.DataFrame:
        return tables.performance(self.study)

    @cached_property
    def recorded(self) -> pd.DataFrame:
        """Performance of the reconstructions from recorded responses."""
        return self.performance[self.performance["condition"] == "recorded"]

    @cached_property
    def ensembles(self) -> pd.DataFrame:
        return tables.ensemble_sizes(self.study)

    @cached_property
    def populations(self) -> pd.DataFrame:
        return tables.population_sizes(self.study)

    @cached_property
    def noise(self) -> NoiseTables:
        return tables.noise_tables(self.study, [TARGET])

    @cached_property
    def gratings(self) -> pd.DataFrame:
        found = tables.grating_measures(self.study)
        return found[found["target"] == TARGET]

    @cached_property
    def evoked(self) -> pd.DataFrame:
        return tables.evoked_correlations(self.study)

    @cached_property
    def variations(self) -> dict[str, pd.DataFrame]:
        return tables.variation_panels(self.study, 1, 2)
