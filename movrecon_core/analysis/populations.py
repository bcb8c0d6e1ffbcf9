"""Orders of a population's neurons, of which the first ones are kept: alike, or far apart, in some respect."""

import numpy as np
from numpy.typing import NDArray


def distances(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Euclidean distances (N, N) between rows of features (N, F); infinite where a row holds NaN."""
    known = np.isfinite(features).all(axis=1)
    values = np.where(known[:, None], features, 0).astype(np.float64)
    squares = np.square(values).sum(axis=1)
    found = np.sqrt(np.maximum(squares[:, None] + squares - 2 * values @ values.T, 0))
    found[~known] = np.inf
    found[:, ~known] = np.inf
    return found


def alike_order(apart: NDArray[np.floating], groups: NDArray[np.integer]) -> NDArray[np.intp]:
    """Neurons in the order of their distance from the most central one, whose mean distance to all is least.

    Parameters
    ----------
    apart
        (N, N), distances; infinite for neurons of which nothing is known, which come in their own order.
    groups
        (N,), of which every part of the order that begins with its first holds the same share, as near as can be.

    Returns
    -------
    NDArray
        (N,), a permutation.
    """
    finite = np.isfinite(apart)
    mean = np.where(finite, apart, 0).sum(axis=1) / np.maximum(finite.sum(axis=1), 1)
    central = int(np.argmin(np.where(finite.any(axis=1), mean, np.inf)))
    waiting = {g: iter(m[np.argsort(apart[central, m], kind="stable")]) for g, m in _members(groups).items()}
    return np.array([next(waiting[group]) for group in _turns(groups)])


def diverse_order(apart: NDArray[np.floating], groups: NDArray[np.integer]) -> NDArray[np.intp]:
    """Neurons in an order in which each is as far as can be from the nearest of those before it.

    Parameters and result as of `alike_order`.
    """
    waiting = {group: list(members) for group, members in _members(groups).items()}
    nearest = np.full(len(apart), np.inf)
    order = []
    for group in _turns(groups):
        members = waiting[group]
        neuron = members.pop(int(np.argmax(nearest[members])))
        nearest = np.minimum(nearest, apart[neuron])
        order.append(neuron)
    return np.array(order)


def mean_correlation_of_first(correlation: NDArray[np.floating], order: NDArray[np.intp]) -> NDArray[np.float64]:
    """Mean correlation between two different neurons of the first 1, 2, ... N in an order; NaN for one alone.

    Parameters
    ----------
    correlation
        (N, N), symmetric.
    order
        (N,), a permutation.
    """
    below = np.tril(correlation[np.ix_(order, order)], -1).sum(axis=1)
    kept = np.arange(1, len(order) + 1)
    pairs = kept * (kept - 1) / 2
    return np.divide(np.cumsum(below), pairs, out=np.full(len(order), np.nan), where=pairs > 0)


def _members(groups: NDArray[np.integer]) -> dict[int, NDArray[np.intp]]:
    return {int(group): np.flatnonzero(groups == group) for group in np.unique(groups)}


def _turns(groups: NDArray[np.integer]) -> list[int]:
    """The group of each place in an order, so that every beginning holds groups in their shares."""
    places = np.empty(len(groups))
    for members in _members(groups).values():
        places[members] = (np.arange(len(members)) + 0.5) / len(members)
    return [int(group) for group in groups[np.argsort(places, kind="stable")]]
