"""Notebooks as committed: no outputs, literals for parameters, nothing defined in them."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
import yaml

from movrecon_core.book.pages import notebook_page
from movrecon_core.book.parameters import notebook_parameters
from movrecon_core.book.quickstart import open_quickstart
from movrecon_core.figures.published import published_values
from movrecon_core.storage.paths import BOOK, NOTEBOOKS

ALL = sorted(NOTEBOOKS.glob("*.ipynb"))
PAGES = [path for path in ALL if path.stem not in ("viewer", "quickstart")]
"""Those that the book shows; the viewer needs a kernel, and the quickstart shows no results of a study."""


@pytest.fixture(params=ALL, ids=[path.stem for path in ALL])
def notebook(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    return nbformat.read(request.param, as_version=4)


def code(notebook: nbformat.NotebookNode) -> list[ast.stmt]:
    return [node for cell in notebook.cells if cell.cell_type == "code" for node in ast.parse(cell.source).body]


def test_without_outputs(notebook: nbformat.NotebookNode) -> None:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)
    assert notebook.metadata.kernelspec.name == "python3"


def test_defines_nothing_and_knows_no_path(notebook: nbformat.NotebookNode) -> None:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.While)
    assert not [node for statement in code(notebook) for node in ast.walk(statement) if isinstance(node, kinds)]
    names = {node.id for statement in code(notebook) for node in ast.walk(statement) if isinstance(node, ast.Name)}
    assert not names & {"open", "Path", "os"}


def leaves(values: object) -> Iterator[object]:
    if isinstance(values, dict | list):
        for value in values.values() if isinstance(values, dict) else values:
            yield from leaves(value)
    else:
        yield values


def test_published_values_are_not_typed(notebook: nbformat.NotebookNode) -> None:
    """No number of the article that has three digits or more stands in a notebook's code."""
    published = {value for value in leaves(published_values()) if isinstance(value, int | float)}
    known = {abs(value) for value in published if len(f"{value:.10g}".replace(".", "").strip("-0")) > 2}
    assert {0.569, 0.766339, 13.7, 7863} <= known
    typed = [node.value for s in code(notebook) for node in ast.walk(s) if isinstance(node, ast.Constant)]
    assert not [value for value in typed if isinstance(value, int | float) and value in known]


def test_legends_are_cut_into_their_panels(notebook: nbformat.NotebookNode) -> None:
    texts = [cell.source for cell in notebook.cells[1:] if cell.cell_type == "markdown"]
    parts = [part for text in texts for part in re.split(r"\n\n|\n(?=- )", text)]
    assert not [part for part in parts if part.count("\n") > 5]


def test_legends_name_every_panel(notebook: nbformat.NotebookNode) -> None:
    calls = [node for s in code(notebook) for node in ast.walk(s) if isinstance(node, ast.Call)]
    letters = [
        call.args[1].value
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr.startswith("letter_")
        and isinstance(call.args[1], ast.Constant)
    ]
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    named = set("".join(re.findall(r"\(([A-Z](?:(?:, |–)[A-Z])*)\)", text)))
    assert len(letters) < 2 or set(letters) <= named


def test_begins_with_title_and_claim(notebook: nbformat.NotebookNode) -> None:
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert "**" in first.source


def test_links_lead_to_files(notebook: nbformat.NotebookNode) -> None:
    """To a notebook beside it by its name, as the book has it, or to a page's source."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert any((NOTEBOOKS / name).is_file() for name in (link, f"{link}.ipynb")), link


@pytest.mark.parametrize("name", ["quickstart", "planning", "viewer"])
def test_those_that_use_the_library_lead_to_its_page(name: str) -> None:
    assert "](../jupyter-book/api.md)" in (NOTEBOOKS / f"{name}.ipynb").read_text()


def test_links_to_pages_lead_there_from_the_book() -> None:
    source = "# T\n\n[The library](../jupyter-book/api.md), [own](../jupyter-book/own-recording.md), [summary](summary)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source)])
    page, _ = notebook_page(notebook, "planning", BOOK, ["api", "notebooks/summary"])
    assert page.cells[0].source == "# T\n\n[The library](../api), own, [summary](summary)"


def test_links_of_the_quickstart_lead_there_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)
    out = tmp_path / "my results"
    open_quickstart(out)
    links = re.findall(r"\]\(([^)]+\.md)\)", (out / "quickstart.ipynb").read_text())
    assert {(out / unquote(link)).resolve() for link in links} == {BOOK / "api.md", BOOK / "own-recording.md"}


@pytest.mark.parametrize("path", PAGES, ids=[path.stem for path in PAGES])
def test_shows_published_values_and_provenance(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    called = {
        node.func.id
        for s in code(notebook)
        for node in ast.walk(s)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert {"beside_published", "provenance", "open_study"} <= called


@pytest.mark.parametrize("path", PAGES, ids=[path.stem for path in PAGES])
def test_finds_results_and_figures_by_parameter(path: Path) -> None:
    parameters = notebook_parameters(path)
    assert (parameters["results"], parameters["figures"]) == ("../results/demo", "../figures")


def test_every_notebook_is_a_page_of_the_book() -> None:
    contents = yaml.safe_load((BOOK / "_toc.yml").read_text())
    pages = {chapter["file"] for part in contents["parts"] for chapter in part["chapters"]}
    assert {f"notebooks/{path.stem}" for path in PAGES} <= pages
    written = {page for page in pages if not page.startswith("notebooks/")}
    assert written <= {path.stem for path in BOOK.glob("*.md")}
