"""Displaced movies against NumPy, and the compiled form against PyTorch's function in float64."""

import shutil

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import shift as scipy_shift

from movrecon_core.encoders.displacement import _by_sampling, displaced


def rows_and_columns(seen: torch.Tensor, height: int, width: int, side: int) -> torch.Tensor:
    blocks = seen.unflatten(1, (width // side, height // side, side, side))
    return blocks.permute(0, 2, 3, 1, 4).reshape(-1, height, width)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_displaced_frame_is_scipys(dtype):
    random = np.random.default_rng(0)
    movie, shift = random.random((5, 12, 8)), random.uniform(-5, 5, (5, 2))
    found = displaced(torch.from_numpy(movie).to(dtype), torch.from_numpy(shift).to(dtype), 2)
    expected = [scipy_shift(f, (-y, -x), order=1, mode="nearest") for f, (x, y) in zip(movie, shift, strict=True)]
    np.testing.assert_allclose(rows_and_columns(found, 12, 8, 2), np.stack(expected), atol=2e-6)


def test_shifts_of_lower_precision_are_taken():
    """As a shifter gives them where products are of bfloat16."""
    movie, shift = torch.randn(3, 4, 6), torch.tensor([[0.5, -1.25], [2.0, 0.0], [-0.75, 3.5]])
    of_shift = shift.bfloat16().requires_grad_()
    seen = displaced(movie, of_shift, 2)
    assert torch.equal(seen, displaced(movie, shift, 2))
    seen.sum().backward()
    assert of_shift.grad.dtype == torch.bfloat16


@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 3), st.integers(0, 20), st.integers(0, 99))
def test_compiled_values_and_gradients_are_pytorchs(height, width, side, size, seed):
    torch.manual_seed(seed)
    movie = torch.randn(3, height * side, width * side)
    # Not by whole pixels, where the slope jumps.
    shift = torch.randint(-size, size + 1, (3, 2)) + torch.empty(3, 2).uniform_(0.1, 0.9)
    of_seen = torch.randn(3, movie[0].numel())
    found, expected = [], []
    for function, dtype, into in ((displaced, torch.float32, found), (_by_sampling, torch.float64, expected)):
        variables = [x.to(dtype).requires_grad_() for x in (movie, shift)]
        seen = function(*variables, side)
        into += [seen, *torch.autograd.grad(seen, variables, of_seen.to(dtype))]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-3)


def test_shifts_of_mixed_precision_are_those_of_float32() -> None:
    """Frames in float32, shifts in bfloat16, as training gives them: gradients come back in the shifts' precision."""
    movie = torch.rand(7, 36, 64, requires_grad=True)
    half = torch.tensor([[0.5, -1.25]], dtype=torch.bfloat16).repeat(7, 1).requires_grad_()
    single = half.detach().float().requires_grad_()
    seen = displaced(movie, half, 2)
    torch.testing.assert_close(seen, displaced(movie, single, 2))
    (found,) = torch.autograd.grad(seen.square().sum(), half)
    (expected,) = torch.autograd.grad(displaced(movie, single, 2).square().sum(), single)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, expected.bfloat16())
