"""The results store: whole or not at all, damaged files found, the same arrays the same bytes."""

import errno
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from movrecon_core.encoders.checkpoints import checkpoint_digest, save_checkpoint
from movrecon_core.encoders.factorised import Factorised, FactorisedConfig
from movrecon_core.errors import StoreError
from movrecon_core.storage.archive import DamagedError, opened
from movrecon_core.storage.files import remove_abandoned, replacing, write_json
from movrecon_core.storage.fingerprints import FileDigests, digest
from movrecon_core.storage.store import Store, Unit, unit_attributes

UNIT = Unit("masks", "mouse", {"iterations": 3, "rate": 0.1, "names": ["a", "b"]})


def dataset() -> xr.Dataset:
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    return xr.Dataset({"movie": (("time", "y", "x"), values)}, coords={"time": [0, 1]})


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(UNIT, dataset(), {"seconds": 1.5})
    found = store.load(UNIT)
    assert found is not None
    xr.testing.assert_equal(found, dataset())
    assert found.attrs["seconds"] == 1.5
    assert unit_attributes(store, UNIT)["seconds"] == 1.5


def test_another_definition_is_another_unit(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(UNIT, dataset(), {})
    assert store.load(Unit("masks", "mouse", {**UNIT.definition, "iterations": 4})) is None


def test_a_file_under_a_wrong_name_is_not_believed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(UNIT, dataset(), {})
    other = Unit("masks", "mouse", {**UNIT.definition, "iterations": 4})
    os.replace(store.path(UNIT), store.path(other))
    assert store.load(other) is None
    assert list(tmp_path.rglob("*.damaged"))


def test_same_arrays_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        Store(tmp_path / folder).save(UNIT, dataset(), {})
    first, second = (Store(tmp_path / folder).path(UNIT).read_bytes() for folder in ("a", "b"))
    assert first == second


def test_every_flipped_byte_and_every_cut_is_detected(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(UNIT, dataset(), {})
    whole = store.path(UNIT).read_bytes()
    opened(whole)
    rng = np.random.default_rng(0)
    for place, bit in enumerate(rng.integers(0, 8, len(whole))):
        changed = bytearray(whole)
        changed[place] ^= 1 << int(bit)
        with pytest.raises(DamagedError):
            opened(bytes(changed))
        with pytest.raises(DamagedError):
            opened(whole[:place])


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_a_damaged_file_is_set_aside_and_computed_again(tmp_path: Path, place: float, bit: int, cut: bool) -> None:
    store = Store(tmp_path)
    store.save(UNIT, dataset(), {})
    path = store.path(UNIT)
    content = bytearray(path.read_bytes())
    at = int(place * len(content))
    content[at] ^= 1 << bit
    path.write_bytes(bytes(content[:at] if cut else content))
    assert store.load(UNIT) is None
    assert [found.name for found in path.parent.iterdir()] == [f"{path.name}.damaged"]
    with pytest.raises(StoreError, match=r"mouse-.*missing, or damaged"):
        store.require(UNIT)
    store.save(UNIT, dataset(), {})
    assert store.load(UNIT) is not None


def test_a_good_file_that_took_the_place_of_a_damaged_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run may finish a unit just when this one finds it damaged."""
    store = Store(tmp_path)
    store.save(UNIT, dataset(), {})
    store.path(UNIT).write_bytes(b"damaged")

    def replaced_meanwhile(content: bytes) -> dict[str, bytes]:
        store.save(UNIT, dataset(), {})
        return opened(content)

    monkeypatch.setattr("movrecon_core.storage.store.opened", replaced_meanwhile)
    assert store.load(UNIT) is None
    monkeypatch.undo()
    assert store.load(UNIT) is not None


def test_nothing_is_left_of_a_write_that_failed(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, [1])
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json(path, [object()])
    with pytest.raises(TypeError), replacing(path) as temporary:
        temporary.write_bytes("text, not bytes")  # type: ignore[arg-type]
    assert path.read_text() == "[\n  1\n]\n"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


LETTERS = [(Unit("masks", letter, {"letter": letter}), dataset()) for letter in "abc"]


@pytest.mark.parametrize("flushed", range(4))
def test_a_process_killed_while_it_saves_leaves_all_or_none(tmp_path: Path, flushed: int) -> None:
    """Killed before any of the three files is on the disk, or when some are, or all."""
    die = "import os, sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; import test_store\n"
    die += "left, flush = [int(sys.argv[3])], os.fsync\n"
    die += "os.fsync = lambda file: (left.append(left.pop() - 1) or flush(file)) if left[0] else os._exit(1)\n"
    die += "test_store.Store(Path(sys.argv[2])).save_together(test_store.LETTERS, {})"
    subprocess.run([sys.executable, "-c", die, str(Path(__file__).parent), str(tmp_path), str(flushed)], check=False)
    assert [Store(tmp_path).has(unit) for unit, _ in LETTERS] == [flushed == 3] * 3
    remove_abandoned(tmp_path)
    assert len(list((tmp_path / "masks").iterdir())) == (3 if flushed == 3 else 0)


def test_where_the_disk_is_full_what_fits_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_bytes

    def full_at_b(path: Path, content: bytes) -> int:
        if "b-" in path.name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full_at_b)
    with pytest.raises(StoreError, match="No space left"):
        Store(tmp_path).save_together(LETTERS, {})
    assert [Store(tmp_path).has(unit) for unit, _ in LETTERS] == [True, False, False]
    assert len(list((tmp_path / "masks").iterdir())) == 1


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        Store(tmp_path / "file").save(UNIT, dataset(), {})


def test_only_files_of_dead_processes_of_this_computer_are_removed(tmp_path: Path) -> None:
    leave = "import sys; from pathlib import Path; from movrecon_core.storage.files import replacing\n"
    leave += "with replacing(Path(sys.argv[1])) as temporary: temporary.touch(); import os; os._exit(1)"
    subprocess.run([sys.executable, "-c", leave, str(tmp_path / "result")], check=False)
    (dead,) = tmp_path.iterdir()
    elsewhere = tmp_path / dead.name.replace(dead.name.split(".")[1], "another-computer")
    elsewhere.touch()
    with replacing(tmp_path / "alive") as temporary:
        temporary.touch()
        remove_abandoned(tmp_path)
        assert sorted(tmp_path.iterdir()) == sorted([elsewhere, temporary])


def test_a_file_is_digested_again_only_when_it_changed(tmp_path: Path) -> None:
    file = tmp_path / "x.npy"
    file.write_bytes(b"one")
    digests = FileDigests(tmp_path / "digests.json")
    first = digests.of(file)
    digests.save()
    assert FileDigests(tmp_path / "digests.json").of(file) == first
    file.write_bytes(b"three")
    assert FileDigests(tmp_path / "digests.json").of(file) != first


def test_order_of_keys_does_not_matter() -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"b": [2, 1], "a": 1}) != digest({"b": [1, 2], "a": 1})


def test_members_are_checksummed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(UNIT, dataset(), {})
    with zipfile.ZipFile(store.path(UNIT)) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    assert len(names) == len(set(names))


def test_a_checkpoint_is_known_by_its_weights_not_its_bytes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    encoder = Factorised(FactorisedConfig((3, 4)))
    save_checkpoint(tmp_path / "a.pth", encoder)
    save_checkpoint(tmp_path / "another-name.pth", encoder)
    first, second = (checkpoint_digest(tmp_path / name) for name in ("a.pth", "another-name.pth"))
    assert first == second
    with torch.no_grad():
        next(encoder.parameters()).add_(1e-6)
    save_checkpoint(tmp_path / "a.pth", encoder)
    assert checkpoint_digest(tmp_path / "a.pth") != first
