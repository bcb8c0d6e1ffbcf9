"""Short names for content: of files, of definitions, of the code that computes."""

import ast
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

import movrecon_core
from movrecon_core.encoders.checkpoints import read_checkpoint
from movrecon_core.errors import RecordingError, StoreError
from movrecon_core.recordings import Recording
from movrecon_core.study.files import read_json, write_json


def digest(definition: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON of a definition, so that equal definitions have equal names."""
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content.

    Raises
    ------
    StoreError
        If the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from None


def checkpoint_digest(path: Path) -> str:
    """SHA-256 of an encoder's network and weights; the file's own bytes also hold the name it was first written to.

    Raises
    ------
    CheckpointError
        If it is not a valid checkpoint.
    """
    checkpoint = read_checkpoint(path)
    params = {key: checkpoint["params"].get(key) for key in ("nn_module", "frame_stack")}
    total = hashlib.sha256(json.dumps(params, sort_keys=True).encode())
    for name, values in sorted(checkpoint["nn_state_dict"].items()):
        total.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
        total.update(values.flatten().contiguous().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


@lru_cache
def code_fingerprint(*parts: str) -> str:
    """What the code of some parts of `movrecon_core` does, whatever its comments and docstrings say.

    Parameters
    ----------
    parts
        Modules or subpackages, as paths relative to the package: ``encoders``, ``recordings.py``.
    """
    root = Path(movrecon_core.__file__).parent
    total = hashlib.sha256()
    for part in parts:
        files = sorted((root / part).rglob("*.py")) if (root / part).is_dir() else [root / part]
        for file in files:
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                body = getattr(node, "body", None)
                if isinstance(body, list):
                    node.body = [n for n in body if not _is_text(n)]  # type: ignore[attr-defined]
            total.update(f"{file.relative_to(root)}\n{ast.unparse(tree)}\n".encode())
        for file in sorted((root / part).rglob("*.cpp")):
            total.update(f"{file.relative_to(root)}\n".encode() + file.read_bytes())
    return total.hexdigest()[:12]


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


class FileDigests:
    """Digests of large files, kept beside the results under (path, size, time of change).

    Parameters
    ----------
    cache
        JSON file that keeps them between runs.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        known = read_json(cache) if cache.is_file() else None
        self._known: dict[str, list[Any]] = known if isinstance(known, dict) else {}
        self._changed = False

    def of(self, path: Path, read: Callable[[Path], str] = file_digest) -> str:
        """Digest of one file, read only where it has changed since it was last seen."""
        try:
            status = path.stat()
        except OSError:
            raise RecordingError(f"{path}: no such file") from None
        seen = [status.st_size, status.st_mtime_ns]
        place = os.path.realpath(path)  # a link to another place is another file, even one as large and as old
        entry = self._known.get(place)
        if entry is None or entry[:2] != seen:
            entry = [*seen, read(path)]
            self._known[place] = entry
            self._changed = True
        return str(entry[2])

    def of_trial(self, recording: Recording, trial: int) -> str:
        """Digest of everything that was recorded in one trial."""
        return digest({signal: self.of(recording.file(signal, trial)) for signal in recording.signals})

    def of_trials(self, recording: Recording, trials: tuple[int, ...]) -> str:
        """Digest of several trials of a mouse, with their numbers."""
        return digest({str(trial): self.of_trial(recording, trial) for trial in trials})

    def save(self) -> None:
        """Keep what was computed since the last call."""
        if self._changed:
            write_json(self._cache, self._known)
            self._changed = False
