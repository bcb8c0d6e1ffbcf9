"""A browser, and what a page did in it: requests, errors, pictures."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

SCREENSHOTS = Path(__file__).parents[1] / "screenshots"
"""Pictures of every page as a reader sees it; made by the tests, not kept in the repository."""

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


def chromium() -> str:
    """Path of the installed Chromium; without one the test is skipped."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium here; `apt-get install chromium` (make test tries it where it may)")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for the tests of one file."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield opened
        opened.close()


class Watched:
    """A page whose console errors, failed requests and outside requests are noted.

    Parameters
    ----------
    context
        Of a browser.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(f"console: {m.text}") if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("request", self._note_outside)
        self.page.on("requestfailed", self._note_failed)

    def _note_outside(self, request: Request) -> None:
        address = urlparse(request.url)
        if address.scheme not in ("file", "data", "blob", "about") and address.hostname != "127.0.0.1":
            self.complaints.append(f"outside: {request.url}")

    def _note_failed(self, request: Request) -> None:
        # A video is left off as soon as enough of it was read; whether it plays is asked elsewhere.
        if request.resource_type != "media":
            self.complaints.append(f"failed: {request.url} {request.failure}")

    def screenshot(self, name: str, *, whole: bool = False) -> None:
        """Keep a picture of the page for a person to look at."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=whole)
