"""What the book's pages say of this run: headline, contents, status, and the files behind each figure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import yaml

from movrecon_core.figures.report import report
from movrecon_core.figures.summary import shown
from movrecon_core.study.provenance import versions
from movrecon_core.study.stage_costs import stage_costs
from movrecon_core.study.study import Study

_SHOWN = re.compile(r"(?:save_figure\(\s*\w+|show_video\()[,\s]*f?\"(\w+)\"")
_CLAIM = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)


def keep_notebooks(contents: Mapping[str, Any], notebooks: Sequence[str]) -> dict[str, Any]:
    """The book's contents without notebooks that the profile does not run, and without parts that are empty then.

    Parameters
    ----------
    contents
        As ``_toc.yml`` holds them.
    notebooks
        Names of the notebooks that were executed.
    """
    pages = {f"notebooks/{name}" for name in notebooks}
    parts = [
        {**part, "chapters": [c for c in part["chapters"] if c["file"] in pages or "/" not in c["file"]]}
        for part in contents["parts"]
    ]
    return {**contents, "parts": [part for part in parts if part["chapters"]]}


def pages_of(contents: Mapping[str, Any]) -> list[str]:
    """Pages in reading order: ``notebooks/recordings``, ``method`` ..."""
    return [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]


def fill_page(text: str, values: Mapping[str, str], pages: Sequence[str]) -> str:
    """Put this run's values into a page; links to notebooks that are not in the book become plain words.

    Parameters
    ----------
    text
        Markdown with ``{{name}}`` where a value belongs.
    values
        By name.
    pages
        Of the book.
    """
    for name, value in values.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return _known_links(text, "notebooks/", pages)


def _known_links(text: str, folder: str, pages: Sequence[str]) -> str:
    """Links to notebooks, written as addresses that begin with `folder`, where they are pages; else plain words."""

    def kept(link: re.Match[str]) -> str:
        return link[0] if f"notebooks/{link[2]}" in pages else link[1]

    return re.sub(rf"\[([^\]]+)\]\({folder}(\w+)\)", kept, text)


def _links_of_notebook(text: str, pages: Sequence[str]) -> str:
    """Links that lead from the notebook's folder in the repository, as they lead from its page in the book."""

    def led(link: re.Match[str]) -> str:
        return f"[{link[1]}](../{link[2]})" if link[2] in pages else link[1]

    return re.sub(r"\[([^\]]+)\]\(\.\./jupyter-book/([\w-]+)\.md\)", led, _known_links(text, "", pages))


def front_page(
    study: Study, summary: Mapping[str, Any], notebooks: Mapping[str, Any], drawn: Sequence[str]
) -> dict[str, str]:
    """Values of the front page: what was found, in one screen.

    Parameters
    ----------
    study
        Whose run it is.
    summary
        As `summary.json` holds it.
    notebooks
        Executed notebooks by name, in reading order.
    drawn
        Figures and videos in the book, by name.
    """
    data = "simulated recordings" if summary["simulated"] else "these recordings"
    video, control = summary["video_correlation"], summary["random_control"]
    return {
        "moving": _moving(drawn),
        "headline": f"Held-out movies of {data} are reconstructed with a video correlation of **{shown(video)}**; "
        f"with a random other movie the correlation is {shown(control)}.",
        "data_set": f"{len(study.reconstructed_mice)} {'in-silico ' if summary['simulated'] else ''}mice of "
        f"{_range([study.recordings[mouse].neurons for mouse in study.reconstructed_mice])} neurons, "
        f"profile *{summary['profile']}*{', a rehearsal: the numbers mean nothing' if study.profile.rehearsal else ''}",
        "published_rows": _rows(_published(report(study).numbers)),
        "data": data,
        "contents": "\n".join(
            f"1. [{title}](notebooks/{name}): {claim}" for name, (title, claim) in _claims(notebooks).items()
        ),
    }


def status_page(study: Study, summary: Mapping[str, Any]) -> dict[str, str]:
    """Values of the status page: settings, cost of every stage, versions."""
    profile = study.profile
    settings = {
        "profile": profile.name,
        "rehearsal": "yes: the numbers mean nothing" if profile.rehearsal else "no",
        "seed": profile.seed,
        "device": summary["device"],
        "precision, where bfloat16 is asked for": study.precision,
        "mice": len(study.recordings),
        "neurons of each mouse": ", ".join(str(recording.neurons) for recording in study.recordings),
        "held-out movies": study.held_out,
        "encoders": f"{profile.instances} × {profile.encoder.architecture}",
        "iterations of a reconstruction": profile.reconstruction.iterations,
        "iterations of a mask": profile.mask.iterations,
    }
    data = "simulated; every figure says so" if study.simulated else "not marked as simulated"
    costs = {stage: cost for stage, cost in stage_costs(study).items() if stage != "book" and cost["units"]}
    return {
        "data_sentence": f"The data are {data}.",
        "settings_rows": _rows(settings.items()),
        "stage_rows": _rows(
            (
                stage.replace("_", " "),
                f"{cost['seconds'] / 60:.1f}",
                f"{cost['peak_memory_bytes'] / 1e9:.2f}",
                cost["units"],
            )
            for stage, cost in costs.items()
        ),
        "version_rows": _rows(versions().items()),
    }


def notebook_page(
    executed: nbformat.NotebookNode, name: str, figures: Path, pages: Sequence[str]
) -> tuple[nbformat.NotebookNode, list[str]]:
    """An executed notebook as a page: code folded away above what it shows, alternative texts, links to files.

    Parameters
    ----------
    executed
        With outputs.
    name
        The notebook's.
    figures
        Folder of the figures.
    pages
        Of the book.

    Returns
    -------
    NotebookNode
        The page.
    list of str
        Figures and videos that it shows, by name.
    """
    cells: list[nbformat.NotebookNode] = []
    names: list[str] = []
    silent: list[str] = []
    for cell in executed.cells:
        if cell.cell_type == "code" and not cell.outputs:
            silent.append(cell.source)
            continue
        cells.append(nbformat.from_dict(cell))
        if cell.cell_type == "markdown":
            cells[-1].source = by_panel(_links_of_notebook(cell.source, pages))
        if cell.cell_type == "code":
            source = "\n\n".join([*silent, cell.source])
            cells[-1].source = source
            cells[-1].metadata = _page_metadata(cell)
            for output in cells[-1].outputs:
                if "text/html" in output.get("data", {}):
                    output.data["text/html"] = legible(output.data["text/html"])
            silent.clear()
            for shown_name in _SHOWN.findall(source):
                names.append(shown_name)
                links = _links(files_of(shown_name, figures))
                cells.append(nbformat.v4.new_markdown_cell(links, id=f"files-{shown_name}"))
    text = f'The notebook of this page: <a href="../files/{name}.ipynb" download>{name}.ipynb</a>.'
    if "api" in pages:
        text += " What it calls without a study is on the page [The library](../api)."
    cells.append(nbformat.v4.new_markdown_cell(text, id="files-notebook"))
    page = nbformat.from_dict({**executed, "cells": cells})
    return page, names


def failed_page(notebook: nbformat.NotebookNode, problem: str, pages: Sequence[str]) -> nbformat.NotebookNode:
    """The page of a notebook that failed: its title and claim, and what went wrong.

    Parameters
    ----------
    notebook
        Its source.
    problem
        In one line.
    pages
        Of the book.
    """
    text = f"```{{error}}\nThis notebook failed, and its figure is missing: `{' '.join(problem.split())}`.\n```"
    title = nbformat.from_dict(notebook.cells[0])
    title.source = _links_of_notebook(title.source, pages)
    cells = [title, nbformat.v4.new_markdown_cell(text, id="failure")]
    page = nbformat.from_dict({**notebook, "cells": cells})
    return page


def files_of(name: str, figures: Path) -> list[Path]:
    """Files of one figure or video: pictures, then source data of its panels, then its numbers."""
    panels = figures.glob(f"{name}_[A-Z]*.csv")
    return [*sorted(figures.glob(f"{name}.*")), *sorted(panels), *figures.glob(f"{name}_numbers.csv")]


def read_contents(file: Path) -> dict[str, Any]:
    """The book's contents, ``_toc.yml``."""
    contents: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return contents


def by_panel(text: str) -> str:
    """A figure's legend with a paragraph for each panel, where it has several."""
    parts = re.split(r"(?:^|(?<=[.!?*])\s+|(?<=\n\n))\(([A-Z](?:[,–-] ?[A-Z])*)\)\s", text)
    if len(parts) < 5:
        return text
    legends = [f"**{letters}** {words.strip()}" for letters, words in zip(parts[1::2], parts[2::2], strict=True)]
    return "\n\n".join([*filter(None, [parts[0].strip()]), *legends])


def legible(html: str) -> str:
    """A table of pandas for the book: numbers are marked, names are words, and an index that only counts is marked."""
    number = r"(?:–|[-−+]?[\d.]+(?:e[-+]?\d+)?(?: ?%)?(?: to [-−+]?[\d.]+)?|nan|NaN)"

    def marked(cell: re.Match[str]) -> str:
        named = cell[1].replace('class="', 'class="number ') if "class=" in cell[1] else f'{cell[1]} class="number"'
        return f"<td{named}>{cell[2]}</td>"

    html = re.sub(rf"<td([^>]*)>\s*({number})\s*</td>", marked, html)
    html = re.sub(r"(<th[^>]*>)(\w+)(</th>)", lambda head: head[1] + head[2].replace("_", " ") + head[3], html)
    counted = [str(row) for row in range(html.count("<tr") - 1)]
    first = re.findall(r"<tr[^>]*>\s*<th[^>]*>([^<]*)</th>", html)
    if counted and first[1:] == counted and first[0].replace("&nbsp;", "").strip() == "":
        html = re.sub(r'<table([^>]*)class="', r'<table\1class="counted ', html, count=1)
    return html


def _page_metadata(cell: nbformat.NotebookNode) -> dict[str, Any]:
    """Metadata of a code cell in the book: its code is folded under a name, its picture has an alternative text."""
    texts = [output.get("metadata", {}).get("image/png", {}).get("alt") for output in cell.outputs]
    alt = " ".join(text for text in texts if text)
    prompts = {
        f"code_prompt_{action.lower()}": f"{action} the code of {_shown_by(cell)}" for action in ("Show", "Hide")
    }
    return {"tags": ["hide-input"], "mystnb": {**prompts, **({"image": {"alt": alt}} if alt else {})}}


def _shown_by(cell: nbformat.NotebookNode) -> str:
    """What kind of thing a code cell shows."""
    kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
    html = "".join(str(output.get("data", {}).get("text/html", "")) for output in cell.outputs)
    if "<video" in html:
        return "this video"
    return "this figure" if "image/png" in kinds else "this table" if "<table" in html else "this output"


def _links(files: Sequence[Path]) -> str:
    pictures = [_link(file, file.suffix[1:]) for file in files if file.suffix != ".csv"]
    tables = {file.stem.rpartition("_")[2]: file for file in files if file.suffix == ".csv"}
    numbers = tables.pop("numbers", None)
    parts = [f"Files: {', '.join(pictures)}"]
    if tables:
        parts.append(f"source data of panel {', '.join(_link(file, panel) for panel, file in tables.items())}")
    if numbers:
        parts.append(_link(numbers, "numbers beside the article's"))
    return "; ".join(parts) + "."


def _link(file: Path, text: str) -> str:
    return f'<a href="../figures/{file.name}">{text}</a>'


def _moving(drawn: Sequence[str]) -> str:
    """A video of true movies and reconstructions, or where the run made none a figure."""
    text = "True movies in the odd rows, below each its reconstruction; what is compared lies inside the outlines."
    if "video_1" in drawn:
        return (
            '<video class="front" autoplay controls loop muted playsinline poster="figures/video_1.png" '
            f'aria-label="{text}"><source src="figures/video_1.mp4" type="video/mp4">{text}</video>\n\n{text}'
        )
    if "fig2_performance" in drawn:
        return (
            "```{image} figures/fig2_performance.png\n:alt: Frames of movies above their reconstructions, and the "
            "correlation of every reconstruction with its own and with a random movie.\n```"
        )
    return ""


def _published(numbers: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """The correlations of Figure 2, and the encoder's, beside the article's."""
    known = numbers[(numbers["kind"] == "correlation") & numbers["ours"].notna()]
    for row in known[(known["figure"] == "2") | known["quantity"].str.startswith("encoder")].itertuples():
        theirs = "–" if np.isnan(row.published) else f"{row.published:.3f}"
        spread = f" ({row.low:.3f} to {row.high:.3f})" if np.isfinite(row.low) else ""
        yield str(row.quantity), theirs, f"{row.ours:.3f}{spread}"


def _claims(notebooks: Mapping[str, nbformat.NotebookNode]) -> dict[str, tuple[str, str]]:
    """Title and claim of each notebook: its first heading and its first words in bold."""
    claims = {}
    for name, notebook in notebooks.items():
        first = notebook.cells[0].source
        claim = _CLAIM.search(first)
        claims[name] = (first.splitlines()[0].lstrip("# "), " ".join(claim.group(1).split()) if claim else "")
    return claims


def _rows(rows: Any) -> str:
    return "\n".join(f"| {' | '.join(str(value) for value in row)} |" for row in rows)


def _range(values: Sequence[int]) -> str:
    return str(min(values)) if min(values) == max(values) else f"{min(values)} to {max(values)}"
