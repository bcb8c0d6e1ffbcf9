"""The book: pages, executed notebooks and figures built into one folder that reads with no network."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from movrecon_core.errors import MovreconError
from movrecon_core.study.cost import Cost
from movrecon_core.study.files import read_json, write_json
from movrecon_core.study.fingerprints import digest, file_digest
from movrecon_core.study.paths import BOOK, BOOK_COST_FILE, BOOK_OUT, BOOK_SOURCE, EXECUTED
from movrecon_core.study.provenance import versions
from movrecon_core.study.published import published
from movrecon_core.study.stage_costs import stage_costs
from movrecon_core.study.study import Study
from movrecon_core.study.summary import shown


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
        _build(source, study.out / ".book-build", out)
    write_json(cost_file, {**cost.attributes(), "fingerprint": fingerprint})
    return page


def _collect(study: Study, summary: Mapping[str, Any], figures: Path, source: Path) -> None:
    """Make the book's source: the repository's pages with this run's numbers, notebooks and figures."""
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(BOOK, source, ignore=shutil.ignore_patterns("_build"))
    texts = {"introduction.md": _headline(summary), "status.md": _status(study, summary)}
    for page, values in texts.items():
        text = (source / page).read_text(encoding="utf-8")
        for name, value in values.items():
            text = text.replace(f"{{{{{name}}}}}", value)
        (source / page).write_text(text, encoding="utf-8")
    for name in study.profile.notebooks:
        notebook, picture = study.out / EXECUTED / f"{name}.ipynb", figures / f"{name}.png"
        for file, folder in ((notebook, "notebooks"), (picture, "figures")):
            if not file.is_file():
                raise BookError(f"{file}: missing; run `movrecon run` again")
            (source / folder).mkdir(exist_ok=True)
            shutil.copy2(file, source / folder / file.name)


def _build(source: Path, build: Path, out: Path) -> None:
    shutil.rmtree(build, ignore_errors=True)
    command = [
        sys.executable,
        "-c",
        "from jupyter_book.cli.main import main; main()",
        "build",
        str(source),
        "--path-output",
        str(build),
    ]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    done = subprocess.run(
        [*command, "-W", "--keep-going", "-q"], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        log = build.parent / "book.log"
        log.write_text(done.stdout + done.stderr, encoding="utf-8")
        complaints = [line for line in (done.stdout + done.stderr).splitlines() if "WARNING" in line or "ERROR" in line]
        raise BookError(f"the book does not build: {complaints[0].strip() if complaints else 'see'} ({log})")
    shutil.rmtree(out, ignore_errors=True)
    os.replace(build / "_build" / "html", out)
    shutil.rmtree(build, ignore_errors=True)


def _headline(summary: Mapping[str, Any]) -> dict[str, str]:
    data = "simulated recordings" if summary["simulated"] else "these recordings"
    video, control = summary["video_correlation"], summary["random_control"]
    rows = {
        "video correlation": (_published_interval("figure_2.video_correlation"), shown(video)),
        "mean frame correlation": (
            _published_interval("figure_2.mean_frame_correlation"),
            shown(summary["mean_frame_correlation"]),
        ),
        "video correlation with a random other movie": ("–", shown(control)),
        "video correlation from predicted responses": (
            f"{published('figure_1_supplement_2.video_correlation.from_predicted_activity'):.3f}",
            shown(summary["video_correlation_from_predicted"]),
        ),
        "encoder's single-trial correlation": (
            f"{published('encoder.single_trial_correlation.retrained_validation'):.3f}",
            f"{summary['encoder_single_trial_correlation']['mean']:.3f}",
        ),
    }
    return {
        "headline": f"Held-out movies of {data} are reconstructed with a video correlation of **{shown(video)}**; "
        f"with a random other movie the correlation is {shown(control)}.",
        "published_rows": "\n".join(f"| {name} | {theirs} | {ours} |" for name, (theirs, ours) in rows.items()),
        "data": data,
    }


def _published_interval(path: str) -> str:
    value = published(path)
    low, high = value["ci95"]
    return f"{value['mean']:.3f} (95 % CI {low:.3f} to {high:.3f}, n = {value['n_movies']} movies)"


def _status(study: Study, summary: Mapping[str, Any]) -> dict[str, str]:
    profile = study.profile
    settings = {
        "profile": profile.name,
        "seed": profile.seed,
        "device": summary["device"],
        "mice": len(study.recordings),
        "neurons of each mouse": ", ".join(str(recording.neurons) for recording in study.recordings),
        "held-out movies": study.held_out,
        "encoders": f"{profile.instances} × {profile.encoder.architecture}",
        "iterations of a reconstruction": profile.reconstruction.iterations,
        "iterations of a mask": profile.mask.iterations,
    }
    data = "simulated; every figure says so" if study.simulated else "not marked as simulated"
    costs = {stage: cost for stage, cost in stage_costs(study).items() if stage != "book"}
    return {
        "data_sentence": f"The data are {data}.",
        "settings_rows": "\n".join(f"| {name} | {value} |" for name, value in settings.items()),
        "stage_rows": "\n".join(
            f"| {stage.replace('_', ' ')} | {cost['seconds'] / 60:.1f} | {cost['peak_memory_bytes'] / 1e9:.2f} "
            f"| {cost['units']} |"
            for stage, cost in costs.items()
        ),
        "version_rows": "\n".join(f"| {name} | {value} |" for name, value in versions().items()),
    }
