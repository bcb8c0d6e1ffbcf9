"""Compiled kernels against PyTorch's functions in float64, and what happens where they cannot be had."""

import os
import shutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_dwiseneuro import CONFIGS, movies, relative, responses_and_gradient, trained
from torch.nn import functional as F

from movrecon_core.encoders import kernels as compiled_kernels
from movrecon_core.encoders.dwiseneuro_folded import FoldedDwiseNeuro
from movrecon_core.encoders.kernels import CHANNELS, SOURCE, compiled, kernels_for

needs_compiler = pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
# bfloat16 keeps 8 bits: each rounding is within 2 ** -9 of a value.
TOLERANCE = {torch.float32: 2e-6, torch.bfloat16: 6e-3}
dtypes = st.sampled_from(list(TOLERANCE))
sizes = st.integers(1, 9)
blocks = st.integers(1, 3)


def drawn(dtype, *shape, scale=1.0):
    return (torch.randn(shape, dtype=torch.float64) * scale).to(dtype)


@needs_compiler
@settings(max_examples=40, deadline=None)
@given(dtypes, sizes, sizes, blocks, st.integers(1, 3), st.integers(1, 2), st.integers(0, 99))
def test_spatial(dtype, height, width, block, stride, frames, seed):
    torch.manual_seed(seed)
    channels = block * CHANNELS
    x = drawn(dtype, frames, height * 5, width, channels, scale=4.0)  # of more rows than a thread takes at once
    x_bias, weight, bias = (
        drawn(torch.float32, channels),
        drawn(torch.float32, 9, channels),
        drawn(torch.float32, channels),
    )
    exact = x.double().requires_grad_()
    planes = F.silu(exact + x_bias).permute(0, 3, 1, 2)
    kernel = weight.double().t().reshape(channels, 1, 3, 3)
    expected = F.conv2d(planes, kernel, bias.double(), stride, 1, groups=channels).permute(0, 2, 3, 1)
    of_y = drawn(dtype, *expected.shape)
    (of_x,) = torch.autograd.grad(expected, exact, of_y.double())
    kernels = kernels_for(dtype)
    y = torch.full(expected.shape, torch.nan, dtype=dtype)
    kernels.spatial(x, x_bias, weight, bias, stride, y)
    assert relative(y, expected) < TOLERANCE[dtype]
    apart = torch.full_like(x, torch.nan)
    kernels.spatial_backward(of_y, x, x_bias, weight, stride, apart)
    assert relative(apart, of_x) < TOLERANCE[dtype]
    kernels.spatial_backward(of_y, x, x_bias, weight, stride, x)
    assert torch.equal(x, apart)


@needs_compiler
@settings(max_examples=40, deadline=None)
@given(dtypes, st.integers(1, 2), sizes, st.integers(1, 40), blocks, st.integers(0, 99))
def test_temporal(dtype, stacks, frames, pixels, block, seed):
    torch.manual_seed(seed)
    channels = block * CHANNELS
    x, z = (drawn(dtype, stacks, frames, pixels, channels, scale=2.0) for _ in range(2))
    weight, bias = drawn(torch.float32, 5, channels), drawn(torch.float32, channels)
    scale, shift = drawn(torch.float32, stacks, channels), drawn(torch.float32, stacks, channels)
    exact = x.double().requires_grad_()
    kernel = weight.double().t().reshape(channels, 1, 5, 1)
    y = F.conv2d(F.silu(exact).permute(0, 3, 1, 2), kernel, bias.double(), padding=(2, 0), groups=channels)
    expected = F.silu(y).permute(0, 2, 3, 1)
    (of_x,) = torch.autograd.grad(expected, exact, z.double() * scale[:, None, None] + shift[:, None, None])
    kernels = kernels_for(dtype)
    active, steepness, total = kernels.temporal(x, weight, bias)
    assert relative(active, expected) < TOLERANCE[dtype]
    assert relative(total, expected.sum(dim=(1, 2))) < (1e-5 if dtype == torch.float32 else 5e-4)  # not yet rounded
    products = kernels.products(active.flatten(1, 2), z.flatten(1, 2))
    truth = (active.double() * z.double()).sum(dim=(1, 2))
    torch.testing.assert_close(products.double(), truth, rtol=1e-5, atol=1e-4)
    kernels.temporal_backward(z, scale, shift, steepness, x, weight)
    assert relative(z, of_x) < TOLERANCE[dtype]


@needs_compiler
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_extreme_values_and_nan(dtype):
    values = torch.tensor([0.0, -1e-30, 30.0, -30.0, 1e4, -1e4, 1e30, torch.nan], dtype=torch.float32).repeat(4)
    weight = torch.zeros(9, CHANNELS)
    weight[4] = 1
    zero, y = torch.zeros(CHANNELS), torch.empty(1, 1, 1, CHANNELS, dtype=dtype)
    kernels_for(dtype).spatial(values.to(dtype).view(1, 1, 1, -1), zero, weight, zero, 1, y)
    expected = F.silu(values.to(dtype).double())
    torch.testing.assert_close(y.flatten().double(), expected, rtol=6e-3, atol=1e-11, equal_nan=True)


@needs_compiler
@pytest.mark.parametrize("name", CONFIGS)
def test_as_near_the_truth_as_pytorch(name):
    encoder = trained(CONFIGS[name])
    inputs = movies(2, seed=1)
    truth = responses_and_gradient(encoder, inputs, 0)
    for dtype, factor in ((torch.float32, 2.0), (torch.bfloat16, 1.2)):
        torch_form = responses_and_gradient(FoldedDwiseNeuro(encoder, dtype, compiled=False), inputs.float(), 0)
        form = responses_and_gradient(FoldedDwiseNeuro(encoder, dtype), inputs.float(), 0)
        for found, by_torch, expected in zip(form, torch_form, truth, strict=True):
            assert relative(found, expected) < factor * relative(by_torch, expected)


@needs_compiler
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_threads_change_nothing(dtype):
    torch.manual_seed(0)
    x, threads, found = drawn(dtype, 2, 6, 50, 64), torch.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            found.append(kernels_for(dtype).temporal(x, torch.ones(5, 64), torch.zeros(64)))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for other in found[1:] for a, b in zip(found[0], other, strict=True))


@pytest.fixture
def unknown(monkeypatch):
    """Forget what was compiled, before and after."""
    kernels_for.cache_clear()
    yield monkeypatch
    kernels_for.cache_clear()


def test_without_a_compiler_pytorch_computes(unknown, tmp_path):
    unknown.setenv("XDG_CACHE_HOME", str(tmp_path))
    unknown.setenv("PATH", "")
    assert kernels_for(torch.float32) is None
    encoder = trained(CONFIGS["small"])
    found = FoldedDwiseNeuro(encoder, torch.float32)(movies(1).float(), 0)
    assert torch.equal(found, FoldedDwiseNeuro(encoder, torch.float32, compiled=False)(movies(1).float(), 0))


@needs_compiler
def test_one_openmp_is_loaded():
    assert kernels_for(torch.float32) is not None
    with open("/proc/self/maps") as maps:
        assert len({line.split()[-1] for line in maps if "libgomp" in line or "libiomp" in line}) == 1


@needs_compiler
@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_can_write_is_not_loaded(unknown, tmp_path, mode):
    library = compiled(tmp_path)
    assert compiled(tmp_path) == library
    assert library.stat().st_mode & 0o777 == 0o600
    library.chmod(mode)
    with pytest.raises(OSError, match="this user alone"):
        compiled(tmp_path)


@needs_compiler
def test_a_folder_that_others_can_write_or_a_link_is_not_used(tmp_path):
    library = compiled(tmp_path / "own")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(OSError, match="this user alone"):
        compiled(tmp_path / "open")
    os.rename(library, tmp_path / "elsewhere.so")
    library.symlink_to(tmp_path / "elsewhere.so")
    with pytest.raises(OSError, match="this user alone"):
        compiled(tmp_path / "own")


@needs_compiler
def test_a_file_that_is_no_library_is_not_used(unknown, tmp_path):
    unknown.setenv("XDG_CACHE_HOME", str(tmp_path))
    compiled(compiled_kernels.cache_folder()).write_bytes(b"damaged")
    assert kernels_for(torch.float32) is None


@needs_compiler
def test_other_sources_have_other_files(unknown, tmp_path):
    library = compiled(tmp_path)
    other = tmp_path / "kernels.cpp"
    other.write_bytes(SOURCE.read_bytes() + b"// changed\n")
    unknown.setattr(compiled_kernels, "SOURCE", other)
    assert compiled(tmp_path) != library
