"""A movie in a notebook, as a reader of its page sees it."""

from pathlib import Path

import numpy as np
from playwright.sync_api import Browser

from movrecon_core.plotting.live import pair, play


def test_a_player_fits_into_a_narrow_page(browser: Browser, tmp_path: Path) -> None:
    """Whole, both movies and the stamp: no page cuts it off."""
    truth = np.random.default_rng(0).uniform(0, 255, (12, 36, 64))
    player = play(pair(truth, truth, np.ones((36, 64), bool), simulated=True), 30)
    file = tmp_path / "page.html"
    file.write_text(f'<div style="width: 390px; overflow: hidden">{player._repr_html_()}</div>')
    page = browser.new_page()
    page.goto(file.as_uri())
    page.wait_for_function("document.querySelector('video').readyState > 0")
    natural, ratio, width, height = page.evaluate(
        "() => { const v = document.querySelector('video'); const box = v.getBoundingClientRect();"
        " return [v.videoWidth, v.videoWidth / v.videoHeight, box.width, box.height]; }"
    )
    assert natural > 390 >= width
    assert abs(width / height / ratio - 1) < 0.02
