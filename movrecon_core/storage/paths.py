"""Where things are: in the repository, and below a study's folder."""

from pathlib import Path

import movrecon_core
from movrecon_core.errors import StoreError

PACKAGE = Path(movrecon_core.__file__).resolve().parent
_SHIPPED = PACKAGE / "shipped"
REPOSITORY = _SHIPPED if _SHIPPED.is_dir() else PACKAGE.parent
"""Folder of all that is run or shown and is no code of the package: the clone, or its copy in a wheel (`setup.py`)."""
PROFILES = REPOSITORY / "profiles"
NOTEBOOKS = REPOSITORY / "notebooks"
BOOK = REPOSITORY / "jupyter-book"
BENCHMARKS = REPOSITORY / "benchmarks"
EXAMPLE = REPOSITORY / "example"

STUDY_FILE = "study.json"
SUMMARY_FILE = "summary.json"
REPORT_FILE = "report.json"
DIGESTS_FILE = "digests.json"
EXECUTED = "notebooks"
BOOK_SOURCE = "book-source"
BOOK_OUT = "book"
BOOK_COST_FILE = "book.json"
BOOK_LOG = "book.log"
BOOK_PDF = "book.pdf"
REHEARSAL_MARKER = "rehearsal.txt"
"""In a folder of figures: all that is drawn there says that it is of a rehearsal."""


def require_repository() -> None:
    """Stop where the package was installed without the notebooks and the book that it runs.

    Raises
    ------
    StoreError
        If they are not beside the package.
    """
    for folder in (NOTEBOOKS, BOOK):
        if not folder.is_dir():
            raise StoreError(
                f"{folder}: not found; install the package again, or the clone itself with `pip install -e .`"
            )
