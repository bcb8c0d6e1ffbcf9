"""`movrecon status`, from files alone."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from movrecon_core.storage import CLAIMS, LOGS, PLAN
from movrecon_core.storage.archive import opened, sealed
from movrecon_core.storage.claims import claimed
from movrecon_core.storage.logs import logged
from movrecon_core.storage.status import read_status, report
from movrecon_core.storage.store import Store, Unit

UNITS = [Unit("masks", f"mouse-{i}", {"code": "new", "rate": 1}) for i in range(6)]


def folder(out: Path, done: int) -> Path:
    """Results with a plan of two stages, some units of the first done."""
    files = [f"store/{unit.kind}/{unit.name}.zarr.zip" for unit in UNITS]
    plan = {"profile": "x", "stages": [{"stage": "masks", "code": "new", "files": files}]}
    plan["stages"].append({"stage": "reconstructions", "count": 40})
    (out / PLAN).write_text(json.dumps(plan))
    for i, unit in enumerate(UNITS[:done]):
        Store(out / "store").save(unit, xr.Dataset(), {"seconds": 100.0 * (i + 1)})
    return out


def name(unit: Unit) -> str:
    return f"{unit.kind}/{unit.name}"


def test_done_running_failed_remaining_and_hours(tmp_path: Path) -> None:
    out = folder(tmp_path, 3)
    with pytest.raises(ZeroDivisionError), logged(out / LOGS, [name(UNITS[4])], "cpu"):
        raise ZeroDivisionError("too\nbad")
    with (
        claimed(out / CLAIMS, [name(UNITS[3])]) as mine,
        logged(out / LOGS, [name(UNITS[3])], "cpu"),
    ):
        assert mine
        status = read_status(out)
    masks, reconstructions = status.stages
    assert (masks.done, masks.running, masks.failed, masks.remaining) == (3, 1, 1, 3)
    assert masks.seconds == 200
    assert (reconstructions.done, reconstructions.remaining, reconstructions.seconds) == (0, 40, None)
    assert status.workers == 1
    assert status.hours_left == pytest.approx(3 * 200 / 3600)
    ((log, error),) = status.failures
    assert error == "too bad"
    assert "ZeroDivisionError" in log.read_text()
    shown = report(status, out)
    assert "hours left: 0.17 with 1 worker, besides reconstructions: not measured yet" in shown
    assert f"failed: too bad (log: logs/masks/{UNITS[4].name}.failed.log)" in shown


def test_a_failure_that_was_mended_is_none(tmp_path: Path) -> None:
    out = folder(tmp_path, 0)
    with pytest.raises(ZeroDivisionError), logged(out / LOGS, [name(UNITS[0])], "cpu"):
        raise ZeroDivisionError
    assert read_status(out).stages[0].failed == 1
    with logged(out / LOGS, [name(UNITS[0])], "cpu"):
        Store(out / "store").save(UNITS[0], xr.Dataset(), {})
    assert read_status(out).stages[0].failed == 0
    assert read_status(out).failures == ()


def test_stale_results_are_named_and_say_why(tmp_path: Path) -> None:
    out, store = folder(tmp_path, 1), Store(tmp_path / "store")
    old_code = Unit("masks", "mouse-0", {"code": "old", "rate": 1})
    old_rate = Unit("masks", "mouse-1", {"code": "new", "rate": 2})
    for unit in (old_code, old_rate, Unit("masks", "mouse-99", {})):
        store.save(unit, xr.Dataset(), {})
    stale = dict(read_status(out).stale)
    assert stale == {
        store.path(old_code): "of other code (old, now new)",
        store.path(old_rate): "of other parameters or data",
    }
    assert not store.has(UNITS[1])


def test_damaged_files_are_named(tmp_path: Path) -> None:
    out, store = folder(tmp_path, 2), Store(tmp_path / "store")
    store.path(UNITS[0]).write_bytes(b"")
    assert store.load(UNITS[0]) is None
    status = read_status(out)
    assert [path.name for path in status.damaged] == [f"{UNITS[0].name}.zarr.zip.damaged"]
    assert status.stages[0].done == 1


def test_twenty_thousand_units(tmp_path: Path) -> None:
    """The bars: the command within 2 s, a figure's query within 1 s; with room for a busy machine."""
    units = [Unit("reconstructions", f"mouse-trial-{i}-recorded", {"code": "a", "i": i}) for i in range(20_000)]
    store = Store(tmp_path / "store")
    store.save(units[0], xr.Dataset({"movie": ("time", np.zeros(3, np.float32))}), {"seconds": 2.0})
    members = opened(store.path(units[0]).read_bytes())
    for unit in units[1:]:
        root = json.loads(members["zarr.json"])
        root["attributes"]["definition"] = json.dumps(unit.definition, sort_keys=True)
        store.path(unit).write_bytes(sealed({**members, "zarr.json": json.dumps(root).encode()}))
    files = [f"store/{unit.kind}/{unit.name}.zarr.zip" for unit in units]
    (tmp_path / PLAN).write_text(json.dumps({"stages": [{"stage": "reconstructions", "code": "a", "files": files}]}))
    started = time.monotonic()
    shown = subprocess.run(
        [sys.executable, "-m", "movrecon_core.cli", "status", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert time.monotonic() - started < 6
    assert "20000          0          0          0" in shown.stdout
    started = time.monotonic()
    assert all(store.load(unit) is not None for unit in units[::1000])
    assert time.monotonic() - started < 3
