"""Which neurons an order begins with: known from where they were placed, and from whose copies they are."""

import numpy as np
import pytest

from movrecon_core.analysis.populations import alike_order, distances, diverse_order, mean_correlation_of_first

EQUAL = np.zeros(40, dtype=int)


def test_neurons_in_a_row() -> None:
    """Of places 0 to 8 the middle is 4, next to it are 3 and 5; farthest apart are the ends."""
    apart = distances(np.arange(9.0)[:, None])
    np.testing.assert_allclose(apart[2], np.abs(np.arange(9) - 2))
    assert set(alike_order(apart, EQUAL[:9])[:5]) == {2, 3, 4, 5, 6}
    first = diverse_order(apart, EQUAL[:9])
    assert first[:2].tolist() == [0, 8]
    assert set(first[:5]) == {0, 2, 4, 6, 8}


def test_copies_are_redundant() -> None:
    """Eight neurons, each five times: an eighth of the diverse is one of each, of the alike one neuron's copies."""
    random = np.random.default_rng(1)
    signals = np.repeat(random.normal(size=(8, 300)), 5, axis=0)[random.permutation(40)]
    signals -= signals.mean(axis=1, keepdims=True)
    signals /= np.linalg.norm(signals, axis=1, keepdims=True)
    apart, correlation = distances(signals), signals @ signals.T
    diverse, alike = diverse_order(apart, EQUAL), alike_order(apart, EQUAL)
    assert len(np.unique(signals[diverse[:8]].round(6), axis=0)) == 8
    assert len(np.unique(signals[alike[:5]].round(6), axis=0)) == 1
    assert mean_correlation_of_first(correlation, alike)[4] == pytest.approx(1)
    assert abs(mean_correlation_of_first(correlation, diverse)[7]) < 0.1


def test_every_beginning_holds_groups_in_their_shares() -> None:
    random = np.random.default_rng(2)
    groups = random.permutation(np.repeat([0, 1, 2], [20, 12, 8]))
    apart = distances(random.normal(size=(40, 2)))
    for order in (alike_order(apart, groups), diverse_order(apart, groups)):
        assert sorted(order) == list(range(40))
        for kept in (5, 10, 20):
            counts = np.bincount(groups[order[:kept]], minlength=3)
            assert (np.abs(counts - kept * np.array([0.5, 0.3, 0.2])) <= 1).all()


def test_neurons_without_a_place_are_kept_in_their_share() -> None:
    places = np.random.default_rng(3).normal(size=(40, 2))
    places[::4] = np.nan
    groups = np.isnan(places[:, 0]).astype(int)
    apart = distances(places)
    for order in (alike_order(apart, groups), diverse_order(apart, groups)):
        assert groups[order[:12]].sum() == 3
    known = distances(places[groups == 0])
    first = np.flatnonzero(groups == 0)[diverse_order(known, EQUAL[:30])[:9]]
    assert set(first) == {neuron for neuron in diverse_order(apart, groups)[:12] if not groups[neuron]}


def test_mean_correlation_of_the_first() -> None:
    correlation = np.array([[1.0, 0.2, 0.4], [0.2, 1.0, 0.9], [0.4, 0.9, 1.0]])
    found = mean_correlation_of_first(correlation, np.array([2, 0, 1]))
    assert np.isnan(found[0])
    assert found[1:] == pytest.approx([0.4, 0.5])
