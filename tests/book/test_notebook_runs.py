"""Notebooks: checked before they run, whole or not at all, not again while nothing changed."""

import json
from pathlib import Path

import nbformat
import pytest

from movrecon_core.book.notebooks import (
    NotebookError,
    check_parameters,
    executed_metadata,
    notebook_parameters,
    run_notebook,
)
from movrecon_core.errors import ProfileError
from movrecon_core.storage.paths import REPOSITORY

# papermill and the kernel's client warn about themselves, which is none of our doing
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::ResourceWarning")


def write_notebook(path: Path, *sources: str) -> Path:
    """A notebook whose first cell is tagged ``parameters``."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[0].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def test_parameters_are_read_as_literals(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", 'results = "a"  # folder\nrate = 1.0e-4\nsizes = [1, 2]', "print(rate)")
    assert notebook_parameters(path) == {"results": "a", "rate": 1.0e-4, "sizes": [1, 2]}


def test_a_misspelt_parameter_stops_with_the_closest(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "shown_frames = 8")
    with pytest.raises(ProfileError, match=r"n.ipynb: unknown parameter 'shown_frame'; did you mean 'shown_frames'\?"):
        check_parameters(path, {"shown_frame": 3})


@pytest.mark.parametrize("source", ["rate = float(2)", "import os", "a = b = 1; a += 1", "x ="])
def test_a_parameters_cell_holds_only_literals(tmp_path: Path, source: str) -> None:
    with pytest.raises(ProfileError, match="parameters cell"):
        notebook_parameters(write_notebook(tmp_path / "n.ipynb", source))


def test_a_notebook_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no such notebook"):
        notebook_parameters(tmp_path / "n.ipynb")
    (tmp_path / "n.ipynb").write_text("{")
    with pytest.raises(ProfileError, match="not a readable notebook"):
        notebook_parameters(tmp_path / "n.ipynb")


def test_executed_once_then_again_only_on_change(tmp_path: Path) -> None:
    count, figure = tmp_path / "count", tmp_path / "figure.svg"
    path = write_notebook(
        tmp_path / "n.ipynb",
        'results = ""\nrate = 1.0',
        "from pathlib import Path\nfolder = Path(results)",
        '(folder / "figure.svg").touch()\nwith (folder / "count").open("a") as file:\n    file.write(f"{rate}\\n")',
        "print(folder)",
    )
    executed = tmp_path / "done" / "n.ipynb"
    given = {"results": str(tmp_path), "rate": 1e-4}
    assert run_notebook(path, given, executed, "content", figure)
    assert not run_notebook(path, given, executed, "content", figure)
    assert count.read_text() == "0.0001\n"
    assert executed_metadata(executed)["seconds"] > 0
    text = executed.read_text()
    assert str(tmp_path) not in text
    assert str(REPOSITORY) not in text
    assert tmp_path.name in text

    assert run_notebook(path, given, executed, "other content", figure)
    figure.unlink()
    assert run_notebook(path, given, executed, "other content", figure)
    assert count.read_text().count("\n") == 3


def test_a_notebook_with_nothing_to_show_is_a_page_that_says_so(tmp_path: Path) -> None:
    source = "from movrecon_core.errors import NothingToShowError\nraise NothingToShowError('the profile has no noise')"
    path = write_notebook(tmp_path / "n.ipynb", "x = 0", source, "x")
    content = nbformat.read(path, as_version=4)
    content.cells.insert(0, nbformat.v4.new_markdown_cell("# Noise"))
    nbformat.write(content, path)
    executed, figure = tmp_path / "done" / "n.ipynb", tmp_path / "figure.svg"
    assert run_notebook(path, {}, executed, "content", figure)
    page = nbformat.read(executed, as_version=4)
    assert [cell.source for cell in page.cells] == ["# Noise", "Nothing to show: the profile has no noise."]
    assert executed_metadata(executed)["seconds"] > 0
    assert not run_notebook(path, {}, executed, "content", figure)
    assert run_notebook(path, {}, executed, "other content", figure)


def test_a_failed_notebook_is_kept_and_named(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "x = 0", "1 / x")
    executed = tmp_path / "done" / "n.ipynb"
    with pytest.raises(
        NotebookError, match=r"n.ipynb: cell 2: ZeroDivisionError: division by zero; see .*failed.ipynb"
    ):
        run_notebook(path, {}, executed, "content", tmp_path / "figure.svg")
    assert not executed.exists()
    failed = json.loads((tmp_path / "done" / "n.failed.ipynb").read_text())
    assert any(output["output_type"] == "error" for cell in failed["cells"] for output in cell.get("outputs", []))
    assert sorted(p.name for p in (tmp_path / "done").iterdir()) == ["n.failed.ipynb"]
