"""Orders in which a mouse's neurons are kept, by what training movies and receptive fields tell of them."""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis.populations import alike_order, distances, diverse_order, mean_correlation_of_first
from movrecon_core.analysis.streams import NeuronCorrelation
from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.prediction import predicted_responses
from movrecon_core.storage.cost import Cost
from movrecon_core.study.stage import Definition, Stage, Task
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker

MOVIES = 30
"""Training movies that signals are predicted for, the first ones: five minutes."""
REACH = 8
"""Pixels around a receptive field's centre that tell which neurons are alike."""
QUARTERS = (0.25, 0.5, 0.75)


def _keys(study: Study) -> Iterator[tuple[int]]:
    for mouse in study.reconstructed_mice:
        if study.asked.redundancy_trials(mouse):
            yield (mouse,)


def _define(study: Study, mouse: int) -> tuple[str, Definition]:
    return study.mice[mouse], {
        "mouse": mouse,
        "encoder": study.encoder_digests(1)[0],
        "receptive_fields": study.unit("receptive_fields", mouse).name,
        "trials": study.trials.digest_of_role(mouse, "training"),
        "behavior": study.trials.behavior_digest(mouse),
    }


def _order(work: Worker, task: Task) -> None:
    """For every way of choosing the place of each neuron in an order; and what the first 1, 2, ... N have in common.

    ``place`` (way, neuron); ``signal_correlation`` and ``predictability`` (way, kept): of the neurons that are kept,
    the mean correlation between the signals of two, and of the encoder's predictions with recorded responses.
    """
    ((mouse,),), (unit,), study = task.keys, task.units, work.study
    with Cost() as cost:
        signals, predictability = _signals(study, work.load(study.unit("encoders", 0)), mouse)
        correlation = signals @ signals.T
        places, shapes = _fields(study.result("receptive_fields", mouse))
        # Ways shall differ in which neurons they keep, not in how good these are.
        groups = np.searchsorted(np.quantile(predictability, QUARTERS), predictability)
        groups = groups + (len(QUARTERS) + 1) * np.isnan(places).any(axis=1)
        orders = {}
        ways: dict[tuple[str, str], NDArray[np.floating]] = {
            ("spread", "clustered"): places,
            ("diverse", "alike"): shapes,
            ("independent", "redundant"): signals,
        }
        for (far, near), features in ways.items():
            apart = distances(features)
            orders[far], orders[near] = diverse_order(apart, groups), alike_order(apart, groups)
        kept = np.arange(1, len(groups) + 1)
        dataset = xr.Dataset(
            {
                "place": (("way", "neuron"), np.argsort(list(orders.values()), axis=1)),
                "signal_correlation": (
                    ("way", "kept"),
                    [mean_correlation_of_first(correlation, order) for order in orders.values()],
                ),
                "predictability": (
                    ("way", "kept"),
                    [np.cumsum(predictability[order]) / kept for order in orders.values()],
                ),
            },
            attrs={"ways": list(orders)},
        )
    work.save(unit, dataset, cost)


def _signals(study: Study, encoder: Encoder, mouse: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Predicted responses to training movies, as rows of mean 0 and length 1; and how well recorded ones fit.

    Signals are predicted under the mean behaviour, so that they share nothing but the movie.
    """
    still = study.trials.mean_behavior(mouse)
    signals, fit = [], NeuronCorrelation()
    for number in study.trials.of_role(mouse, "training")[:MOVIES]:
        trial = study.trial(mouse, number)
        resting = (np.repeat(mean[:, None], trial.frames, axis=1) for mean in still)
        signals.append(predicted_responses(encoder, mouse, trial.movie, *resting))
        behaving = (trial.behavior, trial.pupil_center)
        fit.add(trial.responses, predicted_responses(encoder, mouse, trial.movie, *behaving))
    together = np.concatenate(signals, axis=1)
    together -= together.mean(axis=1, keepdims=True)
    length = np.linalg.norm(together, axis=1, keepdims=True)
    return np.divide(together, length, out=together, where=length > 0), np.nan_to_num(fit.values())


def _fields(stored: xr.Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres (N, 2) of receptive fields, and On minus Off around them as rows of length 1; NaN where there is none."""
    centres = np.stack([stored["on_centres"].values, stored["off_centres"].values]).astype(np.float64)
    there = centres[..., :1] >= 0  # (2, N, 1)
    count = there.sum(axis=0)
    places = np.where(count > 0, (centres * there).sum(axis=0) / np.maximum(count, 1), np.nan)
    maps = np.nan_to_num(stored["on"].values) - np.nan_to_num(stored["off"].values)  # one phase may have no field
    padded = np.pad(maps, ((REACH, REACH), (REACH, REACH), (0, 0)))
    shapes = np.full((len(places), (2 * REACH + 1) ** 2), np.nan)
    for neuron in np.flatnonzero(count):
        row, column = places[neuron].astype(int)
        around = padded[row : row + 2 * REACH + 1, column : column + 2 * REACH + 1, neuron].ravel()
        shapes[neuron] = around / (np.linalg.norm(around) or 1.0)
    return places, shapes


POPULATIONS = Stage(
    name="populations",
    label="orders of the neurons",
    item="mouse",
    part="reconstructions",
    keys=_keys,
    define=_define,
    perform=_order,
)
