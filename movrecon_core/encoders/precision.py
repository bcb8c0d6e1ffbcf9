"""In which precision encoders are computed: what is asked for, and what is fast on the device.

The one place that asks a processor what it can do. Known features decide and no measurement, so that the answer is the
same in every run on one machine.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

import torch

from movrecon_core.errors import ProfileError

Precision = Literal["float64", "float32", "bfloat16"]

VARIABLE = "MOVRECON_PRECISION"
"""Environment variable; ``float32`` takes float32 in place of bfloat16 anywhere."""

_forced: ContextVar[Precision | None] = ContextVar("forced", default=None)


def fast_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies matrices of bfloat16 faster than those of float32, and is not told to use these.

    Graphics processors that do so natively, and x86 processors with AVX-512's bfloat16 or AMX. All others emulate it,
    some a hundred times slower than float32.

    Parameters
    ----------
    device
        Where encoders are computed.

    Raises
    ------
    ProfileError
        If `VARIABLE` holds anything but ``float32``.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked not in ("", "float32"):
        raise ProfileError(f"{VARIABLE}={asked}: float32 is all that it can be; unset it for what the processor does")
    if asked or _forced.get() == "float32":
        return False
    if device.type == "cuda":
        with torch.cuda.device(device):
            return torch.cuda.is_bf16_supported(including_emulation=False)
    # A processor with AMX also has the other.
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def used_precision(precision: Precision, device: torch.device) -> Precision:
    """Give the precision that is used where one is asked for: float32 where bfloat16 is slow, else that one.

    Parameters
    ----------
    precision
        ``bfloat16`` means: lower where that is faster.
    device
        As in `fast_bfloat16`.
    """
    return "float32" if precision == "bfloat16" and not fast_bfloat16(device) else precision


def mixed_precision(asked: bool, device: torch.device) -> torch.autocast:
    """Context in which products are computed in bfloat16, if that is asked for and fast on the device."""
    return torch.autocast(device.type, torch.bfloat16, enabled=asked and fast_bfloat16(device))


@contextmanager
def computed_in(lower: Precision, device: torch.device) -> Iterator[None]:
    """Use one lower precision while the block runs, also where this device would choose another.

    Parameters
    ----------
    lower
        What bfloat16 stands for: itself, or float32.
    device
        As in `fast_bfloat16`.

    Raises
    ------
    ProfileError
        If it is bfloat16, which is slow here.
    """
    token = _forced.set(lower)
    try:
        if used_precision("bfloat16", device) != lower:
            raise ProfileError(
                f"the run computes in {lower}, which is slow on this {device.type}; start it with {VARIABLE}=float32"
            )
        yield
    finally:
        _forced.reset(token)
