"""What a profile does not ask for is named, with the setting that asks for it."""

from types import SimpleNamespace

import pytest
from example_study import INSTANCES, ExampleStudy

from movrecon_core.errors import NothingToShowError
from movrecon_core.figures.fig1s2_variations import variants
from movrecon_core.figures.fig4_gaussian_noise import noise_tables
from movrecon_core.figures.fig4s1_gratings import grating_measures
from movrecon_core.figures.fig5_population import population_sizes
from movrecon_core.figures.fig6_error_maps import error_sizes
from movrecon_core.figures.planning import planned_correlations
from movrecon_core.study.conditions import RECORDED
from movrecon_core.study.settings import PlanningSettings, PopulationSettings


class Bare(ExampleStudy):
    """A run that asked for reconstructions from recorded responses, and no more."""

    conditions = (RECORDED,)
    profile = SimpleNamespace(
        name="bare",
        seed=0,
        instances=INSTANCES,
        planning=PlanningSettings(),
        population=PopulationSettings(trials_per_mouse=0),
    )

    def variation_trials(self, mouse):
        return ()

    population_trials = repeated_trials = variation_trials
    fractions = (0.5,)

    def reconstructions(self):
        return ((mouse, trial, RECORDED) for mouse, trial in self.movies())


@pytest.mark.parametrize(
    ("table", "setting"),
    [
        (variants, "variations.trials_per_mouse"),
        (population_sizes, "trials_per_mouse"),
        (noise_tables, "section `noise`"),
        (grating_measures, "section `gratings`"),
        (planned_correlations, "densities"),
        (error_sizes, "from_predicted: true"),
    ],
    ids=["variations", "population", "noise", "gratings", "planning", "error maps"],
)
def test_what_the_profile_leaves_out_is_named_with_its_setting(table, setting):
    with pytest.raises(NothingToShowError, match=setting) as error:
        table(Bare())
    assert "\n" not in str(error.value)
