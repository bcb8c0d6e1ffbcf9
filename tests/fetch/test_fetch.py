"""Downloads: against a server on this computer that drops connections, lies and corrupts."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from archive_server import Server

from movrecon_core.errors import FetchError
from movrecon_core.fetch import RemoteFile, download
from movrecon_core.fetch.download import ATTEMPTS, Checksums, client, remote_size

CONTENT = np.random.default_rng(0).bytes(100_000)


def remote(server: Server, content: bytes = CONTENT, sha256: str | None = None) -> RemoteFile:
    server.files["/archive/file.bin"] = content
    return RemoteFile("file.bin", f"{server.address}/file.bin", sha256)


def get(file: RemoteFile, folder: Path) -> bytes:
    with client() as http:
        download(http, file, folder / "file.bin", Checksums(folder / "checksums.json"), pause=0)
    assert sorted(path.name for path in folder.iterdir()) == ["file.bin"]
    return (folder / "file.bin").read_bytes()


@pytest.mark.parametrize("mood", ["honest", "no HEAD", "no length", "no ranges", "busy"])
def test_a_file_arrives_whole(server: Server, tmp_path: Path, mood: str) -> None:
    server.mood = mood
    assert get(remote(server), tmp_path) == CONTENT


def test_a_dropped_connection_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.mood, server.drop_after = "drops", 30_000
    assert get(remote(server), tmp_path) == CONTENT
    assert [asked for _, _, asked in server.requests] == [None, "bytes=30000-", "bytes=60000-", "bytes=90000-"]


def test_a_killed_download_goes_on_in_the_next_run(server: Server, tmp_path: Path) -> None:
    file = remote(server)
    server.mood, server.drop_after = "drops", 40_000

    def killed(count: int) -> None:
        if server.requests and server.requests[-1][2]:
            raise KeyboardInterrupt

    with client() as http, pytest.raises(KeyboardInterrupt):
        download(http, file, tmp_path / "file.bin", Checksums(tmp_path / "c.json"), killed, pause=0)
    assert not (tmp_path / "file.bin").exists()
    server.mood = "honest"
    assert get(file, tmp_path) == CONTENT
    assert server.requests[-1][2] is not None


def test_a_file_that_changed_meanwhile_starts_again(server: Server, tmp_path: Path) -> None:
    server.mood, server.drop_after = "drops", 0
    with pytest.raises(FetchError, match="brought nothing"):
        get(remote(server), tmp_path)
    server.drop_after = 40_000
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:40_000])
    server.mood = "honest"
    assert get(remote(server, CONTENT[::-1]), tmp_path) == CONTENT[::-1]


def test_progress_adds_up_to_the_size(server: Server, tmp_path: Path) -> None:
    server.mood, server.drop_after = "drops", 70_000
    counts: list[int] = []
    with client() as http:
        download(http, remote(server), tmp_path / "f", Checksums(tmp_path / "c.json"), counts.append, pause=0)
    assert sum(counts) == len(CONTENT)


@pytest.mark.parametrize("mood", ["announces more", "wrong range"])
def test_a_server_that_lies_about_lengths_or_ranges_ends_in_an_error(server: Server, tmp_path: Path, mood: str) -> None:
    file = remote(server)
    server.mood = mood
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:10])
    (tmp_path / "file.bin.part.version").write_text('"' + hashlib.md5(CONTENT).hexdigest() + '"')
    if mood == "wrong range":
        assert get(file, tmp_path) == CONTENT  # starts again without a range
        return
    with pytest.raises(FetchError, match=f"{ATTEMPTS} connections in a row"):
        get(file, tmp_path)
    assert not (tmp_path / "file.bin").exists()


def test_a_missing_file_is_named_with_what_to_do(server: Server, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"none\.bin: HTTP 404 .*--archives"):
        get(RemoteFile("none.bin", f"{server.address}/none.bin"), tmp_path)


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("HTTPS_PROXY", "socks5://localhost:1", "SOCKS"),
        ("ALL_PROXY", "http://[::1", "Invalid port"),
        ("https_proxy", "gopher://secret:word@host:1", "Unknown scheme"),
        ("NO_PROXY", "fe80::1/64,localhost", "Invalid port"),
        ("SSL_CERT_FILE", "/none/certificates.pem", "No such file"),
        ("SSLKEYLOGFILE", "/none/keys.log", "No such file"),
    ],
)
def test_a_setting_of_the_environment_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str, reason: str
) -> None:
    for name in ("SSL_CERT_DIR", "SSL_CERT_FILE", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://sound.example:3128")
    monkeypatch.setenv(setting, value)
    named = rf"^the environment's {setting}\b.* cannot be used \(.*{reason}"
    with pytest.raises(FetchError, match=named) as error, client():
        pass
    assert "\n" not in str(error.value)
    assert "word" not in str(error.value)


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "http://a..b"])
def test_a_proxy_that_does_not_answer_is_named(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with client() as http, pytest.raises(FetchError, match=r"cannot be reached \(.*HTTP_PROXY set"):
        remote_size(http, remote(server))
    with pytest.raises(FetchError, match=r"brought nothing \(.*HTTP_PROXY set"):
        get(remote(server), tmp_path)


def test_a_checksum_decides(server: Server, tmp_path: Path) -> None:
    right = hashlib.sha256(CONTENT).hexdigest()
    assert get(remote(server, sha256=right), tmp_path) == CONTENT
    (tmp_path / "file.bin").unlink()
    with pytest.raises(FetchError, match=f"expected {right}"):
        get(remote(server, CONTENT[:-1] + b"?", right), tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_a_published_checksum_the_first_one_seen_counts(server: Server, tmp_path: Path) -> None:
    checksums = Checksums(tmp_path / "checksums.json")
    file, digest = remote(server), hashlib.sha256(CONTENT).hexdigest()
    checksums.require(file, digest)
    checksums.note(file, digest)
    again = Checksums(tmp_path / "checksums.json")
    again.require(file, digest)
    with pytest.raises(FetchError, match="when first fetched on"):
        again.require(file, digest[::-1])
