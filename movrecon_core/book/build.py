"""The book: pages, executed notebooks and figures built into one folder that reads with no network."""

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
import yaml

from movrecon_core.book.assets import lighten
from movrecon_core.book.benchmark_pages import benchmark_sections
from movrecon_core.book.cost_page import cost_page
from movrecon_core.book.notebooks import failure
from movrecon_core.book.pages import (
    failed_page,
    files_of,
    fill_page,
    front_page,
    keep_notebooks,
    notebook_page,
    pages_of,
    read_contents,
    status_page,
)
from movrecon_core.errors import MovreconError
from movrecon_core.storage.cost import Cost
from movrecon_core.storage.files import read_json, write_json
from movrecon_core.storage.fingerprints import digest, file_digest
from movrecon_core.storage.paths import BOOK, BOOK_COST_FILE, BOOK_LOG, BOOK_OUT, BOOK_SOURCE, EXECUTED, NOTEBOOKS
from movrecon_core.study.study import Study

EXTRA = Path("extra")
"""Folder of the source whose content is copied into the book as it is."""


class BookError(MovreconError):
    """The book does not build without a warning."""


def build_book(study: Study, summary: Mapping[str, Any], figures: Path) -> Path:
    """Build the book, unless nothing that it shows has changed.

    Parameters
    ----------
    study
        With executed notebooks.
    summary
        As `summary.json` holds it.
    figures
        Folder of the figures that the pages show.

    Returns
    -------
    Path
        The page to open.

    Raises
    ------
    BookError
        If a notebook or figure is missing, or the build warns.
    """
    source, out = study.out / BOOK_SOURCE, study.out / BOOK_OUT
    page = out / "index.html"
    cost_file = study.out / BOOK_COST_FILE
    previous = read_json(cost_file) or {}
    _collect(study, summary, figures, source)
    fingerprint = digest({str(f.relative_to(source)): file_digest(f) for f in sorted(source.rglob("*")) if f.is_file()})
    if page.is_file() and previous.get("fingerprint") == fingerprint:
        return page
    with Cost() as cost:
        build = study.out / ".book-build"
        pages = build_pages(source, build, "html", study.out / BOOK_LOG)
        shutil.rmtree(out, ignore_errors=True)
        os.replace(pages, out)
        shutil.rmtree(build)
    write_json(cost_file, {**cost.attributes(), "fingerprint": fingerprint})
    return page


def _collect(study: Study, summary: Mapping[str, Any], figures: Path, source: Path) -> None:
    """Make the book's source: the repository's pages with this run's numbers, notebooks, figures and their files."""
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(BOOK, source, ignore=shutil.ignore_patterns("_build"))
    _unpack(source / "assets")
    contents = keep_notebooks(read_contents(source / "_toc.yml"), list(study.profile.notebooks))
    pages = pages_of(contents)
    (source / "_toc.yml").write_text(yaml.safe_dump(contents, sort_keys=False), encoding="utf-8")
    for folder in ("notebooks", "figures", EXTRA / "figures", EXTRA / "files"):
        (source / folder).mkdir(parents=True)
    notebooks, drawn = {}, []
    for page in pages:
        name = Path(page).name
        if page == f"notebooks/{name}":
            executed = study.out / EXECUTED / f"{name}.ipynb"
            problem = failure(executed)
            notebooks[name] = _read(executed if problem is None else NOTEBOOKS / f"{name}.ipynb")
            if problem is None:
                page_of_notebook, shown_names = notebook_page(notebooks[name], name, figures, pages)
            else:
                page_of_notebook, shown_names = failed_page(notebooks[name], problem, pages), []
            nbformat.write(page_of_notebook, source / f"{page}.ipynb")
            shutil.copy2(NOTEBOOKS / f"{name}.ipynb", source / EXTRA / "files")
            drawn += shown_names
    _copy_files(drawn, figures, source)
    values = front_page(study, summary, notebooks, drawn) | status_page(study, summary) | cost_page(study)
    values["benchmarks"] = benchmark_sections(source / "figures")
    for file in source.glob("*.md"):
        file.write_text(fill_page(file.read_text(encoding="utf-8"), values, pages), encoding="utf-8")


def _unpack(folder: Path) -> None:
    """Replace packed files (MathJax, in a third of its room) by what they hold: a browser reads no packed script."""
    for packed in folder.glob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()


def _read(notebook: Path) -> nbformat.NotebookNode:
    try:
        return nbformat.read(notebook, as_version=4)
    except (OSError, ValueError):
        raise BookError(f"{notebook}: missing or damaged; run `movrecon run` again") from None


def _copy_files(names: Sequence[str], figures: Path, source: Path) -> None:
    """Copy figures and videos with their source data beside the pages."""
    for name in names:
        files = files_of(name, figures)
        if not files:
            raise BookError(f"{figures / name}.*: missing; run `movrecon run` again")
        for file in files:
            shutil.copy2(file, source / EXTRA / "figures")
            if file.suffix == ".png":
                shutil.copy2(file, source / "figures")


def build_pages(source: Path, build: Path, builder: str, log: Path) -> Path:
    """Build pages with Jupyter Book; a warning is an error.

    Parameters
    ----------
    source
        The book's source.
    build
        Folder for what is built; emptied before.
    builder
        ``html``, or ``singlehtml`` for all in one page.
    log
        Where a failing build's words go.

    Returns
    -------
    Path
        Folder of the pages.
    """
    shutil.rmtree(build, ignore_errors=True)
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(source)]
    options = ["--path-output", str(build), "--builder", builder, "-W", "--keep-going", "-q"]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    environment |= {"PYTHONSAFEPATH": "1", "DOCUTILSCONFIG": ""}  # nothing of the working folder, nor of the user's
    build.mkdir(parents=True)
    done = subprocess.run([*command, *options], env=environment, cwd=build, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stdout + done.stderr
        log.write_text(said, encoding="utf-8")
        complaints = [line.strip() for line in said.splitlines() if "WARNING" in line or "ERROR" in line]
        raise BookError(f"the book does not build: {complaints[0] if complaints else 'see'} ({log})")
    log.unlink(missing_ok=True)
    pages = build / "_build" / builder
    lighten(pages)
    return pages
