"""What is fetched: recordings from hostile archives, weights, masks, and the list that says where they are."""

import errno
import hashlib
import io
import json
import os
import re
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from archive_server import Server
from example_recording import write_example

from movrecon_core import cli
from movrecon_core.errors import FetchError, MovreconError
from movrecon_core.fetch import Archives, fetch, load_archives, published_mask, unpack, unpack_recording
from movrecon_core.figures.published import published

# Archives of recordings -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_example(tmp_path_factory.mktemp("source") / "mouse")


def zipped(mouse: Path, inside: str = "", more: dict[str, bytes] | None = None) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(mouse.rglob("*.npy")):
            file.write(path, f"{inside}{path.relative_to(mouse)}")
        for name, content in (more or {}).items():
            file.writestr(name, content)
    return memory.getvalue()


def marked(archive: bytes, flag: int = 0, method: int = 0) -> bytes:
    """An archive whose members say that they are encrypted, or packed in another way."""
    changed = bytearray(archive)
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = changed.find(signature)
        while at >= 0:
            changed[at + flags] |= flag
            changed[at + flags + 2] = method or changed[at + flags + 2]
            at = changed.find(signature, at + 4)
    return bytes(changed)


def archives(server: Server, **files: bytes) -> Archives:
    for name, content in files.items():
        server.files[f"/archive/{name}.zip"] = content
    names = [f"{name}.zip" for name in files]
    return Archives.model_validate({"recordings": [{"name": "a", "address": server.address, "files": names}]})


def same_files(first: Path, second: Path) -> bool:
    def contents(folder: Path) -> dict[str, bytes]:
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    return contents(first) == contents(second)


@pytest.mark.parametrize(("flag", "method", "way"), [(0, 9, "by Deflate64"), (1, 0, "with a password")])
def test_an_archive_that_takes_another_program_is_kept(
    server: Server, tmp_path: Path, mouse: Path, flag: int, method: int, way: str
) -> None:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as file:  # no movies, in which a signature may turn up
        file.write(mouse / "meta/trials/tiers.npy", "meta/trials/tiers.npy")
        file.write(mouse / "meta/neurons/unit_ids.npy", "data/responses/0.npy")
    wanted = archives(server, one=marked(memory.getvalue(), flag, method))
    with pytest.raises(FetchError, match=rf"one\.zip: packed {way}.*kept: unpack it with 7-Zip"):
        fetch(tmp_path, wanted)
    assert zipfile.is_zipfile(tmp_path / "one.zip")
    assert not (tmp_path / "one").exists()


@pytest.mark.parametrize("why", ["no room", "quota", "interrupted"])
def test_an_archive_that_could_not_be_unpacked_is_not_fetched_again(
    server: Server, tmp_path: Path, mouse: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    wanted = archives(server, one=zipped(mouse))
    with monkeypatch.context() as patched:
        if why == "no room":
            usage = SimpleNamespace(free=unpack.RESERVE)
            patched.setattr(unpack, "shutil", SimpleNamespace(disk_usage=lambda folder: usage))
        else:
            reason = KeyboardInterrupt() if why == "interrupted" else OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
            patched.setattr("movrecon_core.fetch.unpack._extract", raising(reason))
        with pytest.raises(KeyboardInterrupt if why == "interrupted" else FetchError) as error:
            fetch(tmp_path, wanted)
    if why == "quota":
        assert re.search(r"one: cannot be written \(Disk quota exceeded\); .*one\.zip is kept", str(error.value))
    assert zipfile.is_zipfile(tmp_path / "one.zip")
    server.files["/archive/one.zip"] = b"another file"  # is not asked for
    assert fetch(tmp_path, wanted) == [tmp_path / "one"]
    assert same_files(mouse / "data", tmp_path / "one/data")
    assert not (tmp_path / "one.zip").exists()


def raising(reason: BaseException) -> Callable[..., None]:
    def fail(*arguments: object) -> None:
        raise reason

    return fail


@pytest.mark.parametrize("inside", ["", "some-mouse/"])
def test_recordings_are_fetched_and_unpacked(
    server: Server, tmp_path: Path, mouse: Path, inside: str, capsys: pytest.CaptureFixture[str]
) -> None:
    clutter = {"__MACOSX/._data": b"", f"{inside}.DS_Store": b""}
    wanted = archives(server, one=zipped(mouse, inside, clutter), two=zipped(mouse, inside))
    out = tmp_path / "out"
    assert fetch(out, wanted, show_only=True) == []
    shown = capsys.readouterr().out
    assert "to fetch" in shown
    assert "free" in shown
    assert not any(command == "GET" for command, *_ in server.requests)
    assert fetch(out, wanted, mice=["one"]) == [out / "one"]
    assert fetch(out, wanted) == [out / "one", out / "two"]
    assert all(same_files(out / name, mouse) for name in ("one", "two"))
    assert {path.name for path in out.iterdir()} == {"one", "two", "checksums.json", ".lock"}
    before = len(server.requests)
    fetch(out, wanted)
    assert len(server.requests) == before
    seen = json.loads((out / "checksums.json").read_text())
    assert seen[f"{server.address}/one.zip"]["sha256"] == hashlib.sha256(server.files["/archive/one.zip"]).hexdigest()


def test_corrupted_bytes_leave_nothing_and_are_forgotten(server: Server, tmp_path: Path, mouse: Path) -> None:
    good = zipped(mouse)
    bad = bytearray(good)
    bad[len(bad) // 2] ^= 1
    wanted = archives(server, one=bytes(bad))
    with pytest.raises(FetchError, match="damaged"):
        fetch(tmp_path / "out", wanted)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]
    archives(server, one=good)
    fetch(tmp_path / "out", wanted)
    assert same_files(tmp_path / "out" / "one", mouse)


def test_an_archive_cut_short_by_its_own_announcement_is_damaged(server: Server, tmp_path: Path, mouse: Path) -> None:
    wanted = archives(server, one=zipped(mouse))
    server.mood = "announces less"
    with pytest.raises(FetchError, match="damaged"):
        fetch(tmp_path / "out", wanted)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]


def test_a_name_that_fits_nothing_is_an_error(server: Server, tmp_path: Path, mouse: Path) -> None:
    with pytest.raises(FetchError, match="no file begins with 'three'; there are one"):
        fetch(tmp_path, archives(server, one=zipped(mouse)), mice=["three"])


@pytest.mark.parametrize(
    "name", ["../evil.npy", "data/../../evil.npy", "/evil.npy", "data\\..\\evil.npy", "C:/evil.npy"]
)
def test_members_outside_the_folder_are_refused(tmp_path: Path, mouse: Path, name: str) -> None:
    archive = tmp_path / "mouse.zip"
    archive.write_bytes(zipped(mouse, more={name: b"evil"}))
    with pytest.raises(FetchError, match="outside"):
        unpack_recording(archive, tmp_path / "inner" / "mouse")
    assert [path.name for path in tmp_path.rglob("*")] == ["mouse.zip"]


def test_links_are_refused(tmp_path: Path, mouse: Path) -> None:
    archive = tmp_path / "mouse.zip"
    archive.write_bytes(zipped(mouse))
    link = zipfile.ZipInfo("data/videos/99.npy")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(link, "/etc/passwd")
    with pytest.raises(FetchError, match="link"):
        unpack_recording(archive, tmp_path / "mouse")
    assert [path.name for path in tmp_path.iterdir()] == ["mouse.zip"]


def test_bombs_are_refused(tmp_path: Path, mouse: Path) -> None:
    archive = tmp_path / "mouse.zip"
    archive.write_bytes(zipped(mouse, more={"data/bomb.npy": bytes(200_000_000)}))
    with pytest.raises(FetchError, match="unpack to 200000000"):
        unpack_recording(archive, tmp_path / "mouse")
    assert [path.name for path in tmp_path.iterdir()] == ["mouse.zip"]


def test_overlapping_members_are_refused(tmp_path: Path, mouse: Path) -> None:
    content = zipped(mouse, more={"data/a.npy": np.random.default_rng(0).bytes(3_000_000), "data/b.npy": b"b"})
    # The directory's last entry, b, is said to hold a's bytes as well.
    start = content.rindex(b"PK\x01\x02")
    size = (3_000_000).to_bytes(4, "little")
    archive = tmp_path / "mouse.zip"
    archive.write_bytes(content[: start + 20] + size + content[start + 24 :])
    with pytest.raises(FetchError, match="overlap"):
        unpack_recording(archive, tmp_path / "mouse")


def test_a_member_longer_than_announced_is_damaged(tmp_path: Path, mouse: Path) -> None:
    content = zipped(mouse, more={"data/long.npy": bytes(1000)})
    # The sizes in the central directory say 10 in place of 1000.
    start = content.rindex(b"PK\x01\x02")
    lying = content[: start + 24] + (10).to_bytes(4, "little") + content[start + 28 :]
    archive = tmp_path / "mouse.zip"
    archive.write_bytes(lying)
    with pytest.raises(FetchError, match="damaged"):
        unpack_recording(archive, tmp_path / "mouse")
    assert [path.name for path in tmp_path.iterdir()] == ["mouse.zip"]


def test_two_members_of_one_name_are_refused(tmp_path: Path, mouse: Path) -> None:
    archive = tmp_path / "mouse.zip"
    with pytest.warns(UserWarning, match="Duplicate"):
        archive.write_bytes(zipped(mouse, more={"data/videos/0.npy": b"other"}))
    with pytest.raises(FetchError, match="two members"):
        unpack_recording(archive, tmp_path / "mouse")


def test_an_archive_without_a_recording_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "mouse.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("readme.txt", "hello")
    with pytest.raises(FetchError, match="no recording inside"):
        unpack_recording(archive, tmp_path / "mouse")


# Weights, masks, and where they are -------------------------------------------------------------------------------


def test_weights_and_masks_are_fetched_and_looked_at(server: Server, tmp_path: Path, golden: Path) -> None:
    alpha, memory = np.linspace(-1, 2, 64 * 64, dtype=np.float32).reshape(64, 64), io.BytesIO()
    np.save(memory, alpha)
    server.files["/archive/fold_0/model.pth"] = (golden / "checkpoint.pth").read_bytes()
    server.files["/archive/mask_m0.npy"] = memory.getvalue()
    files = ["fold_0/model.pth", "mask_m0.npy"]
    wanted = Archives.model_validate({"weights": [{"name": "w", "address": server.address, "files": files}]})
    fetch(tmp_path, wanted, weights=True)
    assert (tmp_path / "fold_0" / "model.pth").read_bytes() == server.files["/archive/fold_0/model.pth"]
    np.testing.assert_array_equal(published_mask(tmp_path / "mask_m0.npy"), alpha)

    trap = io.BytesIO()
    torch.save({"anything": 1}, trap)
    server.files["/archive/fold_0/model.pth"] = trap.getvalue()
    (tmp_path / "fold_0" / "model.pth").unlink()
    (tmp_path / "checksums.json").unlink()
    with pytest.raises(MovreconError, match=r"model\.pth: expected the entries"):
        fetch(tmp_path, wanted, weights=True)
    assert not (tmp_path / "fold_0" / "model.pth").exists()


def test_a_mask_of_another_shape_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "mask_m0.npy", np.zeros((36, 64)))
    with pytest.raises(FetchError, match=r"64 × 64.*\(36, 64\)"):
        published_mask(tmp_path / "mask_m0.npy")


def test_the_default_archives_name_the_ten_mice_and_seven_instances() -> None:
    archives, data = load_archives(), published("data_set")
    later, earlier = (archive.files for archive in archives.recordings)
    assert list(later) == [f"{mouse}{data['mouse_directory_suffix']}.zip" for mouse in data["mice"]]
    suffix = data["earlier_release_suffix"]
    assert list(earlier) == [f"{mouse}{suffix}.zip" for mouse in data["earlier_release_mice"]]
    weights, masks = (archive.files for archive in archives.weights)
    assert (len(weights), len(masks)) == (7, len(data["mice"]))
    assert all(file.sha256 is None for archive in archives.recordings for file in archive.remote_files())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recordings: 3", "recordings"),
        ("other: []", "other"),
        ("recordings: [{name: a, address: 'file:///etc', files: [a.zip]}]", "address"),
        ("recordings: [{name: a, address: 'http://a', files: ['../a.zip']}]", "inside its folder"),
        ("recordings: [{name: a, address: 'http://a', files: []}]", "files"),
        ("recordings: [{name: a, address: 'http://a', files: [a.zip], sha256: {a.zip: abc}}]", "sha256"),
        ("a: [", "YAML"),
        ("recordings: []\nweights: []\nrecordings: []", "the key 'recordings' stands in line 1 and again in 3"),
    ],
)
def test_a_bad_list_of_archives_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "archives.yaml").write_text(text)
    with pytest.raises(FetchError, match=message):
        load_archives(tmp_path / "archives.yaml")


def test_the_command_fetches(
    server: Server, tmp_path: Path, mouse: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    archives(server, one=zipped(mouse), two=zipped(mouse))
    listed = tmp_path / "mirror.yaml"
    listed.write_text(f"recordings: [{{name: m, address: '{server.address}', files: [one.zip, two.zip]}}]")
    arguments = ["fetch", "--archives", str(listed), "--mice", "one", "two", "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["movrecon", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 0
    assert same_files(tmp_path / "out" / "two", mouse)
