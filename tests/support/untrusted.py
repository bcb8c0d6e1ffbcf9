"""Malformed input of every kind, drawn by hypothesis, and the one thing that may come of it: an error of one line."""

import contextlib
import io
import os
import pickle
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from movrecon_core import cli
from movrecon_core.errors import MovreconError


class Bomb:
    """Code that runs where a pickle is loaded: it makes a file."""

    def __init__(self, canary: Path) -> None:
        self._canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._canary),)


def scalars() -> st.SearchStrategy[Any]:
    """Values that a number, a name or a switch is not."""
    return st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.sampled_from([0, -1, 2**31, 2**63]),
        st.floats(),
        st.text(max_size=8),
        st.dates(),
        st.binary(max_size=8),
    )


def anything() -> st.SearchStrategy[Any]:
    """Values nested in lists and mappings."""
    keys = st.one_of(st.text(max_size=8), st.integers(-3, 3), st.none())
    return st.recursive(
        scalars(),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
        max_leaves=6,
    )


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Bytes of a good file: cut, overwritten, with something added, or altogether others."""
    at = draw(st.integers(0, len(whole) - 1))
    some = draw(st.binary(min_size=1, max_size=40))
    return draw(st.sampled_from([whole[:at], whole[:at] + some + whole[at + len(some) :], whole + some, some, b""]))


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npy_with_header(header: str, body: bytes = b"\0" * 64) -> bytes:
    """An .npy file with any header."""
    text = header.encode("latin1", "replace") + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


@st.composite
def bad_npy(draw: st.DrawFn, whole: bytes, canary: Path) -> bytes:
    """An .npy file of another type or shape, with a false header, damaged, or with code in it."""
    shape = draw(st.lists(st.sampled_from([0, 1, 2, 36, 64, 66, 10**6, 10**15]), max_size=4).map(tuple))
    kind = draw(st.sampled_from(["f4", "i8", "c8", "U3", "S2", "?", "M8[s]", "V4", "O", "f2,i4", "(2,)f4", "nonsense"]))
    small = tuple(min(size, 3) for size in shape)
    values = draw(st.sampled_from([np.nan, np.inf, -1.0, 1e30]))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr("x.npy", npy(np.zeros(3)))
    return draw(
        st.sampled_from(
            [
                draw(damaged(whole)),
                npy_with_header(f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}}}"),
                npy_with_header(draw(st.text(max_size=30))),
                npy_with_header("(" * 300),
                npy(np.full(small, values)),
                npy(np.zeros(small, "U3")),
                npy(np.zeros(small, "M8[s]")),
                npy(np.zeros(small, "f4,i4")),
                npy(np.array([Bomb(canary)] * 3, dtype=object)),
                pickle.dumps(Bomb(canary)),
                archive.getvalue(),
            ]
        )
    )


def refusal(kind: type[MovreconError], read: Callable[[], object]) -> str | None:
    """The message of the one kind of error that reading may end with; None where it succeeds."""
    message = None
    try:
        read()
    except kind as error:
        message = str(error)
    assert "\n" not in (message or "")
    return message


def complaint(*arguments: object) -> str | None:
    """The one line that the command ends with, in this process; None where it succeeds."""
    errors, before = io.StringIO(), sys.argv
    sys.argv = ["movrecon", *map(str, arguments)]
    try:
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            cli.main()
    except SystemExit as stop:
        if stop.code in (0, None):
            return None
    finally:
        sys.argv = before
    lines = errors.getvalue().splitlines()
    assert "Traceback" not in errors.getvalue()
    assert [line.startswith("movrecon: ") for line in lines[-1:]] == [True]
    return lines[-1]


@contextlib.contextmanager
def nothing_outside(folder: Path, canary: Path) -> Iterator[None]:
    """Nothing beside `folder` is made, changed or removed, and no code of a file is run."""

    def files() -> dict[Path, int]:
        beside = (path for path in folder.parent.rglob("*") if not path.is_relative_to(folder))
        return {path: path.stat().st_size for path in beside}

    before = files()
    yield
    if canary.exists():
        pytest.fail("code in a file was run")
    assert files() == before
