"""What `make study` gives to the command."""

import os
import subprocess
from pathlib import Path

import pytest

from movrecon_core.storage.paths import REPOSITORY


@pytest.mark.parametrize(
    ("recordings", "expected"),
    [
        ("", []),
        ("one", ["one"]),
        ("one two", ["one", "two"]),
        ("my mice #1", ["my mice #1"]),
        ("'my mice #1' two", ["my mice #1", "two"]),
        ('"my mice #1"', ["my mice #1"]),
    ],
)
def test_recordings_and_out_with_blanks(tmp_path: Path, recordings: str, expected: list[str]) -> None:
    for name in ("one", "two", "my mice #1"):
        (tmp_path / name).mkdir()
    told = [f"'{tmp_path}/{e}'" if " " in e else f"{tmp_path}/{e}" for e in expected]
    given = f"{tmp_path}/{expected[0]}" if len(expected) == 1 and recordings[0] not in "'\"" else " ".join(told)
    ready, command = tmp_path / "ready", tmp_path / "movrecon"
    command.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    command.chmod(0o755)
    ready.touch()
    os.utime(ready, (2**32, 2**32))
    make = ["make", "-s", "study", f"READY={ready}", f"MOVRECON={command}", f"OUT={tmp_path}/out #1 100%"]
    done = subprocess.run(
        [*make, "PROFILE=smoke", f"RECORDINGS={given}"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    arguments = done.stdout.splitlines()
    assert arguments[: arguments.index("--figures")] == [
        "run",
        "--profile",
        "smoke",
        "--out",
        f"{tmp_path}/out #1 100%",
    ]
    found = arguments[arguments.index("--recordings") + 1 :] if "--recordings" in arguments else []
    assert found == [f"{tmp_path}/{e}" for e in expected]
