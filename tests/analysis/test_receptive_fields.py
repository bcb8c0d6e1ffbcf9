"""Receptive fields of neurons whose receptive fields are known."""

import numpy as np
import pytest
import torch
from torch import nn

from movrecon_core.analysis import population_fields, receptive_fields, sparse_noise_responses
from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.errors import ReconstructionError
from movrecon_core.stimuli import sparse_noise

ON_PLACE, OFF_PLACE = (9, 14), (28, 50)


class Points(Encoder):
    """An On neuron and an Off neuron with small square fields, and one that sees nothing."""

    stack_frames, stack_step, neurons = None, 1, (3,)

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, inputs, mouse):
        movie = crop_movie(inputs[:, 0]) / 127.5 - 1
        fields = [
            movie[..., row - 2 : row + 3, column - 2 : column + 3].sum(dim=(-2, -1))
            for row, column in (ON_PLACE, OFF_PLACE)
        ]
        return 1 + torch.stack([fields[0].relu(), (-fields[1]).relu(), 0 * fields[0]], dim=1) * inputs[:, 1:2, :, 0, 0]


@pytest.mark.parametrize("pixel", [1, 2, 4])
def test_fields_are_found_where_they_are(pixel):
    behavior, pupil = np.array([2.0, 0.0]), np.zeros(2)
    on, off = sparse_noise_responses(Points(), 0, behavior, pupil, pixel=pixel, batch=96)
    assert on.shape == off.shape == (36, 64, 3, 3)
    fields = receptive_fields(on[None], off[None])
    assert np.abs(fields.on_centres[0] - ON_PLACE).max() <= pixel / 2
    assert np.abs(fields.off_centres[1] - OFF_PLACE).max() <= pixel / 2
    assert fields.on_centres[1:].tolist() == [[-1, -1]] * 2
    assert np.isnan(fields.on[..., 1:]).all()
    assert np.nanmax(fields.on) == 1
    if pixel == 1:
        np.testing.assert_allclose(on[(*ON_PLACE, 0)], [1, 3, 1])  # before, during, after; gain 2
        np.testing.assert_allclose(off[(*ON_PLACE, 0)], 1)


class Padding(Points):
    """Answers with the grey level outside the screen, above and below, and with the largest there."""

    def forward(self, inputs, mouse):
        outside = torch.cat([inputs[:, 0, :, :14], inputs[:, 0, :, 50:]], dim=2).flatten(2)
        return torch.stack([outside.mean(dim=2), outside.amax(dim=2), outside.amin(dim=2)], dim=1)


def test_rows_outside_the_screen_are_grey():
    """Scripts: 127, as with sparse noise alone."""
    for maps in sparse_noise_responses(Padding(), 0, np.zeros(2), np.zeros(2), pixel=4, batch=96):
        np.testing.assert_array_equal(maps, 127)


def test_population_leaves_out_neurons_without_a_field():
    on = np.ones((1, 36, 64, 2, 3))
    on[0, 5, 6, 0, 1] = 2
    fields = receptive_fields(on, np.flip(on, axis=2))
    population = population_fields(fields)
    np.testing.assert_array_equal(population.on, fields.on[..., 0])
    assert np.abs(population.on_or_off).max() == 1
    assert fields.on_centres[(fields.on_centres >= 0).all(axis=1)].tolist() == [[5, 6]]


def test_sparse_noise_is_one_pixel_for_half_a_second():
    movie = sparse_noise(3, 60, 255.0)
    assert movie.shape == (45, 36, 64)
    assert np.argwhere(movie != 127.5).tolist() == [[frame, 3, 60] for frame in range(15, 30)]
    assert (sparse_noise(32, 60, 0.0, pixel=4) == 0).sum() == 15 * 16
    with pytest.raises(ReconstructionError, match="not on the screen"):
        sparse_noise(33, 60, 0.0, pixel=4)
