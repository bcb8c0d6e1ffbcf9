"""The ways to install, each into a fresh environment: which commands are given, and what is left out."""

import shutil
import subprocess
from pathlib import Path

import pytest

from movrecon_core.storage.paths import REPOSITORY

MADE = """
mkdir -p "$made/bin"
printf '#!/bin/sh\necho "$(basename "$0")" "$@"\n' > "$made/bin/movrecon"
chmod +x "$made/bin/movrecon"
cp "$made/bin/movrecon" "$made/bin/pip"
"""
TOOLS = {
    "python3": f'made=$3 {MADE} echo python3 "$@"',
    "uv": f'made=$UV_PROJECT_ENVIRONMENT {MADE} echo uv "$@"; ls -A uv-source | grep -Fx -e .venv -e pyproject.toml',
    "conda": f'made=$5 {MADE} echo conda "$@"; ls environment.yml',
}
"""Commands in place of the tools: each makes an environment whose commands say how they are called."""
NEEDED = ("sh", "basename", "cat", "chmod", "cp", "dirname", "grep", "ls", "mkdir", "mktemp", "rm", "tar")


def fresh(folder: Path, tools: list[str], *arguments: str) -> str:
    """What it says where these tools are."""
    for name in NEEDED:
        (folder / name).symlink_to(str(shutil.which(name)))
    for name in tools:
        (folder / name).write_text(f"#!/bin/sh\n{TOOLS[name]}\n")
        (folder / name).chmod(0o755)
    command = [REPOSITORY / ".ci" / "fresh", *arguments]
    done = subprocess.run(command, env={"PATH": str(folder)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_way_is_tried_in_an_environment_of_its_own(tmp_path: Path) -> None:
    said = fresh(tmp_path, list(TOOLS)).splitlines()
    assert [line.split()[0] for line in said if "quickstart" not in line] == [
        *("python3", "pip", "fresh:"),
        *("uv", "pyproject.toml", "fresh:"),
        *("conda", "environment.yml", "fresh:"),
    ]
    assert f"pip install -q -c {REPOSITORY}/constraints.txt {REPOSITORY}" in said
    assert "uv sync -q --project uv-source --python python3" in said
    assert len([line for line in said if line.startswith("movrecon quickstart --page --out ")]) == 3
    assert [line for line in said if line.startswith("fresh: ")] == [
        f"fresh: {way} installs and reconstructs" for way in ("pip", "uv", "conda")
    ]
    assert not (REPOSITORY / "uv.lock").exists()


@pytest.mark.parametrize("way", ["uv", "conda"])
def test_a_way_whose_tool_is_missing_is_left_out_and_named(tmp_path: Path, way: str) -> None:
    assert fresh(tmp_path, [], way) == f"fresh: no {way} here, left out\n"


def test_another_word_is_no_way() -> None:
    done = subprocess.run([REPOSITORY / ".ci" / "fresh", "pipx"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "fresh: pipx is none of pip, uv, conda\n")


def test_its_help_says_what_is_left_out(tmp_path: Path) -> None:
    said = fresh(tmp_path, [], "--help")
    assert [line for line in ("where there is no uv", "where there is no conda") if line not in said] == []
