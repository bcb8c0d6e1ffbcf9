"""Notebooks of a run: two at a time, each a fresh kernel that has everything loaded; one that fails stops no other."""

import json
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import psutil
import pytest

from movrecon_core.book import notebooks, publish
from movrecon_core.book.kernels import FORKED
from movrecon_core.book.pages import failed_page
from movrecon_core.storage.paths import EXECUTED

# papermill and the kernel's client warn about themselves, which is none of our doing
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::ResourceWarning")

SEEN = """
import json, os, sys, time
from pathlib import Path
found = {"process": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"], "folder": os.getcwd(),
         "loaded": "seaborn" in sys.modules, "fresh": "left_behind" not in dir(sys)}
sys.left_behind = True
here, deadline = Path(results), time.monotonic() + 60
(here / f"{name}.begun").touch()
beside = lambda: [one for one in here.glob("*.begun") if one.stem != name and not one.with_suffix(".json").exists()]
ended = lambda: sum(one.with_suffix(".json").exists() for one in here.glob("*.begun"))
while not (seen := beside()) and ended() < 2 and time.monotonic() < deadline:  # for another, unless it is last
    time.sleep(0.05)
found["beside"] = len(seen)
(Path(results) / f"{name}.json").write_text(json.dumps(found))
(Path(figures) / f"{name}.svg").touch()
"""


def write(folder: Path, name: str, source: str) -> None:
    cells = [
        nbformat.v4.new_markdown_cell("# Title\n\n**Claim.**"),
        nbformat.v4.new_code_cell('results = ""\nfigures = ""'),
    ]
    cells += [nbformat.v4.new_code_cell(f"name = {name!r}"), nbformat.v4.new_code_cell(source)]
    cells[1].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / f"{name}.ipynb")


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    for module in (publish, notebooks):
        monkeypatch.setattr(module, "NOTEBOOKS", tmp_path)
    sources = {"first": SEEN, "broken": "1 / 0", "second": SEEN, "third": SEEN}
    for name, source in sources.items():
        write(tmp_path, name, source)
    profile = SimpleNamespace(notebooks={name: {} for name in sources})
    return SimpleNamespace(out=tmp_path, profile=profile, content_fingerprint=lambda code: "content")


def test_a_failing_notebook_stops_no_other(study: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "cores", lambda: 2)
    monkeypatch.setattr(publish, "within_memory", lambda count: count)
    folder = Path.cwd()
    failed = publish.execute(study, study.out)
    (error,) = failed
    assert str(error).startswith("broken.ipynb: cell 4: ZeroDivisionError: division by zero; see ")
    found = [json.loads((study.out / f"{name}.json").read_text()) for name in ("first", "second", "third")]
    assert len({one["process"] for one in found}) == 3
    assert {one["threads"] for one in found} == {"1"}
    assert {one["folder"] for one in found} == {str(study.out)}
    assert {one["fresh"] for one in found} == {True}
    assert {one["loaded"] for one in found} == {FORKED}
    assert Path.cwd() == folder
    # Two at a time, and no more; the last may be alone.
    beside = sorted(one["beside"] for one in found)
    assert beside[1:] == [1, 1]
    assert beside[0] <= 1

    executed = study.out / EXECUTED
    assert notebooks.failure(executed / "broken.ipynb") == "ZeroDivisionError: division by zero"
    assert notebooks.failure(executed / "first.ipynb") is None
    before = (study.out / "first.json").read_text()
    write(study.out, "broken", SEEN)
    assert publish.execute(study, study.out) == []
    assert notebooks.failure(executed / "broken.ipynb") is None
    assert (study.out / "first.json").read_text() == before


def test_the_page_of_a_notebook_that_failed(study: SimpleNamespace) -> None:
    page = failed_page(nbformat.read(study.out / "broken.ipynb", as_version=4), "ValueError: of\ntwo lines", [])
    assert page.cells[0].source.startswith("# Title")
    assert "This notebook failed, and its figure is missing: `ValueError: of two lines`" in page.cells[1].source
    assert len(page.cells) == 2


def test_kernels_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    write(tmp_path, "slow", "import time\n(__import__('pathlib').Path(results) / 'begun').touch()\ntime.sleep(600)")
    script = f"""
from pathlib import Path
from types import SimpleNamespace
from movrecon_core.book import notebooks, publish
folder = Path({str(tmp_path)!r})
notebooks.NOTEBOOKS = publish.NOTEBOOKS = folder
profile = SimpleNamespace(notebooks={{"slow": {{}}}})
if __name__ == "__main__":
    publish.execute(SimpleNamespace(out=folder, profile=profile, content_fingerprint=lambda code: "content"), folder)
"""
    (tmp_path / "run.py").write_text(script)
    run = subprocess.Popen([sys.executable, str(tmp_path / "run.py")], stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not (tmp_path / "begun").is_file() and time.monotonic() < until:
        time.sleep(0.1)
    kernels = psutil.Process(run.pid).children(recursive=True)
    assert kernels
    run.kill()
    run.wait()
    _, alive = psutil.wait_procs(kernels, timeout=30)
    assert not alive


def test_nothing_of_the_working_folder_is_read(tmp_path: Path) -> None:
    """``random.py``, ``yaml.py`` and ``docutils.conf`` of the user's are in the way of no build and no kernel."""
    source, here = tmp_path / "source", tmp_path / "here"
    for folder in (source, here):
        folder.mkdir()
    for name in ("random", "yaml", "json"):
        (here / f"{name}.py").write_text("raise RuntimeError('not this one')")
    (here / "docutils.conf").write_text("[general]\nhalt_level: 1\nnonsense: yes\nlanguage_code: xx")
    (source / "_toc.yml").write_text("format: jb-book\nroot: page")
    (source / "_config.yml").write_text("title: test\nonly_build_toc_files: true\nexecute: {execute_notebooks: 'off'}")
    (source / "page.md").write_text("# Title")
    write(source, "slow", "(__import__('pathlib').Path(results) / 'slow.svg').touch()")
    script = f"""
import sys
sys.path = [entry for entry in sys.path if entry]
from movrecon_core.process import ignore_working_folder
ignore_working_folder()
from pathlib import Path
from types import SimpleNamespace
from movrecon_core.book import notebooks, publish
from movrecon_core.book.build import build_pages
source, out = Path({str(source)!r}), Path({str(tmp_path)!r})
notebooks.NOTEBOOKS = publish.NOTEBOOKS = source
profile = SimpleNamespace(notebooks={{"slow": {{}}}})
if __name__ == "__main__":
    print(publish.execute(SimpleNamespace(out=out, profile=profile, content_fingerprint=lambda code: "content"), out))
    print(build_pages(source, out / "build", "html", out / "log"))
"""
    (tmp_path / "run.py").write_text(script)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "run.py")], cwd=here, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["[]", str(tmp_path / "build" / "_build" / "html")]
    assert (tmp_path / "slow.svg").is_file()
