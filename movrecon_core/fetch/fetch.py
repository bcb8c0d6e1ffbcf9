"""Fetch the public recordings, or the authors' weights and masks, into a folder."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import httpx

from movrecon_core.encoders.checkpoints import read_checkpoint
from movrecon_core.errors import FetchError, MovreconError
from movrecon_core.fetch.archives import Archives, RemoteFile
from movrecon_core.fetch.download import RESERVE, Checksums, client, download, remote_size
from movrecon_core.fetch.masks import published_mask
from movrecon_core.fetch.unpack import KeptError, unpack_recording
from movrecon_core.progress import Progress
from movrecon_core.storage.files import require_writable
from movrecon_core.storage.fingerprints import file_digest
from movrecon_core.storage.locks import alone

CHECKSUMS_FILE = "checksums.json"


def fetch(
    out: Path,
    archives: Archives,
    weights: bool = False,
    mice: Sequence[str] = (),
    show_only: bool = False,
) -> list[Path]:
    """Say how much there is to fetch and how much room there is, then fetch what is missing.

    Parameters
    ----------
    out
        Folder that gets one directory a mouse, or one a fold with the weights, and the masks (``mask_m0.npy``).
    archives
        Which files there are.
    weights
        The authors' weights and masks in place of the recordings.
    mice
        Beginnings of the names of the recordings to fetch; none: all.
    show_only
        Say it, and fetch nothing.

    Returns
    -------
    list of Path
        What is there at the end: recordings' directories, or files.

    Raises
    ------
    FetchError
        If a name fits no recording, the disk is too small, or a file cannot be fetched, checked or unpacked.
    """
    files = [
        file for archive in (archives.weights if weights else archives.recordings) for file in archive.remote_files()
    ]
    for name in mice:
        if not any(file.name.startswith(name) for file in files):
            raise FetchError(f"no file begins with '{name}'; there are {', '.join(file.stem for file in files)}")
    files = [file for file in files if not mice or file.name.startswith(tuple(mice))]
    goals = {file: out / (file.stem if _packed(file) else file.name) for file in files}
    missing = [file for file, goal in goals.items() if not goal.exists()]
    require_writable(out)
    with client() as http:
        sizes = {file: remote_size(http, file) for file in missing}
        _show(goals, sizes, out)
        if show_only:
            return [goal for goal in goals.values() if goal.exists()]
        _require_room([size for file, size in sizes.items() if not _target(file, goals[file]).is_file()], out)
        with alone(out):
            checksums = Checksums(out / CHECKSUMS_FILE)
            for file in missing:
                if not goals[file].exists():  # another command may have fetched it meanwhile
                    _fetch_one(http, file, goals[file], sizes[file], checksums)
    return list(goals.values())


def _packed(file: RemoteFile) -> bool:
    return file.name.endswith(".zip")


def _target(file: RemoteFile, goal: Path) -> Path:
    """Where a file is put, before it is unpacked where it is an archive."""
    return goal.with_name(f"{goal.name}.zip") if _packed(file) else goal


def _fetch_one(http: httpx.Client, file: RemoteFile, goal: Path, size: int | None, checksums: Checksums) -> None:
    target = _target(file, goal)
    try:
        if target.is_file():  # whole, and not unpacked when it was fetched
            digest = file_digest(target)
            checksums.require(file, digest)
        else:
            digest = _downloaded(http, file, target, size, checksums)
        if _packed(file):
            unpack_recording(target, goal)
        else:
            _require_readable(target)
    except KeptError:
        raise
    except MovreconError:
        target.unlink(missing_ok=True)
        raise
    if _packed(file):
        target.unlink()
    checksums.note(file, digest)


def _downloaded(http: httpx.Client, file: RemoteFile, target: Path, size: int | None, checksums: Checksums) -> str:
    """Download a file and show the progress; its SHA-256."""
    with Progress(_megabytes(size or 0), f"fetch {file.stem}", "MB") as progress:
        done = 0

        def count(more: int) -> None:
            nonlocal done
            before, done = done, done + more
            progress.step(_megabytes(done) - _megabytes(before))

        return download(http, file, target, checksums, count)


def _require_readable(path: Path) -> None:
    """Stop at a file of weights, or a mask, that cannot be used."""
    if path.suffix == ".npy":
        published_mask(path)
    else:
        read_checkpoint(path)


def _show(goals: dict[RemoteFile, Path], sizes: dict[RemoteFile, int | None], out: Path) -> None:
    for file, goal in goals.items():
        size = "there already" if file not in sizes else _words(sizes[file])
        print(f"{size:>14}  {goal}  {file.url if file in sizes else ''}".rstrip())
    unknown = sum(size is None for size in sizes.values())
    more = f", and {unknown} of unknown size" if unknown else ""
    total = _words(sum(size or 0 for size in sizes.values()))
    print(f"{total:>14}  to fetch{more}; unpacked it takes more; {_words(shutil.disk_usage(out).free)} free in {out}")


def _require_room(sizes: Iterable[int | None], out: Path) -> None:
    """An unpacked recording is at least as large as its archive, which lies beside it until it is unpacked."""
    known = [size for size in sizes if size is not None]
    needed, free = sum(known) + max(known, default=0) + RESERVE, shutil.disk_usage(out).free
    if needed > free:
        raise FetchError(f"{out}: at least {_words(needed)} are needed, {_words(free)} are free; choose another --out")


def _words(size: int | None) -> str:
    return "size unknown" if size is None else f"{size / 1e9:.2f} GB" if size >= 1e8 else f"{size / 1e6:.2f} MB"


def _megabytes(size: int) -> int:
    return size // 1_000_000
