"""Notebooks executed with papermill: whole or not at all, and not again while nothing changed."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError

from movrecon_core.book.kernels import only_own_kernels
from movrecon_core.book.parameters import check_parameters
from movrecon_core.errors import MovreconError, NothingToShowError
from movrecon_core.storage.cost import Cost
from movrecon_core.storage.files import replacing
from movrecon_core.storage.fingerprints import digest, file_digest
from movrecon_core.storage.paths import NOTEBOOKS, REPOSITORY

CELL_TIMEOUT = 3600
"""Seconds after which a cell counts as stuck."""
STARTS = 2
"""How often a kernel may be started; on a busy machine the first start can fail."""


class NotebookError(MovreconError):
    """A notebook failed; its outputs up to there are kept as ``*.failed.ipynb``."""


def run_notebook(notebook: Path, parameters: Mapping[str, Any], executed: Path, content: str, product: Path) -> bool:
    """Execute a notebook unless it was executed already on the same content.

    Parameters
    ----------
    notebook
        Its source, without outputs.
    parameters
        For its parameters cell; folders are absolute and leave the executed copy as short names.
    executed
        Where the executed copy goes.
    content
        Fingerprint of the results that it reads.
    product
        A figure that it writes; where this is missing it is executed again, unless there was nothing to show.

    Returns
    -------
    bool
        Whether it was executed.

    Raises
    ------
    ProfileError
        If a parameter is none of the notebook's.
    NotebookError
        If a cell fails or takes too long, or no kernel starts.
    """
    check_parameters(notebook, parameters)
    if is_current(notebook, parameters, executed, content, product):
        return False
    done: dict[str, Any] = {"fingerprint": _fingerprint(notebook, parameters, content)}
    with Cost() as cost, replacing(executed) as temporary:
        try:
            _execute(notebook, temporary, parameters)
        except (PapermillExecutionError, CellTimeoutError, DeadKernelError, RuntimeError) as error:
            if getattr(error, "ename", "") != NothingToShowError.__name__:
                raise _kept(error, notebook, temporary, executed, parameters) from None
            _say_nothing_to_show(notebook, temporary, getattr(error, "evalue", ""))
            done["nothing_to_show"] = True
        _scrub(temporary, parameters, done)
    _note_cost(executed, cost)
    failed_copy(executed).unlink(missing_ok=True)
    return True


def _kept(
    error: Exception, notebook: Path, temporary: Path, executed: Path, parameters: Mapping[str, Any]
) -> NotebookError:
    """Keep what a failed notebook has shown up to there, and say where."""
    failed = failed_copy(executed)
    if temporary.is_file():
        _scrub(temporary, parameters, {})
        os.replace(temporary, failed)
    return NotebookError(f"{notebook.name}: {_cause(error)}; see {failed}")


def _say_nothing_to_show(notebook: Path, target: Path, reason: str) -> None:
    """A page in place of a figure that the run holds no data of: the notebook's first cell, and the reason."""
    content = nbformat.read(notebook, as_version=4)
    content.cells = [content.cells[0], nbformat.v4.new_markdown_cell(f"Nothing to show: {reason}.", id="nothing")]
    nbformat.write(content, target)


def is_current(notebook: Path, parameters: Mapping[str, Any], executed: Path, content: str, product: Path) -> bool:
    """Whether a notebook was executed already, with these parameters and on this content; as for `run_notebook`."""
    if not executed.is_file() or failed_copy(executed).is_file():
        return False
    known = executed_metadata(executed)
    complete = product.is_file() or bool(known.get("nothing_to_show"))
    return complete and known.get("fingerprint") == _fingerprint(notebook, parameters, content)


def failed_copy(executed: Path) -> Path:
    """Where a notebook is kept that failed, as far as it came."""
    return executed.with_suffix(".failed.ipynb")


def failure(executed: Path) -> str | None:
    """In one line what went wrong with a notebook when it was last executed; None where nothing did."""
    if not failed_copy(executed).is_file():
        return None
    cells = nbformat.read(failed_copy(executed), as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", []) if output.output_type == "error"]
    return f"{outputs[-1].ename}: {outputs[-1].evalue}" if outputs else "the kernel ended"


def _fingerprint(notebook: Path, parameters: Mapping[str, Any], content: str) -> str:
    return digest({"notebook": file_digest(notebook), "parameters": dict(parameters), "content": content})


def executed_metadata(executed: Path) -> dict[str, Any]:
    """What was noted in an executed notebook: the fingerprint of its input and what it cost."""
    try:
        return dict(nbformat.read(executed, as_version=4).metadata.get("movrecon", {}))
    except (OSError, ValueError, AttributeError):
        return {}


def _execute(notebook: Path, target: Path, parameters: Mapping[str, Any]) -> None:
    only_own_kernels()
    for start in range(1, STARTS + 1):
        try:
            papermill.execute_notebook(
                notebook,
                target,
                parameters=dict(parameters),
                kernel_name="python3",
                resources={"metadata": {"path": str(NOTEBOOKS)}},  # the kernel's folder; this process stays where it is
                progress_bar=False,
                execution_timeout=CELL_TIMEOUT,
                extra_arguments=["--log-level=CRITICAL"],
            )
            return
        except (DeadKernelError, RuntimeError):
            if start == STARTS:
                raise


def _cause(error: Exception) -> str:
    if isinstance(error, PapermillExecutionError):
        return f"cell {error.exec_count}: {error.ename}: {error.evalue}"
    return " ".join(str(error).split()) or type(error).__name__


def _scrub(executed: Path, parameters: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    """Take this machine's folders out of an executed notebook and note what it was made from."""
    content = nbformat.read(executed, as_version=4)
    content.metadata.pop("papermill", None)
    for cell in content.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
    shortened = nbformat.from_dict(_shortened(content, dict(_short_names(parameters))))
    shortened.metadata["movrecon"] = dict(metadata)
    nbformat.write(shortened, executed)


def _shortened(content: Any, names: Mapping[str, str], kind: str = "text/plain") -> Any:
    """A copy of a notebook's content with other names for folders in its text; pictures, base64, are left alone."""
    if isinstance(content, Mapping):
        return {key: _shortened(value, names, key if "/" in key else kind) for key, value in content.items()}
    if isinstance(content, list):
        return [_shortened(value, names, kind) for value in content]
    if isinstance(content, str) and kind.startswith("text/"):
        # Pictures within a page are found first, and stay; a folder is no part of a longer name.
        folders = "|".join(map(re.escape, names))
        pattern = rf"base64,[A-Za-z0-9+/=\s]+|(?<![\w.~-])(?:{folders})(?![\w-])"
        return re.sub(pattern, lambda found: names.get(found[0], found[0]), content)
    return content


def _short_names(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Absolute folders and what stands for them, the longest first."""
    names = {str(REPOSITORY): ".", sys.prefix: "<environment>", str(Path.home()): "~"}
    for value in parameters.values():
        if isinstance(value, str) and Path(value).is_absolute():
            path = Path(value)
            names[value] = os.path.relpath(path, NOTEBOOKS) if path.is_relative_to(REPOSITORY) else path.name
    return sorted(((a, b) for a, b in names.items() if len(a) > 1), key=lambda pair: -len(pair[0]))


def _note_cost(executed: Path, cost: Cost) -> None:
    content = nbformat.read(executed, as_version=4)
    content.metadata["movrecon"].update(cost.attributes())
    with replacing(executed) as temporary:
        nbformat.write(content, temporary)
