"""Compiled steps of the encoders for CPUs (kernels.cpp): compiled where they are used, kept in a cache.

There is no need for them: without a compiler the same steps are computed by PyTorch.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import stat
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

SOURCE = Path(__file__).with_name("kernels.cpp")
CHANNELS = 32
"""Channels must be a multiple of this: the largest CHANNELS of kernels.cpp, which depends on the processor."""
PARTS = 16
"""Sums over positions are made in as many parts, in order: the same numbers for any number of threads."""
# Not -ffast-math, which would change the rounding of the whole process where it is linked.
FLAGS = (
    "-std=c++17",
    "-O3",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-ffinite-math-only",
    "-fno-signed-zeros",
    "-fPIC",
)
OPENMP = "-fopenmp"
TARGET_VARIABLE = "MOVRECON_KERNEL_TARGET"
"""Environment variable: the processor that is compiled for, as of ``-march``; without it the one at hand."""
_NAMES = ("spatial", "spatial_backward", "temporal", "temporal_backward", "products")
_FLOAT_NAMES = ("displaced", "displaced_backward")


class Kernels:
    """The functions of kernels.cpp on contiguous tensors, with channels last; the types are `dtype` and float32.

    Parameters
    ----------
    library
        What was compiled.
    dtype
        float32 or bfloat16.

    Raises
    ------
    AttributeError
        If a function is not in the library.
    """

    def __init__(self, library: ctypes.CDLL, dtype: torch.dtype) -> None:
        names = (*_NAMES, *_FLOAT_NAMES) if dtype == torch.float32 else _NAMES
        self._functions = {name: getattr(library, f"{name}_{str(dtype).removeprefix('torch.')}") for name in names}

    def spatial(self, x: Tensor, x_bias: Tensor, weight: Tensor, bias: Tensor, stride: int, y: Tensor) -> None:
        """Write to y (F, h, w, E) the depth-wise 3 x 3 (weight (9, E)) of silu(x + x_bias), x (F, H, W, E)."""
        self._call("spatial", [x, x_bias, weight, bias, y], *x.shape, stride)

    def spatial_backward(
        self, of_y: Tensor, x: Tensor, x_bias: Tensor, weight: Tensor, stride: int, of_x: Tensor
    ) -> None:
        """Write to of_x, which may be x, the gradient of `spatial`'s x."""
        self._call("spatial_backward", [of_y, x, x_bias, weight, of_x], *x.shape, stride)

    def temporal(self, x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give silu and its derivative of the depth-wise layer over frames of silu(x), and the sum of the former.

        Parameters
        ----------
        x
            (B, T, P, E).
        weight, bias
            (5, E), (E,).
        """
        active, steepness = torch.empty_like(x), torch.empty_like(x)
        totals = torch.empty(len(x), PARTS, x.shape[-1])
        self._call("temporal", [x, weight, bias, active, steepness, totals], *x.shape, PARTS)
        return active, steepness, totals.sum(dim=1)

    def temporal_backward(
        self, z: Tensor, scale: Tensor, shift: Tensor, steepness: Tensor, x: Tensor, weight: Tensor
    ) -> None:
        """Write over z the gradient of `temporal`'s x from that of its silu, scale * z + shift (both (B, E))."""
        self._call("temporal_backward", [z, scale, shift, steepness, x, weight], *z.shape)

    def products(self, x: Tensor, y: Tensor) -> Tensor:
        """Sum x * y, both (B, P, E), over P."""
        totals = torch.empty(len(x), PARTS, x.shape[-1])
        self._call("products", [x, y, totals], *x.shape, PARTS)
        return totals.sum(dim=1)

    def displaced(self, movie: Tensor, shift: Tensor, side: int) -> Tensor:
        """Give movie (F, H, W) displaced by shift (F, 2), x and y in pixels, (F, H * W) in blocks; float32 alone.

        Blocks have side * side pixels; columns of blocks come before rows.
        """
        seen = torch.empty_like(movie)
        self._call("displaced", [movie, shift, seen], *movie.shape, side)
        return seen.flatten(1)

    def displaced_backward(self, of_seen: Tensor, movie: Tensor, shift: Tensor, side: int) -> tuple[Tensor, Tensor]:
        """Give the gradients of `displaced`'s movie and shift."""
        of_movie, of_shift = torch.empty_like(movie), torch.empty_like(shift)
        self._call("displaced_backward", [of_seen, movie, shift, of_movie, of_shift], *movie.shape, side)
        return of_movie, of_shift

    def _call(self, name: str, tensors: list[Tensor], *numbers: int) -> None:
        if not all(tensor.is_contiguous() for tensor in tensors):
            raise ValueError(f"{name}: tensors must be contiguous")
        if name in _FLOAT_NAMES and any(tensor.dtype != torch.float32 for tensor in tensors):
            raise ValueError(f"{name}: tensors must be float32")
        pointers = [ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]
        self._functions[name](*pointers, *map(ctypes.c_int64, numbers), torch.get_num_threads())


@lru_cache
def kernels_for(dtype: torch.dtype) -> Kernels | None:
    """Give the kernels for a precision; None where there are none, or no compiler.

    Parameters
    ----------
    dtype
        Only float32 and bfloat16 have kernels.
    """
    if dtype not in (torch.float32, torch.bfloat16):
        return None
    try:
        return Kernels(ctypes.CDLL(str(compiled(cache_folder()))), dtype)
    except (OSError, subprocess.SubprocessError, AttributeError) as error:
        logging.getLogger(__name__).info("kernels.cpp is not used, PyTorch is slower: %s", error)
        return None


def cache_folder() -> Path:
    """Where compiled files are kept: ``$XDG_CACHE_HOME/movrecon`` or ``~/.cache/movrecon``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "movrecon"


def compiled(folder: Path) -> Path:
    """Compile kernels.cpp, unless that was done before for this source, compiler and processor.

    Parameters
    ----------
    folder
        Keeps what was compiled; made for its owner alone.

    Raises
    ------
    OSError
        If there is no compiler, or the folder or the file could have been written by somebody else.
    subprocess.SubprocessError
        If the compiler fails.
    """
    compiler = os.environ.get("CXX", "c++")
    version = subprocess.run([compiler, "--version"], check=True, capture_output=True, timeout=60).stdout
    target = f"-march={os.environ.get(TARGET_VARIABLE) or 'native'}"
    key = [SOURCE.read_bytes(), version, repr((*FLAGS, OPENMP, target)).encode(), _processor().encode()]
    name = hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in key)).hexdigest()[:32]
    library = folder / f"kernels-{name}.so"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_owner(folder)
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            made, linked = Path(temporary) / "kernels.o", Path(temporary) / "kernels.so"
            build = (target, "-c", str(SOURCE), "-o", str(made))
            try:
                _run(compiler, *FLAGS, OPENMP, *build)
            except subprocess.CalledProcessError:  # macOS's compiler has no OpenMP: for one thread
                _run(compiler, *FLAGS, *build)
            # Without -fopenmp: a second OpenMP would not share its threads with the one that torch has loaded.
            _run(compiler, "-shared", str(made), "-o", str(linked))
            linked.chmod(0o600)
            linked.replace(library)
    _check_owner(library)
    return library


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=300)


def _check_owner(path: Path) -> None:
    """Refuse what is not this user's alone to write."""
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise OSError(f"{path}: expected to be owned and written by this user alone; remove it")


def _processor() -> str:
    """What ``-march=native`` depends on."""
    information = Path("/proc/cpuinfo")
    if not information.is_file():
        return f"{platform.machine()} {platform.processor()}"
    lines = information.read_text(encoding="utf-8").splitlines()
    return "\n".join(sorted({line for line in lines if line.startswith(("flags", "Features", "model", "cpu family"))}))
