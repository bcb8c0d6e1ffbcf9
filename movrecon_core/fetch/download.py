"""One file over HTTP: goes on where it stopped, never longer than announced, checked before it has its name."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from movrecon_core.errors import FetchError
from movrecon_core.fetch.archives import RemoteFile
from movrecon_core.storage.files import read_json, write_json
from movrecon_core.storage.fingerprints import file_digest

TIMEOUT = 60.0
"""Seconds without a byte after which a connection counts as dropped."""
ATTEMPTS = 6
"""Connections in a row that bring nothing new before giving up."""
RESERVE = 1 << 30
"""Bytes that stay free on the disk."""
_ADDRESSES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_PROXIES = (*_ADDRESSES, "NO_PROXY")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
_PASSING = {408, 425, 429, 500, 502, 503, 504}


class _DroppedError(Exception):
    """The connection ended early; what came is kept."""


class Checksums:
    """SHA-256 of every file as it was first downloaded, kept beside the files.

    Parameters
    ----------
    path
        JSON file that keeps them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        known = read_json(path) if path.is_file() else {}
        if not isinstance(known, dict):
            raise FetchError(f"{path}: damaged; remove it to accept what the archive sends next")
        self._known: dict[str, dict[str, Any]] = known

    def require(self, file: RemoteFile, digest: str) -> None:
        """Compare with the published checksum, or with the one first seen; without either anything passes.

        Raises
        ------
        FetchError
            If they differ.
        """
        if file.sha256 is not None:
            if digest != file.sha256:
                raise FetchError(f"{file.url}: SHA-256 {digest}, expected {file.sha256}; damaged or another file")
            return
        seen = self._known.get(file.url, {"sha256": digest})
        if seen.get("sha256") != digest:
            raise FetchError(
                f"{file.url}: SHA-256 {digest}, but {seen.get('sha256')} when first fetched on {seen.get('date')}; "
                f"the archive changed or the file is damaged; to accept it remove its entry from {self._path}"
            )

    def note(self, file: RemoteFile, digest: str) -> None:
        """Keep the checksum of a file that turned out to be sound."""
        if file.url not in self._known:
            self._known[file.url] = {"sha256": digest, "date": datetime.now(UTC).date().isoformat()}
            write_json(self._path, self._known)


def client() -> httpx.Client:
    """Follows redirections; compressed transfer would hide how long a file is.

    Raises
    ------
    FetchError
        If the environment's settings of proxies or certificates cannot be used.
    """
    try:
        return httpx.Client(timeout=TIMEOUT, follow_redirects=True, headers={"Accept-Encoding": "identity"})
    except (ImportError, ValueError, httpx.InvalidURL, OSError) as error:
        kind = _CERTIFICATES if isinstance(error, OSError) else _PROXIES
        raise FetchError(
            f"the environment's {_among(kind)} cannot be used ({' '.join(str(error).split())}); correct or unset it"
        ) from None


def _among(names: Sequence[str]) -> str:
    """Which of some settings the environment has, never their values, which may hold passwords.

    A proxy that is wrong by itself is named alone.
    """
    found = [name for name in os.environ if name.upper() in names and os.environ[name]]
    wrong = [name for name in found if name.upper() in _ADDRESSES and not _is_proxy(os.environ[name])]
    return ", ".join(wrong or [name for name in found if name.upper() not in _ADDRESSES] or found)


def _is_proxy(address: str) -> bool:
    try:
        httpx.Client(proxy=address if "://" in address else f"http://{address}", trust_env=False).close()
        return True
    except (ImportError, ValueError, httpx.InvalidURL):
        return False


def _reason(error: Exception) -> str:
    """What went wrong, and which settings it may be due to."""
    settings = _among(_PROXIES)
    return f"{str(error) or type(error).__name__}{f'; {settings} set' if settings else ''}"


def remote_size(http: httpx.Client, file: RemoteFile) -> int | None:
    """Length of a file in bytes as its server announces it; None where it does not say.

    Raises
    ------
    FetchError
        If the server cannot be reached or does not have the file.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            answer = http.head(file.url)
            if not answer.is_success:  # not every server knows HEAD
                with http.stream("GET", file.url) as answer:
                    pass
            break
        except (httpx.TransportError, httpx.TooManyRedirects, UnicodeError) as error:  # the last: an odd host name
            # A server may close a connection that was kept for the next question.
            if attempt == ATTEMPTS or not isinstance(error, httpx.RemoteProtocolError):
                raise FetchError(f"{file.url}: cannot be reached ({_reason(error)})") from None
    _require_success(file, answer)
    return _length(answer)


def download(
    http: httpx.Client,
    file: RemoteFile,
    target: Path,
    checksums: Checksums,
    progress: Callable[[int], None] = lambda count: None,
    pause: float = 1.0,
) -> str:
    """Fetch one file; an interrupted download goes on from ``<target>.part``.

    Parameters
    ----------
    http
        As made by `client`.
    file
        What is fetched.
    target
        Where it goes; there only when it is complete and checked.
    checksums
        Decide whether it is the right one.
    progress
        Called with the number of bytes of every piece, negative where one starts again.
    pause
        Seconds before the second attempt; doubled for every further one.

    Returns
    -------
    str
        Its SHA-256.

    Raises
    ------
    FetchError
        If the server lacks the file, keeps dropping the connection or lies about the length, if the disk would fill
        up, or if the checksum is wrong.
    """
    part = target.with_name(f"{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    failures, best = 0, _size(part)
    progress(best)
    while True:
        try:
            _transfer(http, file, part, progress)
            break
        except (_DroppedError, httpx.TransportError, UnicodeError) as error:
            failures = 0 if _size(part) > best else failures + 1
            best = max(best, _size(part))
            if failures >= ATTEMPTS:
                raise FetchError(
                    f"{file.url}: {ATTEMPTS} connections in a row brought nothing ({_reason(error)}); "
                    f"{_size(part)} bytes are kept, the same command goes on from there"
                ) from None
            time.sleep(pause * 2**failures if failures else 0)
        except httpx.TooManyRedirects:
            raise FetchError(f"{file.url}: redirected in a circle") from None
    _validator_file(part).unlink(missing_ok=True)
    digest = file_digest(part)
    try:
        checksums.require(file, digest)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return digest


def _transfer(http: httpx.Client, file: RemoteFile, part: Path, progress: Callable[[int], None]) -> None:
    """One connection's worth; returns when the file is complete."""
    have, known = _size(part), _validator(part)
    headers = {}
    if have and known:
        headers = {"Range": f"bytes={have}-", "If-Range": known}
    with http.stream("GET", file.url, headers=headers) as answer:
        if answer.status_code in _PASSING:
            raise _DroppedError(f"HTTP {answer.status_code}")
        if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and _total(answer) == have:
            return
        if headers and answer.status_code != httpx.codes.OK and not _continues(answer, have):
            _forget(part, progress)
            raise _DroppedError(f"HTTP {answer.status_code} to a request for the rest of the file")
        _require_success(file, answer)
        if answer.status_code == httpx.codes.OK:
            _forget(part, progress)
            have = 0
        length = _length(answer)
        total = None if length is None else have + length
        with _appending(part, answer) as write:
            for chunk in answer.iter_raw():  # of any size: what came before a connection dropped is kept
                have += len(chunk)
                if total is not None and have > total:
                    _forget(part, progress)
                    raise FetchError(f"{file.url}: longer than the {total} bytes that the server announced; not kept")
                if shutil.disk_usage(part.parent).free < RESERVE + len(chunk):
                    raise FetchError(f"{part}: the disk is full but for {RESERVE >> 30} GiB; make room, then run again")
                write(chunk)
                progress(len(chunk))
        if total is not None and have < total:
            raise _DroppedError(f"the connection ended after {have} of {total} bytes")


@contextmanager
def _appending(part: Path, answer: httpx.Response) -> Iterator[Callable[[bytes], int]]:
    """A partial file's end; beside it what the server calls this version of the file, if it gives it a name."""
    name = answer.headers.get("ETag", "")
    name = answer.headers.get("Last-Modified", "") if name.startswith("W/") or not name else name
    _validator_file(part).write_text(name, encoding="utf-8")
    with part.open("ab") as target:
        yield target.write


def _require_success(file: RemoteFile, answer: httpx.Response) -> None:
    if not answer.is_success:
        raise FetchError(
            f"{file.url}: HTTP {answer.status_code} {answer.reason_phrase}; if the archive has moved, "
            "name its address in a copy of archives.yaml and give it with --archives"
        )


def _length(answer: httpx.Response) -> int | None:
    text = answer.headers.get("Content-Length", "")
    return int(text) if text.isdigit() else None


def _continues(answer: httpx.Response, have: int) -> bool:
    """Whether a partial answer starts where the partial file ends."""
    found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return answer.status_code == httpx.codes.PARTIAL_CONTENT and found is not None and int(found[1]) == have


def _total(answer: httpx.Response) -> int | None:
    found = re.fullmatch(r"bytes \*/(\d+)", answer.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _forget(part: Path, progress: Callable[[int], None]) -> None:
    progress(-_size(part))
    part.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _validator_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.version")


def _validator(part: Path) -> str:
    file = _validator_file(part)
    return file.read_text(encoding="utf-8") if file.is_file() else ""
