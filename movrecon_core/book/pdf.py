"""The book as one PDF, printed by Chromium; no LaTeX."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from movrecon_core.book.build import BookError, build_pages
from movrecon_core.storage.paths import BOOK_LOG, BOOK_PDF, BOOK_SOURCE
from movrecon_core.study.study import Study

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-pdf-header-footer",
    "--disable-background-networking",
)
DRAWING_MILLISECONDS = 30_000
"""Of the page's own clock: until then formulas are drawn."""


def print_book(study: Study) -> Path:
    """Print the book of a run, which must have been built.

    Parameters
    ----------
    study
        Whose book it is.

    Returns
    -------
    Path
        The PDF.

    Raises
    ------
    BookError
        If there is no browser, or it prints nothing.
    """
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        raise BookError("no chromium found, which prints the book; `apt-get install chromium`, or open the html")
    pdf = study.out / BOOK_PDF
    with tempfile.TemporaryDirectory() as folder:
        pages = build_pages(study.out / BOOK_SOURCE, Path(folder) / "book", "singlehtml", study.out / BOOK_LOG)
        page = pages / "introduction.html"
        # Pages of a folder became parts of one page beside it.
        page.write_text(
            re.sub(r'(src|poster|href)="\.\./(figures|files)/', r'\1="\2/', page.read_text("utf-8")), "utf-8"
        )
        printed = Path(folder) / "book.pdf"
        command = [browser, *_ARGUMENTS, f"--virtual-time-budget={DRAWING_MILLISECONDS}", f"--print-to-pdf={printed}"]
        done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, check=False)
        if not printed.is_file():
            raise BookError(f"the book does not print: {' '.join(done.stderr.split())[-300:]}")
        shutil.copyfile(printed, pdf)
    return pdf
