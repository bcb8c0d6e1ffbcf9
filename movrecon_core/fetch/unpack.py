"""A mouse's zip archive, unpacked: nothing outside its folder, no links, no more bytes than announced, whole or not."""

import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from movrecon_core.errors import FetchError
from movrecon_core.fetch.download import RESERVE
from movrecon_core.storage.files import renaming_folder

CHUNK = 1 << 20
LARGEST_RATIO = 200
"""Bytes out of one byte in: recordings reach some tens at most, a bomb a thousand."""
LARGEST_FILE = 100_000_000
"""Bytes up to which a file may be packed as tightly as it likes: a movie of one grey, responses of silent neurons."""
_UNPACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
_OTHER_WAYS = {9: "Deflate64", 93: "Zstandard", 95: "XZ", 97: "WavPack", 98: "PPMd"}
_ENCRYPTED = 0x1
_CLUTTER = ("__MACOSX", ".DS_Store")


class KeptError(FetchError):
    """An archive is sound and stays where it is: Python does not unpack it, or there is no room."""


def unpack_recording(archive: Path, folder: Path) -> None:
    """Unpack one recording.

    Parameters
    ----------
    archive
        A zip file with ``data`` and ``meta``, at its top or in one folder.
    folder
        Becomes the recording's directory; must not exist yet. A killed run leaves only a hidden folder beside it.

    Raises
    ------
    FetchError
        If the archive is damaged, would write outside the folder, holds links or unlikely amounts of data, or holds
        no recording. Nothing is left then.
    KeptError
        If it needs a password or another program, or the disk is too small.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            members = _members(archive, file)
            _require_plain_packing(archive, members, folder)
            with renaming_folder(folder) as partial:
                _require_room(archive, members, partial.parent)
                for path, member in members.items():
                    _extract(file, member, partial / path)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise FetchError(
            f"{archive}: damaged or not a zip archive ({error}); the same command fetches it again"
        ) from None
    except OSError as error:
        raise KeptError(
            f"{folder}: cannot be written ({error.strerror or error}); {archive} is kept: make room, then run again"
        ) from None


def _members(archive: Path, file: zipfile.ZipFile) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """Files of an archive by their path in the recording.

    Raises
    ------
    FetchError
        If any of them is not a plain file inside the folder.
    """
    found: dict[PurePosixPath, zipfile.ZipInfo] = {}
    for member in file.infolist():
        # `orig_filename` is what stands in the file; zipfile cuts names at a NUL.
        name, path = member.orig_filename, PurePosixPath(member.orig_filename)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
            raise FetchError(f"{archive}: the member {name!r} lies outside the recording's folder; nothing unpacked")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise FetchError(f"{archive}: the member {name!r} is a link or a device; nothing unpacked")
        if member.is_dir() or any(part in _CLUTTER for part in path.parts):
            continue
        if path in found:
            raise FetchError(f"{archive}: two members are called {name!r}; nothing unpacked")
        found[path] = member
    tops = {path.parts[0] for path in found}
    if len(tops) == 1 and "data" not in tops:
        found = {path.relative_to(path.parts[0]): member for path, member in found.items()}
    if not {"data", "meta"} <= {path.parts[0] for path in found if path.parts}:
        raise FetchError(
            f"{archive}: no recording inside; expected the folders data and meta, found {sorted(tops)[:5]}"
        )
    return found


def _require_plain_packing(archive: Path, members: dict[PurePosixPath, zipfile.ZipInfo], folder: Path) -> None:
    for member in members.values():
        way = "with a password" if member.flag_bits & _ENCRYPTED else ""
        if member.compress_type not in _UNPACKED:
            way = f"by {_OTHER_WAYS.get(member.compress_type, f'method {member.compress_type}')}"
        if way:
            raise KeptError(
                f"{archive}: packed {way}, which cannot be unpacked here; it is kept: unpack it with 7-Zip "
                f"(7z x), so that {folder} holds data and meta, then run again"
            )


def _require_room(archive: Path, members: dict[PurePosixPath, zipfile.ZipInfo], folder: Path) -> None:
    total, packed = sum(m.file_size for m in members.values()), archive.stat().st_size
    for member in members.values():
        if member.file_size > max(LARGEST_FILE, LARGEST_RATIO * member.compress_size):
            raise FetchError(
                f"{archive}: {member.filename} is {member.compress_size} bytes that unpack to {member.file_size}, "
                "which is no file of a recording; nothing unpacked"
            )
    if sum(member.compress_size for member in members.values()) > packed:
        raise FetchError(f"{archive}: its members overlap, which no recording's do; nothing unpacked")
    free = shutil.disk_usage(folder).free
    if total + RESERVE > free:
        raise KeptError(
            f"{folder}: {total / 1e9:.1f} GB to unpack, {free / 1e9:.1f} GB free, of which {RESERVE >> 30} GiB stay; "
            "make room, then run again"
        )


def _extract(file: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    """Write one member; zipfile checks its CRC-32 and reads no more than its announced size."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with file.open(member) as source, target.open("xb") as out:
        shutil.copyfileobj(source, out, CHUNK)
    if target.stat().st_size != member.file_size:
        raise zipfile.BadZipFile(f"{member.filename}: {target.stat().st_size} bytes, announced {member.file_size}")
