"""The page on bringing one's own encoder: all its code runs, and what it promises holds."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from movrecon_core.encoders import checkpoints
from movrecon_core.encoders.checkpoints import load_checkpoint
from movrecon_core.storage.paths import BOOK
from movrecon_core.study.profile import parse_profile

PAGE = (BOOK / "own-encoder.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_code_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoints, "_ENCODERS", dict(checkpoints._ENCODERS))
    names: dict[str, Any] = {"__name__": __name__}
    for code in blocks("python"):
        exec(compile(code, "own-encoder.md", "exec"), names)
    assert names["single_trial"] > 0.1
    assert names["similarity"] > 0.15
    loaded = load_checkpoint(tmp_path / "pixels.pth")
    with torch.inference_mode():
        torch.testing.assert_close(loaded(names["inputs"][None], 0), names["encoder"](names["inputs"][None], 0))
    comparison = yaml.safe_load(blocks("yaml")[0])
    profile = parse_profile({"name": "page", "encoder": {"architecture": "pixels"}, **comparison}, "own-encoder.md")
    assert profile.comparison is not None
    assert profile.comparison.encoder.parameters["lags"] == 12
    (group,) = re.findall(r'entry-points\."([^"]+)"', PAGE)
    assert group == checkpoints.ENTRY_POINTS
