"""Analysis at the article's 8,000 neurons: memory of a movie or two, however many are looked at."""

import tracemalloc
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis.streams import NeuronCorrelation, RepeatCeiling
from movrecon_core.figures.fig6_error_maps import evoked_correlations, response_matrices
from movrecon_core.figures.responses import response_fit

NEURONS, FRAMES, SHOWINGS, MOVIES = 8000, 300, 10, 4
MOVIE = NEURONS * FRAMES * 8
"""Bytes of the responses to one movie in float64: 19 MB; all ordered pairs of ten showings were 3.5 GB."""


def responses(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random((NEURONS, FRAMES), np.float32)


class Stored:
    """A study of which each movie's responses are made when they are asked for."""

    profile = SimpleNamespace(seed=0)

    @property
    def results(self) -> "Stored":
        return self

    def movies(self) -> Iterator[tuple[int, int]]:
        return ((0, trial) for trial in range(MOVIES))

    def label(self, mouse: int) -> str:
        return f"mouse {mouse + 1}"

    def responses(self, mouse: int, trial: int) -> xr.Dataset:
        stimuli = ["true", "masked", "reconstructed", "matched", "evoked", "expected"]
        predicted = np.broadcast_to(responses(trial + 100), (len(stimuli), NEURONS, FRAMES))
        both = {
            "recorded": (("neuron", "time"), responses(trial)),
            "predicted": (("stimulus", "neuron", "time"), predicted),
        }
        return xr.Dataset(both, coords={"stimulus": stimuli})


def ceiling() -> None:
    sums = RepeatCeiling()
    sums.add(responses(seed) for seed in range(SHOWINGS))
    assert np.nanmean(sums.values()) < 0.1  # nothing repeats


def single_trials() -> None:
    sums = NeuronCorrelation()
    for seed in range(SHOWINGS):
        sums.add(responses(seed), responses(seed + 100))
    assert abs(np.mean(sums.values())) < 0.01


def fig6b() -> None:
    assert len(response_matrices(Stored(), 0, 0, 100)) == 3 * 100 * (FRAMES - 30)


def fig6_correlations() -> None:
    assert len(evoked_correlations(Stored())) == MOVIES * 7


def fig1s2d() -> None:
    assert len(response_fit(Stored())) == MOVIES * 5


@pytest.mark.parametrize("analysis", [ceiling, single_trials, fig6b, fig6_correlations, fig1s2d])
def test_memory_is_that_of_a_movie(analysis: Callable[[], None]) -> None:
    tracemalloc.start()
    try:
        analysis()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * MOVIE
