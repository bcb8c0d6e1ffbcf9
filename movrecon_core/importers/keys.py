"""Keys and values of a YAML file of a session, or of a mapping that comes with it."""

from pathlib import Path
from typing import Any

import yaml

from movrecon_core.errors import RecordingError
from movrecon_core.plain_yaml import load_plain_yaml


def read_keys(file: Path) -> dict[str, Any]:
    """Read a YAML file that holds keys and values.

    Raises
    ------
    RecordingError
        If it cannot be read, or holds anything else.
    """
    try:
        found = load_plain_yaml(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RecordingError(f"{file}: not readable as YAML ({' '.join(str(error).split())})") from None
    if not isinstance(found, dict):
        raise RecordingError(f"{file}: expected keys and values, found {type(found).__name__}")
    return found
