"""Where a number comes from: versions, device, seed."""

import platform
from importlib.metadata import version
from typing import Any

import pandas as pd
import torch

from movrecon_core import __version__
from movrecon_core.study.profile import Profile
from movrecon_core.study.study import Study

LIBRARIES = ("torch", "numpy", "scipy", "xarray", "zarr", "matplotlib", "statsmodels", "papermill", "jupyter-book")


def unit_provenance(profile: Profile, device: torch.device) -> dict[str, Any]:
    """What a stored unit says of its origin, besides its definition."""
    return {
        "profile": profile.name,
        "seed": profile.seed,
        "version": __version__,
        "torch": torch.__version__,
        "device": device_name(device),
        **({"peak_device_bytes": torch.cuda.max_memory_allocated(device)} if device.type == "cuda" else {}),
    }


def device_name(device: torch.device) -> str:
    """``cpu``, or the name of the GPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def versions() -> dict[str, str]:
    """Versions of the project, Python and the libraries that decide its numbers."""
    return {
        "movrecon": __version__,
        "Python": platform.python_version(),
        **{library: version(library) for library in LIBRARIES},
    }


def provenance(study: Study) -> pd.DataFrame:
    """One table for the end of a notebook: data and what is known of them, profile, seed, versions."""
    notes = {mouse: study.trials.split(mouse).attrs.get("notes") for mouse in study.in_order}
    rows = {
        "recordings": ", ".join(study.mice[mouse] for mouse in study.in_order),
        "data": "simulated" if study.simulated else "recorded",
        **{f"{study.label(mouse)}, check": "; ".join(found) for mouse, found in notes.items() if found},
        "held out": study.held_out,
        "profile": study.profile.name,
        **({"rehearsal": "yes: the numbers mean nothing"} if study.profile.rehearsal else {}),
        "seed": study.profile.seed,
        "encoders": f"{study.profile.instances} × {study.profile.encoder.architecture}",
        **versions(),
    }
    return pd.DataFrame({"value": {name: str(value) for name, value in rows.items()}}).rename_axis("what")
