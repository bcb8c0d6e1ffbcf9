"""movrecon: movies reconstructed from the activity of mouse visual cortex.

`import movrecon_core as mr` offers what is listed in `__all__`; each is loaded when it is first asked for.
"""

from importlib import import_module
from typing import Any

from movrecon_core.process import keep_freed_memory, share_cores

__version__ = "0.1.0"

_HOMES = {
    "analysis": ("video_correlation",),
    "api": (
        *("evaluation_pixels", "example_folder", "load_encoder", "load_profile", "open_recording", "predict"),
        *("reconstruct", "train_encoder", "train_mask"),
    ),
    "reconstruction": ("MaskConfig",),
    "recordings": ("check_recording", "split_trials"),
    "recordings.arrays": ("write_recording",),
    "simulation": ("SimulationConfig", "simulate_mouse"),
    "study": ("open_study",),
    "study.run.pipeline": ("run_study",),
}
"""Room → what it offers; `__init__.pyi` says the same to type checkers."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)

share_cores()
keep_freed_memory()


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
