"""A study in memory whose movies move, and whose reconstructions have errors that were planted."""

from functools import cache

import numpy as np
import xarray as xr
from example_study import FRAMES, NEURONS, ExampleStudy
from scipy.ndimage import gaussian_filter, map_coordinates

from movrecon_core.recordings import Trial
from movrecon_core.study.conditions import Condition


@cache
def moving_movie(seed: int, frames: int, speed: float, ahead: float = 0.0) -> np.ndarray:
    """A movie (T, 36, 64) whose upper half moves right and whose lower half moves left, some pixels ahead of itself."""
    texture = gaussian_filter(np.random.default_rng(seed).normal(size=(36, 600)), 1.5)
    texture = 127 + 40 * texture / texture.std()
    y, x = np.mgrid[:36, :64].astype(float)
    movie = []
    for frame in range(frames):
        moved = speed * frame + ahead
        places = np.where(y < 18, 200 + x - moved, 300 + x + moved)
        movie.append(map_coordinates(texture, [y, places], order=3, mode="wrap"))
    return np.stack(movie)


class PlantedStudy(ExampleStudy):
    """Errors of noise, encoder and inversion are independent, of given sizes; at edges alone if wanted; or a shift."""

    simulated = True

    def __init__(
        self,
        noise: float = 30.0,
        encoder: float = 30.0,
        inversion: float = 10.0,
        *,
        at_edges: bool = False,
        ahead: float = 0.0,
    ) -> None:
        super().__init__(mice=3, trials=1)
        self.sizes, self.at_edges, self.ahead = (noise, encoder, inversion), at_edges, ahead

    truth_trials = variation_trials = ExampleStudy.reconstructed

    def trial(self, mouse: int, trial: int) -> Trial:
        random, frames = self.random(mouse, trial), FRAMES + 4 * mouse
        movie = moving_movie(10 * mouse + trial, frames, 0.5).astype(np.float32)
        responses = random.gamma(1.0, 1.0, (NEURONS, frames)).astype(np.float32)
        behavior, pupil = random.uniform(1, 5, (2, 2, frames)).astype(np.float32)
        return Trial("example", trial, movie, responses, behavior, pupil)

    def mean_behavior(self, mouse: int) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(2, np.float32), np.full(2, 3.0, np.float32)

    def result(self, stage: str, mouse: int) -> xr.Dataset:
        assert stage == "receptive_fields"
        maps = self.random(mouse).random((36, 64, 5))
        return xr.Dataset(
            dict.fromkeys(("on", "off", "on_minus_off"), (("y", "x", "neuron"), maps))
            | {name: (("neuron", "axis"), np.zeros((5, 2), int)) for name in ("on_centres", "off_centres")}
        )

    def edges(self, movie: np.ndarray) -> np.ndarray:
        """1 where the contrast of a movie is in its highest tenth, else 0."""
        slope = np.hypot(*np.gradient(gaussian_filter(movie, (0, 1, 1)), axis=(1, 2)))
        return (slope > np.quantile(slope, 0.9)).astype(float)

    def reconstruction(self, mouse, movie, condition: Condition, *, instances=None, smoothed=None) -> np.ndarray:
        truth = self.movie(mouse, movie).astype(float)
        found = moving_movie(10 * mouse + movie, len(truth), 0.5, self.ahead).copy()
        has = (
            condition.target == "recorded",
            condition.target != "ensemble" and condition.inverted == "encoders",
            True,
        )
        where = self.edges(truth) if self.at_edges else 1.0
        for cause, (size, there) in enumerate(zip(self.sizes, has, strict=True)):
            found += there * size * where * self.random(mouse, movie, 20 + cause).normal(size=truth.shape)
        return found
