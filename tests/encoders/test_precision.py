"""bfloat16 where a device is fast in it, float32 elsewhere; what is used is part of what defines a result."""

import numpy as np
import pytest
import torch
from small_dwiseneuro import CONFIGS, trained

from movrecon_core.encoders.precision import VARIABLE, computed_in, fast_bfloat16, mixed_precision, used_precision
from movrecon_core.errors import ProfileError
from movrecon_core.reconstruction import ReconstructionConfig, Target, reconstruct

CPU, CUDA, MPS = (torch.device(name) for name in ("cpu", "cuda", "mps"))


@pytest.fixture
def processor(monkeypatch):
    """A processor with AVX-512's bfloat16 or without it."""
    monkeypatch.delenv(VARIABLE, raising=False)

    def of(bfloat16: bool) -> None:
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bfloat16)

    return of


@pytest.mark.parametrize("known", [True, False])
def test_the_processor_decides(processor, known):
    processor(known)
    assert fast_bfloat16(CPU) is known
    assert used_precision("bfloat16", CPU) == ("bfloat16" if known else "float32")
    assert not fast_bfloat16(MPS)


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("known", [True, False])
def test_other_precisions_stay(processor, known, precision):
    processor(known)
    assert used_precision(precision, CPU) == precision


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda():
    assert fast_bfloat16(CUDA) is (torch.cuda.get_device_capability()[0] >= 8)


def test_the_environment_forces_float32(processor, monkeypatch):
    processor(True)
    monkeypatch.setenv(VARIABLE, "float32")
    assert not fast_bfloat16(CPU)
    assert not fast_bfloat16(MPS)
    monkeypatch.setenv(VARIABLE, "float16")
    with pytest.raises(ProfileError, match=r"MOVRECON_PRECISION=float16: float32 is all that it can be"):
        used_precision("bfloat16", CPU)


def test_what_names_a_result_also_computes_it(processor):
    """A worker with another processor than the run's."""
    processor(True)
    with computed_in("float32", CPU):
        assert used_precision("bfloat16", CPU) == "float32"
    assert used_precision("bfloat16", CPU) == "bfloat16"
    processor(False)
    with (
        pytest.raises(ProfileError, match=f"slow on this cpu; start it with {VARIABLE}=float32"),
        computed_in("bfloat16", CPU),
    ):
        pass


@pytest.mark.parametrize("known", [True, False])
def test_movies_are_found_in_the_used_precision(processor, monkeypatch, known):
    processor(known)
    encoder, asked = trained(CONFIGS["small"]).float(), []
    form_of = type(encoder).frozen_form
    monkeypatch.setattr(type(encoder), "frozen_form", lambda self, p: asked.append(p) or form_of(self, p))
    still = np.zeros((2, 32), np.float32)
    target = Target(np.ones((7, 32), np.float32), still, still, np.ones((64, 64), bool))
    reconstruct([encoder], 0, [target], ReconstructionConfig(iterations=1, precision="bfloat16"))
    assert asked == ["bfloat16" if known else "float32"]


@pytest.mark.parametrize(("known", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_mixed_precision_only_where_it_is_fast(processor, known, expected):
    processor(known)
    with mixed_precision(True, CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == expected
    with mixed_precision(False, CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
