"""The built book in a browser: nothing fails, nothing is asked of the network, on a desk and on a phone."""

from pathlib import Path

import pytest
from browser import Watched
from playwright.sync_api import Browser

DESK, PHONE = {"width": 1300, "height": 900}, {"width": 390, "height": 844}
TOO_WIDE = "document.documentElement.scrollWidth > window.innerWidth"
BROKEN_PICTURES = "[...document.images].filter(i => !(i.complete && i.naturalWidth)).map(i => i.src)"


@pytest.fixture(scope="module")
def pages(smoke_study: Path) -> list[Path]:
    book = smoke_study / "book"
    return [page for page in sorted([*book.glob("*.html"), *book.glob("notebooks/*.html")]) if page.stem != "index"]


def test_every_page_opens_without_complaint(browser: Browser, pages: list[Path]) -> None:
    """On a desk and, made as narrow, on a phone."""
    context = browser.new_context(viewport=DESK)
    complaints = {}
    for path in pages:
        watched = Watched(context)
        page = watched.page
        page.goto(path.as_uri(), wait_until="load")
        watched.complaints += [f"broken: {picture}" for picture in page.evaluate(BROKEN_PICTURES)]
        if page.locator(".math").count():
            page.wait_for_selector("mjx-container svg")
            assert page.locator("mjx-container").count() == page.locator(".math").count()
            assert page.locator("[data-mjx-error], mjx-merror").count() == 0
        if page.evaluate(TOO_WIDE):
            watched.complaints.append("wider than a desk")
        watched.screenshot(f"book-{path.stem}", whole=True)
        page.add_style_tag(content="* { transition: none !important; }")
        page.set_viewport_size(PHONE)
        if page.evaluate(TOO_WIDE):
            watched.complaints.append("wider than a phone")
        watched.screenshot(f"phone-{path.stem}")
        complaints[path.stem] = watched.complaints
        page.close()
    assert not {page: found for page, found in complaints.items() if found}


def test_front_page_shows_what_this_is_in_one_screen(browser: Browser, smoke_study: Path) -> None:
    watched = Watched(browser.new_context(viewport=DESK))
    watched.page.goto((smoke_study / "book" / "index.html").as_uri())
    watched.page.wait_for_selector("article h1")
    watched.screenshot("front-desk")
    shown = watched.page.get_by_text("video correlation of").first.bounding_box()
    assert shown is not None
    assert shown["y"] + shown["height"] < 900
    picture = watched.page.locator("article video, article img").first.bounding_box()
    assert picture is not None
    assert picture["y"] < 500


def test_videos_play(browser: Browser, pages: list[Path]) -> None:
    context = browser.new_context()
    with_video = [path for path in pages if "<video" in path.read_text()]
    assert {"introduction", "videos"} <= {path.stem for path in with_video}
    for path in with_video:
        watched = Watched(context)
        watched.page.goto(path.as_uri())
        for video in watched.page.locator("video").all():
            video.evaluate("video => video.play()")
            handle = video.element_handle()
            watched.page.wait_for_function("v => v.readyState === 4 && v.currentTime > 0.1", arg=handle, timeout=10_000)
        assert not watched.complaints
        watched.page.close()


def test_search_finds_without_network(browser: Browser, smoke_study: Path) -> None:
    watched = Watched(browser.new_context())
    watched.page.goto((smoke_study / "book" / "search.html").as_uri() + "?q=transparency")
    watched.page.wait_for_selector("#search-results li a")
    found = watched.page.locator("#search-results li a").all_inner_texts()
    assert any("mask" in title.lower() or "method" in title.lower() for title in found)
    assert not watched.complaints
