"""Which kind of processor numbers were measured on: its name and what it can do, nothing that tells the computer."""

import os
import platform
from pathlib import Path
from typing import Any

KINDS = {
    "AVX-512, bfloat16 and AMX tiles": {"avx512f", "avx512_bf16", "amx_bf16"},
    "AVX-512 and bfloat16": {"avx512f", "avx512_bf16"},
    "AVX-512": {"avx512f"},
    "AVX2 alone": {"avx2"},
}
"""By their features, as Linux names them; the first that fits."""
FEATURES = ("avx2", "fma", "f16c", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16")
EMULATED = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
}
"""What makes torch's libraries leave a processor's wider units alone."""


def processor() -> dict[str, Any]:
    """Name and features of the processor, and its kind."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text("utf-8").splitlines() if information.is_file() else []
    known = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = set(known.get("flags", known.get("Features", "")).split())
    kind = next((name for name, needed in KINDS.items() if needed <= flags), platform.machine())
    if all(os.environ.get(name) == value for name, value in EMULATED.items()):
        kind = f"AVX2 alone, emulated on {kind}"
    name = known.get("model name") or platform.processor() or platform.machine()
    return {"kind": kind, "processor": name, "features": [feature for feature in FEATURES if feature in flags]}
