"""Notebooks as committed: no outputs, literals for parameters, nothing defined in them."""

import ast
from pathlib import Path

import nbformat
import pytest
import yaml

from movrecon_core.book.notebooks import notebook_parameters
from movrecon_core.study.paths import BOOK, NOTEBOOKS

ALL = sorted(NOTEBOOKS.glob("*.ipynb"))
PAGES = [path for path in ALL if path.stem != "viewer"]
"""Those that the book shows; the viewer needs a kernel."""


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
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.While)
    assert not [node for statement in code(notebook) for node in ast.walk(statement) if isinstance(node, kinds)]
    names = {node.id for statement in code(notebook) for node in ast.walk(statement) if isinstance(node, ast.Name)}
    assert not names & {"open", "Path", "os"}


def test_begins_with_title_and_claim(notebook: nbformat.NotebookNode) -> None:
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert "**" in first.source


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
