"""A release: what it consists of, and what keeps it from being made."""

import ast
import hashlib
import json
import re
import subprocess
import sysconfig
import tarfile
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.specifiers import SpecifierSet

from movrecon_core import __version__
from movrecon_core.errors import MovreconError
from movrecon_core.release import changes_of, make_release
from movrecon_core.storage.paths import BOOK, REPOSITORY


def test_a_release_has_wheel_source_book_changes_and_checksums(tmp_path: Path) -> None:
    (tmp_path / "run" / "book").mkdir(parents=True)
    (tmp_path / "run" / "book" / "index.html").write_text("a book")
    files = make_release(tmp_path / "run", tmp_path / "dist")
    (wheel,) = (tmp_path / "dist").glob("movrecon-*.whl")
    (source,) = (tmp_path / "dist").glob("movrecon-*.tar.gz")
    (book,) = (tmp_path / "dist").glob("movrecon-*-book.zip")
    assert set(files) == set((tmp_path / "dist").iterdir()) > {wheel, source, book}
    assert "book/index.html" in zipfile.ZipFile(book).namelist()
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"setup.py", "notebooks/quickstart.ipynb", "profiles/demo.yaml", "example/encoder.pth"} <= names
    for line in (tmp_path / "dist" / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((tmp_path / "dist" / name).read_bytes()).hexdigest() == digest


def test_without_a_book_or_a_section_of_the_changelog_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(MovreconError, match="no book"):
        make_release(tmp_path, tmp_path / "dist")
    changelog = "# Changes\n\n## Unreleased\n\n- new\n\n## 0.2.0\n\n- second\n\n## 0.1.0\n\n- first\n"
    assert changes_of("0.2.0", changelog) == "- second\n"
    assert changes_of("0.1.0", changelog) == "- first\n"
    with pytest.raises(MovreconError, match=r"no section '## 0\.3\.0'"):
        changes_of("0.3.0", changelog)


def test_citation_zenodo_and_package_agree() -> None:
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    zenodo = json.loads((REPOSITORY / ".zenodo.json").read_text())
    package = re.search(r'license = "(.+)"', (REPOSITORY / "pyproject.toml").read_text())
    assert citation["version"] == __version__
    assert citation["title"] == zenodo["title"]
    assert citation["license"] == zenodo["license"] == package[1]
    assert citation["keywords"] == zenodo["keywords"]
    assert zenodo["related_identifiers"][0]["identifier"] == citation["preferred-citation"]["doi"]


def test_the_image_has_nothing_to_complain_of() -> None:
    """By a linter: it is not built here, which would take gigabytes of the network."""
    linter = Path(sysconfig.get_path("scripts"), "hadolint")
    done = subprocess.run([linter, REPOSITORY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def extras() -> set[str]:
    package = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return set(package["optional-dependencies"])


def test_binder_installs_what_is_there() -> None:
    binder = REPOSITORY / ".binder"
    for line in (binder / "requirements.txt").read_text().splitlines():
        option, _, file = line.rpartition(" ")
        if option:
            assert option == "-c"
            assert (binder / file).is_file()
        else:
            assert set((re.fullmatch(r"\.(?:\[(.+)\])?", line)[1] or "").split(",")) <= {*extras(), ""}
    needed = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["requires-python"]
    version = (binder / "runtime.txt").read_text().strip().removeprefix("python-")
    assert f"{version}.0" in SpecifierSet(needed)


def test_colab_installs_the_wheel_and_is_the_quickstart() -> None:
    colab, quickstart = (
        nbformat.read(REPOSITORY / folder / "quickstart.ipynb", as_version=4) for folder in (".colab", "notebooks")
    )
    _, source, install = colab.cells[:3]
    assert colab.cells[3:] == quickstart.cells
    assert colab.metadata == quickstart.metadata
    assert install.source == "%pip install --quiet {source}"
    assert fnmatch(
        f"movrecon-{__version__}-py3-none-any.whl", ast.literal_eval(source.source.removeprefix("source = "))
    )


PAGES = ["README.md", "Dockerfile", "environment.yml", *(f"jupyter-book/{page.name}" for page in BOOK.glob("*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_commands_name_targets_extras_and_files_that_exist(page: str) -> None:
    text = (REPOSITORY / page).read_text()
    targets = re.search(r"^\.PHONY: (.+)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE)) <= set(targets[1].split())
    assert set(re.findall(r"(?:\.|\bmovrecon)\[([a-z]+)\]", text)) <= extras()
    files = re.findall(r"-[cf] (\w+\.(?:yml|txt))|`(\.(?:binder|colab)/[\w.]*)`|`(notebooks/\w+\.ipynb)`", text)
    assert [file for found in files for file in found if file and not (REPOSITORY / file).exists()] == []
