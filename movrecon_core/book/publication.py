"""From a study's results to what is read: executed notebooks, figures, the summary, the book."""

from pathlib import Path
from typing import Any

import torch

from movrecon_core.book.build import build_book
from movrecon_core.book.notebooks import check_parameters, run_notebook
from movrecon_core.errors import ProfileError
from movrecon_core.figures.summary import write_summary
from movrecon_core.progress import Progress
from movrecon_core.storage.files import require_writable
from movrecon_core.study.paths import EXECUTED, NOTEBOOKS, require_repository
from movrecon_core.study.profile import Profile
from movrecon_core.study.run.pipeline import alone
from movrecon_core.study.sources import notebook_code
from movrecon_core.study.study import Study


def check_notebooks(profile: Profile) -> None:
    """Find a misspelt notebook or parameter before hours of computing, not after.

    Raises
    ------
    ProfileError
        If a notebook is not there, or has no such parameter.
    """
    require_repository()
    known = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
    for name, parameters in profile.notebooks.items():
        if name not in known:
            raise ProfileError(f"profile '{profile.name}': no notebook '{name}'; found {', '.join(known)}")
        check_parameters(NOTEBOOKS / f"{name}.ipynb", {**parameters, "results": "", "figures": ""})


def publish(study: Study, device: torch.device, figures: Path) -> dict[str, Any]:
    """Execute the notebooks, write the summary, build the book.

    Parameters
    ----------
    study
        With all its results.
    device
        Named in the summary.
    figures
        Folder of the figures.

    Returns
    -------
    dict
        The summary.
    """
    figures = figures.resolve()
    require_writable(figures)
    with alone(study.out):
        folders = {"results": str(study.out), "figures": str(figures)}
        with Progress(len(study.profile.notebooks), "notebooks", "notebook") as progress:
            for name, parameters in study.profile.notebooks.items():
                executed = study.out / EXECUTED / f"{name}.ipynb"
                source, given = NOTEBOOKS / f"{name}.ipynb", {**parameters, **folders}
                content = study.content_fingerprint(notebook_code(source))
                run_notebook(source, given, executed, content, figures / f"{name}.svg")
                progress.step()
        summary = write_summary(study, device)
        with Progress(1, "book", "book") as progress:
            build_book(study, summary, figures)
            progress.step()
        return write_summary(study, device)
