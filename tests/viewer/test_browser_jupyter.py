"""Notebooks in JupyterLab, as a scientist opens them: run all, move the viewer's slider, see the frame change."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Watched
from playwright.sync_api import Browser, Page

from movrecon_core.storage.paths import NOTEBOOKS

TOKEN = "movrecon"
START_SECONDS, RUN_SECONDS, WAIT_MILLISECONDS = 60, 30, 180_000
"""How long a server may take to start, a notebook from opening to its last cell, and any step on a busy machine."""


@pytest.fixture(scope="module")
def lab(smoke_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a JupyterLab over the notebooks, with the smoke study in the place of the demo's results."""
    root = tmp_path_factory.mktemp("lab")
    (root / "results").mkdir()
    (root / "results" / "demo").symlink_to(smoke_study)
    shutil.copytree(NOTEBOOKS, root / "notebooks", ignore=shutil.ignore_patterns(".*"))
    settings = root / "settings" / "labconfig" / "page_config.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [f"--port={port}", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={root}"]
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(root / "settings"), "JUPYTER_RUNTIME_DIR": str(root / "run")}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--allow-root", *options]
    with (root / "log.txt").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            _wait_for(f"http://127.0.0.1:{port}/api/status?token={TOKEN}", server)
            yield f"http://127.0.0.1:{port}/lab/tree/notebooks"
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    yield Watched(context)
    context.close()


def test_figure_notebook_runs_from_top_to_bottom(lab: str, watched: Watched) -> None:
    seconds = run_all(watched.page, lab, "fig2_performance")
    watched.screenshot("lab-fig2_performance")
    assert watched.page.locator(".jp-OutputArea-output[data-mime-type*=error]").count() == 0
    scroll_to_end(watched.page)
    assert watched.page.locator(".jp-RenderedImage img").count() == 1
    assert seconds < RUN_SECONDS * crowding()
    assert not [complaint for complaint in watched.complaints if complaint.startswith("outside")]


def test_slider_of_the_viewer_changes_the_frame(lab: str, watched: Watched) -> None:
    page = watched.page
    seconds = run_all(page, lab, "viewer")
    assert seconds < RUN_SECONDS * crowding()
    pictures, traces = page.locator(".jp-OutputArea img.widget-image").all()
    pictures.scroll_into_view_if_needed()
    before, cursor = pictures.get_attribute("src"), traces.get_attribute("src")
    watched.screenshot("lab-viewer")
    page.locator(".widget-slider .noUi-handle").first.press("ArrowRight")
    page.wait_for_function("([image, old]) => image.src !== old", arg=[pictures.element_handle(), before])
    page.wait_for_function("([image, old]) => image.src !== old", arg=[traces.element_handle(), cursor])
    watched.screenshot("lab-viewer-next-frame")
    assert page.locator(".jp-OutputArea-output[data-mime-type*=error]").count() == 0
    assert not [complaint for complaint in watched.complaints if complaint.startswith("outside")]


def run_all(page: Page, lab: str, name: str) -> float:
    """Open a notebook and run all its cells; seconds from opening to the last result."""
    started = time.monotonic()
    page.goto(f"{lab}/{name}.ipynb?token={TOKEN}&reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=START_SECONDS * 1000)
    idle = "document.querySelector('#jp-main-statusbar')?.innerText.includes('Idle')"
    page.wait_for_function(idle, timeout=WAIT_MILLISECONDS)
    page.get_by_role("menuitem", name=re.compile("^Run$")).click()
    page.get_by_role("menuitem", name=re.compile("^Run All Cells")).click()
    finished = """() => {  // textContent: cells that are out of sight have no innerText
        const prompts = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')];
        return prompts.length && prompts.every(prompt => /^\\[\\d+\\]:$/.test(prompt.textContent.trim()));
    }"""
    page.wait_for_function(finished, timeout=WAIT_MILLISECONDS)
    return time.monotonic() - started


def crowding() -> float:
    """How many processes want each core: what takes a second alone takes so many."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def scroll_to_end(page: Page) -> None:
    """JupyterLab draws what comes into sight."""
    page.locator(".jp-Notebook .jp-CodeCell").last.scroll_into_view_if_needed()


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(START_SECONDS * 5):
        assert server.poll() is None, "JupyterLab ended"
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError("JupyterLab does not answer")
