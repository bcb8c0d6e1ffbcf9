"""Notebooks: checked before they run, whole or not at all, not again while nothing changed."""

import base64
import json
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest

from movrecon_core.book.kernels import only_own_kernels
from movrecon_core.book.notebooks import NotebookError, executed_metadata, run_notebook
from movrecon_core.book.parameters import check_parameters, notebook_parameters
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


def test_the_interpreter_is_this_one_whatever_kernels_are_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another ``python3`` that lacks ipykernel, and a start-up file of the user's."""
    spec = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": ["false", "{connection_file}"], "display_name": "x", "language": "python"}))
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "mine.py").write_text("left_over = 1")
    for name, folder in (("JUPYTER_PATH", "jupyter"), ("IPYTHONDIR", "ipython")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    only_own_kernels.cache_clear()  # as in a process that was started in this environment
    source = (
        "import sys\nproduct = product or 0\nopen(product, 'w').write(f'{sys.executable} {\"left_over\" in dir()}')"
    )
    notebook = write_notebook(tmp_path / "kernel.ipynb", "product = None", source)
    product = tmp_path / "product"
    run_notebook(notebook, {"product": str(product)}, tmp_path / "executed.ipynb", "content", product)
    assert product.read_text() == f"{sys.executable} False"


def test_folders_leave_text_and_never_pictures(tmp_path: Path) -> None:
    """A folder with a name as short as ``/o`` is found in pictures, too, and within longer names."""
    folder = Path(tempfile.mkdtemp(prefix="o", dir="/tmp"))
    short = str(folder)
    picture = base64.b64encode(b"\xff" * 20).decode() + short + "+/="
    page = f'<img src="data:image/png;base64,{picture}"> {short}/table.csv'
    source = f"""
from IPython.display import display
display({{"image/png": {picture!r}, "text/html": {page!r}, "text/plain": {f"{short}/a {short}b x{short}"!r}}}, raw=True)
"""
    notebook = write_notebook(tmp_path / "shown.ipynb", 'results = ""', source)
    run_notebook(notebook, {"results": short}, tmp_path / "executed.ipynb", "content", tmp_path / "product")
    folder.rmdir()
    (output,) = nbformat.read(tmp_path / "executed.ipynb", as_version=4).cells[-1].outputs
    assert output.data["image/png"].strip() == picture
    assert output.data["text/html"] == page.replace(f"{short}/table", f"{folder.name}/table")
    assert output.data["text/plain"] == f"{folder.name}/a {short}b x{short}"
