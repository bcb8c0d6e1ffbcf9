"""From results to the book: notebooks executed, summary written, pages built."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import torch
from jupyter_core.utils import ensure_event_loop

from movrecon_core.book.build import build_book
from movrecon_core.book.kernels import loaded_kernels
from movrecon_core.book.notebooks import NotebookError, is_current, run_notebook
from movrecon_core.figures.summary import write_summary
from movrecon_core.progress import Progress
from movrecon_core.storage.files import require_writable
from movrecon_core.storage.locks import alone
from movrecon_core.storage.paths import EXECUTED, NOTEBOOKS, REHEARSAL_MARKER
from movrecon_core.study.run.schedulers.processes import cores, within_memory
from movrecon_core.study.sources import notebook_code
from movrecon_core.study.study import Study

MOST_KERNELS = 4
"""Notebooks that are executed at a time, each with one thread, where there are as many cores and memory for them."""


def publish(study: Study, device: torch.device, figures: Path) -> dict[str, Any]:
    """Execute the notebooks, write the summary, build the book.

    Parameters
    ----------
    study
        With all its results.
    device
        That they were made with, for the summary.
    figures
        Where figures go.

    Returns
    -------
    dict
        The summary.

    Raises
    ------
    NotebookError
        If a notebook failed; the others are executed and the book is built all the same, and its page says so.
    """
    figures = figures.resolve()
    require_writable(figures)
    with alone(study.out):
        study.save()  # notebooks open it, and another run may have begun another study here
        mark_rehearsal(study, figures)
        failed = execute(study, figures)
        summary = write_summary(study, device)
        with Progress(1, "book", "book") as progress:
            page = build_book(study, summary, figures)
            progress.step()
        summary = write_summary(study, device)
    if failed:
        raise NotebookError(f"{failed[0]}{f' ({len(failed) - 1} more failed)' if failed[1:] else ''}; {page} says so")
    return summary


def mark_rehearsal(study: Study, figures: Path) -> None:
    """Let all that is drawn in a folder say that it is of a rehearsal, or no longer."""
    marker = figures / REHEARSAL_MARKER
    if study.profile.rehearsal:
        marker.write_text("The figures here are those of a rehearsal; their numbers mean nothing.\n", encoding="utf-8")
    else:
        marker.unlink(missing_ok=True)


def execute(study: Study, figures: Path) -> list[NotebookError]:
    """Execute the profile's notebooks on a study, those that were executed on the same content already left out.

    Returns
    -------
    list
        What went wrong, one error a notebook.
    """
    failed: list[NotebookError] = []
    folders = {"results": str(study.out), "figures": str(figures)}
    wanted = []
    for name, given in study.profile.notebooks.items():
        source, executed = NOTEBOOKS / f"{name}.ipynb", study.out / EXECUTED / f"{name}.ipynb"
        content = study.content_fingerprint(notebook_code(source))
        wanted.append((source, {**given, **folders}, executed, content, figures / f"{name}.svg"))
    # The last one first: the summary, which counts all that the others count, takes longest.
    due = [notebook for notebook in reversed(wanted) if not is_current(*notebook)]
    with Progress(len(wanted), "notebooks", "notebook", len(wanted) - len(due)) as progress:
        if due:
            with loaded_kernels(), ThreadPoolExecutor(within_memory(min(cores(), MOST_KERNELS))) as kernels:
                try:
                    for done in as_completed([kernels.submit(_run, notebook) for notebook in due]):
                        error = done.exception()
                        if isinstance(error, NotebookError):
                            failed.append(error)
                        elif error is not None:
                            raise error
                        progress.step()
                except BaseException:
                    kernels.shutdown(wait=False, cancel_futures=True)
                    raise
    return failed


def _run(notebook: tuple[Path, Mapping[str, Any], Path, str, Path]) -> None:
    try:
        run_notebook(*notebook)
    finally:
        ensure_event_loop().close()  # of this thread, which the kernel's client leaves open
