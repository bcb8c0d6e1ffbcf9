"""Recordings in other formats, written in the layout that everything else reads."""

from movrecon_core.importers.run import KINDS, import_recording

__all__ = ["KINDS", "import_recording"]
