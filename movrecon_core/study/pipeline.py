"""A study from its recordings to the book, or up to one of its stages."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from filelock import FileLock, Timeout

from movrecon_core.encoders.precision import used_precision
from movrecon_core.errors import ProfileError
from movrecon_core.folds import FOLDS
from movrecon_core.progress import Progress
from movrecon_core.recordings import open_recordings
from movrecon_core.study import stages
from movrecon_core.study.book import build_book
from movrecon_core.study.files import remove_abandoned, require_writable
from movrecon_core.study.paths import EXECUTED, NOTEBOOKS, require_repository
from movrecon_core.study.plan import write_plan
from movrecon_core.study.profile import Profile
from movrecon_core.study.runner import check_parameters, run_notebook
from movrecon_core.study.schedulers import open_scheduler, require_scheduler, run_stage
from movrecon_core.study.study import Study
from movrecon_core.study.summary import write_summary

Stage = Literal["encoders", "masks", "reconstructions", "book"]


def run_study(
    profile: Profile,
    out: Path,
    recordings: Sequence[Path] = (),
    held_out: str | None = None,
    figures: Path | None = None,
    device: str | None = None,
    until: Stage = "book",
    scheduler: str = "local",
) -> dict[str, Any] | None:
    """Run a study; what is in its folder is not computed again.

    Parameters
    ----------
    profile
        Sizes and parameters.
    out
        Folder of the results.
    recordings
        Mice's directories, or folders of such; none: the profile's recordings are simulated.
    held_out
        Overrides the profile's rule.
    figures
        Where the figures go; None: ``out/figures``.
    device
        Of the encoders; None: a GPU where there is one.
    until
        Last stage to run.
    scheduler
        Where units are computed, as for `require_scheduler`.

    Returns
    -------
    dict or None
        The summary, when the book was built.

    Raises
    ------
    MovreconError
        If anything that is needed is missing, unreadable or not writable.
    """
    out = out.resolve()
    figures = (figures or out / "figures").resolve()
    if until == "book":
        _check_notebooks(profile)
    if not recordings:
        _require_no_names(profile)
    rule = held_out or profile.held_out
    if not re.fullmatch(rf"fold:[0-{FOLDS - 1}]|tier:.+", rule):
        raise ProfileError(f"held-out movies '{rule}': choose fold:0 to fold:{FOLDS - 1}, or tier:NAME")
    found = open_recordings(recordings) if recordings else None
    require_scheduler(scheduler)
    chosen = require_device(device)
    require_writable(out)
    with _alone(out):
        remove_abandoned(out)
        precision = used_precision("bfloat16", chosen)
        study = Study(out, profile, tuple(found or stages.simulate(profile, out)), rule, precision)
        study.reconstructed_mice  # noqa: B018 - a mouse that is not there is an error now, not after the training
        study.save()
    if precision != "bfloat16":
        print(
            f"precision: {precision} wherever bfloat16 is asked for; see the book's page on performance",
            file=sys.stderr,
        )
    last = stages.UNTIL.get(until, stages.STAGES[-1])
    with open_scheduler(scheduler, profile, out, None if device is None else chosen) as computing:
        planned = False
        for stage in stages.STAGES[: stages.STAGES.index(last) + 1]:
            planned = planned or write_plan(study)
            run_stage(stage, study, computing)
            study.digests.save()
    if until != "book":
        return None
    require_writable(figures)
    with _alone(out):
        return _publish(study, chosen, figures)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """What one run does at a time in a folder; another one waits, and then finds it done."""
    lock = FileLock(out / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"waiting for another run in {out}", file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _require_no_names(profile: Profile) -> None:
    """Stop before recordings are simulated for a profile that names its mice: they would be other mice.

    Raises
    ------
    ProfileError
        If it does.
    """
    if profile.reconstructed_mice is not None:
        raise ProfileError(
            f"profile '{profile.name}' reconstructs {', '.join(profile.reconstructed_mice)}, but no recordings are "
            "given; `movrecon fetch --out DIR` gets the article's, --recordings DIR uses them"
        )


def _publish(study: Study, device: torch.device, figures: Path) -> dict[str, Any]:
    """Execute the notebooks, write the summary, build the book."""
    content = study.content_fingerprint()
    folders = {"results": str(study.out), "figures": str(figures)}
    with Progress(len(study.profile.notebooks), "notebooks", "notebook") as progress:
        for name, parameters in study.profile.notebooks.items():
            executed = study.out / EXECUTED / f"{name}.ipynb"
            given = {**parameters, **folders}
            run_notebook(NOTEBOOKS / f"{name}.ipynb", given, executed, content, figures / f"{name}.svg")
            progress.step()
    summary = write_summary(study, device)
    with Progress(1, "book", "book") as progress:
        build_book(study, summary, figures)
        progress.step()
    return write_summary(study, device)


def _check_notebooks(profile: Profile) -> None:
    """Find a misspelt notebook or parameter before hours of computing, not after."""
    require_repository()
    known = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
    for name, parameters in profile.notebooks.items():
        if name not in known:
            raise ProfileError(f"profile '{profile.name}': no notebook '{name}'; found {', '.join(known)}")
        check_parameters(NOTEBOOKS / f"{name}.ipynb", {**parameters, "results": "", "figures": ""})


def require_device(name: str | None) -> torch.device:
    """The device of that name; None: a GPU where there is one.

    Raises
    ------
    ProfileError
        If it cannot be used.
    """
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(1, device=device)
        return device
    except (RuntimeError, AssertionError) as error:
        raise ProfileError(
            f"device '{name}' cannot be used ({str(error).splitlines()[0].split('. ')[0]}); try --device cpu"
        ) from None
