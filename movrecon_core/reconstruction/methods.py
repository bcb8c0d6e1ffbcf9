"""Methods of reconstruction by name: what `method` stands for in a profile's sections called reconstruction."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from movrecon_core.encoders.checkpoints import known_encoders
from movrecon_core.errors import ProfileError
from movrecon_core.reconstruction.config import ReconstructionConfig, best_config, fast_config

METHODS: dict[str, Callable[[int | None, int], ReconstructionConfig]] = {
    "published": lambda stack_frames, stack_step: ReconstructionConfig(),
    "fast": fast_config,
    "best": best_config,
}
"""By what a stack of the encoder is."""


def with_methods(content: Mapping[str, Any]) -> dict[str, Any]:
    """A profile's content with every `method` in place of the settings that it names; single keys beside it stay.

    What is wrong with the content otherwise is left to whoever checks it.

    Raises
    ------
    ProfileError
        If there is no such method.
    """
    found = dict(content)
    if "reconstruction" in found:
        found["reconstruction"] = _settings(found["reconstruction"], found.get("encoder", {}))
    if isinstance(baselines := found.get("baselines"), Mapping) and isinstance(baselines.get("methods"), Mapping):
        sections = baselines["methods"].items()
        methods = {name: _settings(section, found.get("encoder", {})) for name, section in sections}
        found["baselines"] = {**baselines, "methods": methods}
    if isinstance(other := found.get("comparison"), Mapping) and "reconstruction" in other:
        found["comparison"] = {**other, "reconstruction": _settings(other["reconstruction"], other.get("encoder", {}))}
    return found


def _settings(section: Any, encoder: Any) -> Any:
    if not isinstance(section, Mapping) or "method" not in section:
        return section
    name, kept = section["method"], {key: value for key, value in section.items() if key != "method"}
    if not isinstance(name, str) or name not in METHODS:
        raise ProfileError(f"'reconstruction.method': no method is called {name!r}; choose {', '.join(METHODS)}")
    if not isinstance(encoder, Mapping):
        return kept
    architecture, given = encoder.get("architecture", "factorised"), encoder.get("parameters") or {}
    config = known_encoders().get(architecture) if isinstance(architecture, str) else None
    if config is None or not isinstance(given, Mapping):
        return kept
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    frames, step = (given.get(key, defaults[key]) for key in ("stack_frames", "stack_step"))
    return {**dataclasses.asdict(METHODS[name](frames, step)), **kept}
