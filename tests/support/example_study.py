"""A study in memory: what tables read of a `Study`, with made-up results of known properties."""

from types import SimpleNamespace

import numpy as np
import xarray as xr
from scipy.ndimage import gaussian_filter

from movrecon_core.recordings import Trial
from movrecon_core.study.conditions import PREDICTED, RECORDED, Condition
from movrecon_core.study.results import Results

FRAMES, NEURONS, INSTANCES, ITERATIONS = 90, 40, 3, 12
STIMULI = ["true", "masked", "reconstructed", "matched", "evoked"]


class ExampleStudy:
    """Smooth random movies of a few mice, reconstructions with noise that depends on the condition.

    No two mice have as many neurons, or movies of one length.
    """

    conditions = (RECORDED, PREDICTED)
    profile = SimpleNamespace(seed=0, instances=INSTANCES)

    def __init__(self, mice: int = 2, trials: int = 3) -> None:
        self.reconstructed_mice = tuple(range(mice))
        self.numbers = tuple(range(5, 5 + trials))
        self.store = self

    def label(self, mouse: int) -> str:
        return f"mouse {mouse + 1}"

    def reconstructed(self, mouse: int) -> tuple[int, ...]:
        return self.numbers

    variation_trials = reconstructed

    def repeated_trials(self, mouse: int) -> tuple[int, ...]:
        return ()

    @property
    def asked(self) -> "ExampleStudy":
        """It asks for what it has."""
        return self

    @property
    def study(self) -> "ExampleStudy":
        """It is its trials and results, too."""
        return self

    trials = results = study

    judged, reconstruction = Results.judged, Results.reconstruction

    def movies(self) -> list[tuple[int, int]]:
        return [(mouse, trial) for mouse in self.reconstructed_mice for trial in self.numbers]

    def random(self, *key: int) -> np.random.Generator:
        return np.random.default_rng(key)

    def trial(self, mouse: int, trial: int) -> Trial:
        random = self.random(mouse, trial)
        frames, neurons = FRAMES + 4 * mouse, NEURONS + 3 * mouse
        movie = gaussian_filter(random.normal(size=(frames, 36, 64)), (3, 3, 3))
        movie = np.clip(127 + 500 * movie, 0, 255).astype(np.float32)
        responses = random.gamma(1.0, 1.0, (neurons, frames)).astype(np.float32)
        behavior, pupil = random.uniform(1, 5, (2, 2, frames)).astype(np.float32)
        return Trial("example", trial, movie, responses, behavior, pupil)

    def movie(self, mouse: int, trial: int) -> np.ndarray:
        return self.trial(mouse, trial).movie

    def alpha(self, mouse: int) -> np.ndarray:
        y, x = np.mgrid[:64, :64]
        return (1.6 - np.hypot(y - 31.5, x - 31.5 - mouse) / 20).astype(np.float32)

    def evaluation_mask(self, mouse: int) -> np.ndarray:
        return self.alpha(mouse) >= 1

    def instance_movies(self, mouse: int, trial: int, condition: Condition) -> np.ndarray:
        truth = np.pad(self.trial(mouse, trial).movie, ((0, 0), (14, 14), (0, 0)), constant_values=127.5)
        spread = {"none": 60, "standard": 40, "strict": 50}[condition.mask] - 20 * (condition.target != "recorded")
        if condition.shuffled:
            truth = truth[::-1, :, ::-1]
        random = self.random(mouse, trial, len(condition.name))
        count = 1 if condition.gradients == "ensemble" else INSTANCES
        return (truth + random.normal(0, spread, (count, *truth.shape))).astype(np.float32)

    def responses(self, mouse: int, trial: int) -> xr.Dataset:
        recorded = self.trial(mouse, trial).responses
        noise = self.random(mouse, trial, 9).gamma(1.0, 1.0, (len(STIMULI), *recorded.shape))
        share = np.array([0.5, 0.4, 0.7, 0.6, 0.65])[:, None, None]
        predicted = (share * recorded + (1 - share) * noise).astype(np.float32)
        return xr.Dataset(
            {
                "recorded": (("neuron", "time"), recorded),
                "predicted": (("stimulus", "neuron", "time"), predicted),
                "loss": (("instance", "movie"), [[3 + mouse + 0.1 * i, 2 + 0.2 * i] for i in range(INSTANCES)]),
            },
            coords={"stimulus": STIMULI},
        )

    def reconstruction_units(self, mouse: int, trial: int, condition: Condition) -> list[tuple[int, int, int]]:
        return [(mouse, trial, instance) for instance in range(INSTANCES)]

    def require(self, unit: tuple[int, int, int]) -> xr.Dataset:
        mouse, trial, instance = unit
        step = np.arange(ITERATIONS)
        loss = 2 + mouse - 0.1 * step + 0.01 * trial
        correlation = np.where(step > 0, 0.05 * step + 0.001 * instance + 0.01 * mouse, np.nan)
        return xr.Dataset({"loss": ("iteration", loss), "video_correlation": ("iteration", correlation)})
