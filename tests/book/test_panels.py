"""The table of the article's panels: every one is there, and every notebook, function and letter that it names."""

import importlib
import re

import nbformat
import pytest

from movrecon_core.storage.paths import BOOK, NOTEBOOKS

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (BOOK / "panels.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| panel")
]

PANELS = {
    "Figure 1": "ABCD",
    "Figure 1–S1": "ABCDE",
    "Figure 1–S2": "ABCD",
    "Figure 1–S3": "ABCDE",
    "Figure 2": "AB",
    "Figure 2–S1": "AB",
    "Figure 3": "",
    "Figure 4": "ABCD",
    "Figure 4–S1": "ABC",
    "Figure 4–S2": "ABC",
    "Figure 5": "",
    "Figure 6": "ABCDE",
    "Author response image 1": "",
    "Author response image 2": "AB",
    "Video 1": "",
    "Video 2": "",
    "Video 3": "",
    "Video 4": "",
}
"""Letters of the article's legends."""


def source(notebook: str) -> str:
    cells = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "code")


def test_every_panel_of_the_article_has_one_row() -> None:
    expected = [f"{figure}{letter}" for figure, letters in PANELS.items() for letter in letters or [""]]
    assert [row[0] for row in ROWS] == expected


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_what_a_row_names_is_there(row: list[str]) -> None:
    _, place, function, remark = row
    notebook, letter = place.split(", ")
    code = source(notebook)
    assert f'"{letter}"' in code or f"    {letter}: videos." in code, f"{notebook} has no panel {letter}"
    module, name = function.strip("`").split(".")
    room = "book" if module == "videos" else "figures"
    assert callable(getattr(importlib.import_module(f"movrecon_core.{room}.{module}"), name))
    assert re.search(rf"\b{name}\b", code), f"{notebook} does not call {name}"
    assert remark
    assert "missing" not in remark.replace("in B missing", "")  # neurons, not a panel
