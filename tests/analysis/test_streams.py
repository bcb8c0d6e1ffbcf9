"""Correlations in parts against those of the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movrecon_core.analysis import neuron_correlation
from movrecon_core.analysis.streams import NeuronCorrelation, RepeatCeiling
from movrecon_core.errors import ReconstructionError


@given(st.lists(st.integers(1, 6), min_size=2, max_size=5), st.floats(0, 1e4), st.integers(0, 99))
def test_parts_give_the_correlation_of_the_whole(lengths, offset, seed):
    random = np.random.default_rng(seed)
    parts = [(random.random((4, n)) + offset, random.random((4, n)) - offset) for n in lengths]
    for part in parts:
        part[0][1], part[1][2] = 0.1, -3.0  # neurons that are constant
    sums = NeuronCorrelation()
    for part in parts:
        sums.add(*part)
    whole = (np.concatenate(side, axis=1) for side in zip(*parts, strict=True))
    np.testing.assert_allclose(sums.values(), neuron_correlation(*whole), atol=1e-8)


def test_shapes_must_agree():
    with pytest.raises(ReconstructionError, match=r"\(2, 3\) and \(2, 4\)"):
        NeuronCorrelation().add(np.zeros((2, 3)), np.zeros((2, 4)))


def test_a_neuron_that_repeats_exactly_and_others_that_do_not():
    random = np.random.default_rng(0)
    repeats = np.broadcast_to(random.random((1, 1, 500)), (3, 1, 500))
    shown = np.concatenate([repeats, random.random((3, 1, 500)), np.full((3, 1, 500), 7.0)], axis=1)
    ceiling = RepeatCeiling()
    ceiling.add(shown)
    ceiling.add(shown[:1])  # a movie that was shown once tells nothing
    np.testing.assert_allclose(ceiling.values(), [1.0, 0.0, np.nan], atol=0.3)
    assert ceiling.values()[0] == pytest.approx(1.0)


def test_of_showings_of_different_lengths_the_frames_that_all_have_count():
    shown = [np.random.default_rng(seed).random((3, frames)) for seed, frames in enumerate((60, 57, 59))]
    uneven, even = RepeatCeiling(), RepeatCeiling()
    uneven.add(shown)
    even.add([one[:, :57] for one in shown])
    np.testing.assert_allclose(uneven.values(), even.values(), atol=1e-9)
