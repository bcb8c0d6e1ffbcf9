"""A sealed zip archive: its last 64 bytes are the SHA-256 of all the others."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MARK = b"sha256:"
_DIGITS = 64
_DATE = (2000, 1, 1, 0, 0, 0)
"""A fixed one: the same members give the same bytes."""


class DamagedError(Exception):
    """A file is not what was written."""


def sealed(members: Mapping[str, bytes]) -> bytes:
    """An uncompressed zip archive whose comment, its last bytes, holds the checksum of everything before.

    Any zip reader opens it; `opened` also finds a changed byte in a header, which zip's own checksums do not cover.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            archive.writestr(zipfile.ZipInfo(name, _DATE), members[name])
        archive.comment = _MARK + b"0" * _DIGITS
    body = content.getvalue()[:-_DIGITS]
    return body + hashlib.sha256(body).hexdigest().encode()


def opened(content: bytes) -> dict[str, bytes]:
    """Members of a sealed archive.

    Raises
    ------
    DamagedError
        If a byte was changed or is missing, or the members say that they are larger than the file.
    """
    body, found = content[:-_DIGITS], content[-_DIGITS:]
    if not body.endswith(_MARK) or hashlib.sha256(body).hexdigest().encode() != found:
        raise DamagedError("wrong checksum")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > len(content):
                raise DamagedError("members larger than the file")
            return {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        raise DamagedError(str(error)) from None


def attributes(members: Mapping[str, bytes]) -> dict[str, Any]:
    """Attributes of the zarr group in an archive.

    Raises
    ------
    DamagedError
        If there are none.
    """
    try:
        found = json.loads(members["zarr.json"])["attributes"]
        return dict(found)
    except (KeyError, ValueError, TypeError, RecursionError):
        raise DamagedError("no attributes") from None


def attributes_of(path: Path) -> dict[str, Any]:
    """Attributes of a unit's file without reading its arrays, or checking them; empty where there are none."""
    try:
        with zipfile.ZipFile(path) as archive:
            return attributes({"zarr.json": archive.read("zarr.json")})
    except (OSError, KeyError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile, DamagedError):
        return {}
