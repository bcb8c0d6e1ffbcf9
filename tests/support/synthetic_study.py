"""A study in memory whose reconstructions of synthetic stimuli are right, or wrong, in a known way."""

from types import SimpleNamespace

import numpy as np
import xarray as xr
from example_study import ExampleStudy

from movrecon_core.stimuli import GratingStimulus, NoiseStimulus, synthetic_movie
from movrecon_core.study.conditions import Condition

LENGTHS = DURATIONS = (0.5, 4.0)
FREQUENCIES = (15.0, 7.5, 1.875)


class SyntheticStudy(ExampleStudy):
    """Noise of length 0.5 always leads to the same picture; other noise, and gratings but for 7.5 Hz, to themselves.

    The two instances differ from that by the same error with opposite sign, so that their mean has none.
    """

    simulated = True

    def __init__(self, mice: int = 3, frequencies: tuple[float, ...] = FREQUENCIES, stack_step: int = 2) -> None:
        super().__init__(mice=mice, trials=2)
        encoder = SimpleNamespace(parameters={"stack_step": stack_step})
        self.profile = SimpleNamespace(seed=0, instances=2, encoder=encoder)
        self.noise = [
            NoiseStimulus(length, d, s, i)
            for length in LENGTHS
            for d in DURATIONS
            for s in (0, 1)
            for i in (False, True)
        ]
        self.gratings = [GratingStimulus(d, s, f) for d in (0.0, 90.0) for s in (0.125, 0.0625) for f in frequencies]

    def reconstructions(self):
        for mouse in self.reconstructed_mice:
            for target in ("predicted", "ensemble"):
                for stimulus in self.noise + (self.gratings if mouse == 0 else []):
                    yield mouse, stimulus, Condition(target=target)

    def movie(self, mouse, movie):
        return self.trial(mouse, movie).movie if isinstance(movie, int) else synthetic_movie(movie, 0)

    def found(self, mouse, stimulus):
        """The movie (60, 64, 64) that a stimulus leads to in the mean of both instances."""
        lost = isinstance(stimulus, NoiseStimulus) and stimulus.length == 0.5
        lost |= isinstance(stimulus, GratingStimulus) and stimulus.temporal_frequency == 7.5
        if lost:
            return self.random(99).uniform(0, 255, (60, 64, 64))
        return np.pad(self.movie(mouse, stimulus), ((0, 0), (14, 14), (0, 0)))

    def instance_movies(self, mouse, trial, condition):
        if isinstance(trial, int):
            return super().instance_movies(mouse, trial, condition)
        spread = 10 * (1 + mouse) * (2 if condition.target == "ensemble" else 1)
        error = self.random(mouse, 7).normal(0, spread, (60, 64, 64))
        return np.stack([self.found(mouse, trial) + error, self.found(mouse, trial) - error]).astype(np.float32)

    def responses(self, mouse, trial):
        found = super().responses(mouse, trial)
        expected = 0.5 * found["predicted"].sel(stimulus=["true"]).assign_coords(stimulus=["expected"]) + 1
        return xr.Dataset(
            {"recorded": found["recorded"], "predicted": xr.concat([found["predicted"], expected], dim="stimulus")}
        )
