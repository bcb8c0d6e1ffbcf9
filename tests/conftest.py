"""Fixtures that several test files share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of golden numbers: the repository's copy, or another set of the same form."""
    return Path(os.environ.get("MOVRECON_GOLDEN", Path(__file__).parent / "golden"))
