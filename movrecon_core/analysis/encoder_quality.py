"""How near an encoder's predictions come to what can be predicted: ceilings, averages of repeats, calibration."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from movrecon_core.analysis.metrics import neuron_correlation

Array = NDArray[np.floating]

CALIBRATION_BINS = 10


def repeat_groups(movies: Sequence[bytes]) -> list[list[int]]:
    """Places of movies that are the same, two at least, in the order of their first showing.

    Parameters
    ----------
    movies
        Something that is equal for equal movies, such as a digest.
    """
    groups: dict[bytes, list[int]] = {}
    for place, movie in enumerate(movies):
        groups.setdefault(movie, []).append(place)
    return [places for places in groups.values() if len(places) > 1]


def repeat_ceiling(groups: Sequence[Array]) -> NDArray[np.float64]:
    """Largest correlation with single trials that a perfect model of the repeated part can have.

    Two showings correlate by the share of variance that repeats; a model of that share correlates with one showing by
    its square root (Sahani & Linden 2003; Schoppe et al. 2016).

    Parameters
    ----------
    groups
        Responses (R, N, T) to the R showings of each movie; R may differ.

    Returns
    -------
    NDArray
        (N,); 0 where showings do not correlate, NaN for constant neurons.
    """
    first, second = [], []
    for shown in groups:
        for i in range(len(shown)):
            for j in range(len(shown)):
                if i != j:
                    first.append(shown[i])
                    second.append(shown[j])
    return np.sqrt(np.maximum(neuron_correlation(np.concatenate(first, axis=1), np.concatenate(second, axis=1)), 0))


def correlation_to_average(groups: Sequence[Array], predicted: Sequence[Array]) -> NDArray[np.float64]:
    """Correlation of predictions with the average over repeats (the competition's second metric).

    Parameters
    ----------
    groups
        Responses (R, N, T) to the showings of each movie.
    predicted
        Predictions of the same shapes; behaviour may make them differ between showings.

    Returns
    -------
    NDArray
        (N,).
    """
    average = np.concatenate([shown.mean(axis=0) for shown in groups], axis=1)
    return neuron_correlation(average, np.concatenate([found.mean(axis=0) for found in predicted], axis=1))


def calibration(recorded: Array, predicted: Array, bins: int = CALIBRATION_BINS) -> tuple[Array, Array]:
    """Mean recorded response where the prediction was about so large.

    Parameters
    ----------
    recorded, predicted
        (N, T); each neuron is divided by its mean recorded response, so that all weigh alike.
    bins
        Of equally many values, from the lowest predictions to the highest.

    Returns
    -------
    predicted, recorded
        (bins,) means in units of a neuron's mean response; equal for a calibrated encoder.
    """
    mean = recorded.mean(axis=1, keepdims=True)
    active = mean[:, 0] > 0
    found, true = ((x[active] / mean[active]).ravel() for x in (predicted, recorded))
    order = np.argsort(found, kind="stable")
    parts = np.array_split(order, bins)
    return np.array([found[part].mean() for part in parts]), np.array([true[part].mean() for part in parts])
