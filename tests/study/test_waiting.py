"""A run that waits for another one: it ends when the other has stored, takes over when it died, and costs little."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from movrecon_core.storage import CLAIMS
from movrecon_core.storage.claims import claimed
from movrecon_core.storage.cost import Cost
from movrecon_core.study import study as studies
from movrecon_core.study.profile import Profile
from movrecon_core.study.run.schedulers import run_stages
from movrecon_core.study.run.schedulers.local import Local
from movrecon_core.study.stage import Stage, Task, no_encoder
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker

ASKED = []
COMPUTED = []


def _keys(study: Study) -> Iterator[tuple[int]]:
    ASKED.append(time.monotonic())
    return iter([(0,), (1,)])


def _perform(work: Worker, task: Task) -> None:
    for unit in task.units:
        COMPUTED.append(unit.name)
        work.save(unit, xr.Dataset({"x": ("i", np.zeros(2, np.float32))}), Cost())


WAITED = Stage(
    name="waited",
    label="waited",
    item="unit",
    part="waited",
    keys=_keys,
    define=lambda study, i: (f"unit-{i}", {"i": i}),
    perform=_perform,
    architectures=no_encoder,
)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.setitem(studies._STAGES, WAITED.name, WAITED)
    ASKED.clear()
    COMPUTED.clear()
    return Study(tmp_path, Profile(name="waiting"), (), "fold:0")


def beside(study: Study, stores: bool) -> threading.Thread:
    """Another run, which holds unit 0 for a second and stores it or not."""
    holds = threading.Event()

    def hold() -> None:
        unit = study.unit("waited", 0)
        with claimed(study.out / CLAIMS, [unit.full_name]) as mine:
            assert mine
            holds.set()
            time.sleep(1.0)
            if stores:
                study.store.save(unit, xr.Dataset({"x": ("i", np.ones(2, np.float32))}), {})

    other = threading.Thread(target=hold)
    other.start()
    assert holds.wait(10)
    return other


@pytest.mark.parametrize("stores", [True, False])
def test_what_another_run_has_is_waited_for(study: Study, stores: bool) -> None:
    other = beside(study, stores)
    run_stages((WAITED,), study, Local(torch.device("cpu")))
    other.join()
    first, second = study.unit("waited", 0), study.unit("waited", 1)
    assert ([second.name] if stores else [second.name, first.name]) == COMPUTED
    assert study.store.require(first)["x"].values.tolist() == [float(stores)] * 2


def test_waiting_does_not_name_all_units_again(study: Study) -> None:
    """At the start, after what was computed, and at the end; not at each of the looks between."""
    other = beside(study, True)
    run_stages((WAITED,), study, Local(torch.device("cpu")))
    other.join()
    assert len(ASKED) <= 3
