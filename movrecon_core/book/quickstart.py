"""The first minutes: the notebook `quickstart` in JupyterLab, or executed to a page where there is no browser."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from nbconvert import HTMLExporter

from movrecon_core.book.notebooks import run_notebook
from movrecon_core.storage.files import replacing, require_writable
from movrecon_core.storage.paths import BOOK, NOTEBOOKS, require_repository

NAME = "quickstart"
_NOWHERE = {f"{library}_url": "" for library in ("mathjax", "require_js", "jquery", "mermaid_js")}
"""Nothing is asked of the network. The template `classic` is the one that keeps alternative texts."""


def has_display() -> bool:
    """Whether a browser can be opened here."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def open_quickstart(out: Path) -> None:
    """Open a copy of the notebook in JupyterLab, until that is ended."""
    require_repository()
    require_writable(out)
    notebook = out / f"{NAME}.ipynb"
    if not notebook.is_file():
        notebook.write_text(_led_from(out, (NOTEBOOKS / notebook.name).read_text(encoding="utf-8")), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "jupyterlab", str(notebook)], check=False)


def execute_quickstart(out: Path) -> Path:
    """Execute the notebook to a page, ``OUT/quickstart.html``.

    Raises
    ------
    NotebookError
        If it fails.
    """
    require_repository()
    require_writable(out)
    page = out / f"{NAME}.html"
    page.unlink(missing_ok=True)
    executed = out / f"{NAME}.executed.ipynb"
    run_notebook(NOTEBOOKS / f"{NAME}.ipynb", {}, executed, "", page)
    html, _ = HTMLExporter(template_name="classic", embed_images=True, **_NOWHERE).from_filename(str(executed))
    with replacing(page) as temporary:
        temporary.write_text(_led_from(out, html), encoding="utf-8")
    return page


def _led_from(out: Path, text: str) -> str:
    """A notebook's text whose links to pages of the book lead from `out`, relative ones as before."""
    return text.replace(f"../{BOOK.name}/", f"{quote(Path(os.path.relpath(BOOK, out)).as_posix())}/")
