"""The book as built: whole, without a word to fill in, without a request to the network."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from movrecon_core.book.build import build_book
from movrecon_core.figures.summary import read_summary
from movrecon_core.storage.paths import BOOK
from movrecon_core.study import open_study

LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}


class _Links(HTMLParser):
    """Collects what a page loads and where it leads."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.videos: list[dict[str, str | None]] = []
        self.ids: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in LOADING and (address := values.get(LOADING[tag])):
            self.loaded.append(address)
        if tag == "a" and (address := values.get("href")):
            self.linked.append(address)
        if tag == "img":
            self.pictures.append(values)
        if tag == "video":
            self.videos.append(values)
        if name := values.get("id"):
            self.ids.add(name)


@pytest.fixture(scope="module")
def pages(smoke_study: Path) -> dict[Path, _Links]:
    book = smoke_study / "book"
    found = [*book.glob("*.html"), *book.glob("notebooks/*.html")]
    return {page: _Links(page) for page in found}


def test_every_page_is_there(smoke_study: Path) -> None:
    book = smoke_study / "book"
    for page in ("index", "search", *(file.stem for file in BOOK.glob("*.md"))):
        assert (book / f"{page}.html").is_file()
    notebooks = open_study(smoke_study).profile.notebooks
    assert {page.stem for page in book.glob("notebooks/*.html")} == set(notebooks)
    front = (book / "introduction.html").read_text()
    for name in notebooks:
        text = (book / "notebooks" / f"{name}.html").read_text()
        assert "Traceback" not in text
        assert f'href="notebooks/{name}.html"' in front


def test_every_figure_leads_to_its_notebook_and_source_data(smoke_study: Path, pages: dict[Path, _Links]) -> None:
    for name in open_study(smoke_study).profile.notebooks:
        linked = pages[smoke_study / "book" / "notebooks" / f"{name}.html"].linked
        assert f"../files/{name}.ipynb" in linked
        tables = {f"../figures/{file.name}" for file in (smoke_study / "figures").glob(f"{name}_?.csv")}
        assert tables <= set(linked)


def test_every_picture_and_video_has_an_alternative_text(pages: dict[Path, _Links]) -> None:
    texts = [(page.name, picture.get("alt")) for page, links in pages.items() for picture in links.pictures]
    assert {page for page, _ in texts} >= {"recordings.html", "fig2_performance.html"}
    assert not [page for page, alt in texts if not alt or alt.startswith("../")]
    assert not [page.name for page, links in pages.items() for video in links.videos if not video.get("aria-label")]


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, _Links]) -> None:
    assert not [(page.name, address) for page, links in pages.items() for address in links.loaded if "//" in address]
    scripts = [*(next(iter(pages)).parent.glob("*.html")), *(next(iter(pages)).parent.glob("notebooks/*.html"))]
    assert not [page.name for page in scripts if re.search(r"unpkg|jsdelivr|cdnjs|googleapis", page.read_text())]


def test_no_link_or_picture_is_broken(pages: dict[Path, _Links]) -> None:
    broken = []
    for page, links in pages.items():
        for address in links.loaded + links.linked:
            target, _, anchor = address.partition("#")
            if "//" in address or address.startswith(("mailto:", "javascript:")):
                continue
            file = (page.parent / target.partition("?")[0]).resolve() if target else page
            known = pages.get(file)
            if not file.is_file() or (anchor and known is not None and anchor not in known.ids):
                broken.append((page.name, address))
    assert not broken


def test_a_failed_notebook_has_a_page_that_says_so(smoke_study: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(smoke_study, tmp_path / "study"))
    executed = out / "notebooks" / "fig5_population.ipynb"
    failed = nbformat.read(executed, as_version=4)
    error = nbformat.v4.new_output("error", ename="StoreError", evalue="no unit", traceback=[])
    failed.cells[-1].outputs = [error]
    nbformat.write(failed, executed.with_suffix(".failed.ipynb"))
    build_book(open_study(out), read_summary(out / "summary.json"), out / "figures")
    page = (out / "book" / "notebooks" / "fig5_population.html").read_text()
    assert "This notebook failed" in page
    assert "StoreError: no unit" in re.sub(r"<[^>]+>", "", page)
    assert "fig5_population.png" not in page
    assert (out / "book" / "notebooks" / "fig6_error_maps.html").is_file()


def test_math_comes_with_the_book(smoke_study: Path) -> None:
    text = (smoke_study / "book" / "method.html").read_text()
    assert re.search(r'src="_static/tex-svg\.js[^"]*"', text)
    assert b"MathJax" in (smoke_study / "book" / "_static" / "tex-svg.js").read_bytes()
    assert not list((smoke_study / "book" / "_static").glob("*.gz"))
    assert 'class="math' in text


def test_numbers_are_filled_in(smoke_study: Path) -> None:
    for page in ("introduction", "status"):
        text = (smoke_study / "book" / f"{page}.html").read_text()
        assert not re.search(r"\{\{\w+\}\}", text)
    assert re.search(r"95 % CI -?\d\.\d{3} to -?\d\.\d{3}", (smoke_study / "book" / "introduction.html").read_text())
    assert "torch" in (smoke_study / "book" / "status.html").read_text()


def test_pages_are_small(pages: dict[Path, _Links]) -> None:
    """With all that they load, videos left out."""
    sizes = {}
    for page, links in pages.items():
        files = {page.parent / re.split("[?#]", address)[0] for address in links.loaded} - {page.parent}
        sizes[page.stem] = page.stat().st_size + sum(file.stat().st_size for file in files if file.suffix != ".mp4")
    assert not {page: size for page, size in sizes.items() if size > 3e6}


def test_icons_need_no_script_and_no_file(smoke_study: Path) -> None:
    (sheet,) = (smoke_study / "book").glob("_static/vendor/fontawesome/*/css/all.min.css")
    addresses = re.findall(r"url\(([^)]{1,40})", sheet.read_text())
    assert addresses
    assert all(address.startswith("data:font/ttf;base64,") for address in addresses)
