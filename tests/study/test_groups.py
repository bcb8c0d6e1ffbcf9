"""Stages of a group share the cores: they need nothing of each other, and each says how far it is."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from movrecon_core.errors import ReconstructionError
from movrecon_core.storage.cost import Cost
from movrecon_core.storage.paths import PROFILES
from movrecon_core.study import open_study
from movrecon_core.study import study as studies
from movrecon_core.study.profile import Profile, load_profile
from movrecon_core.study.run.pipeline import run_study
from movrecon_core.study.run.schedulers import run_stages
from movrecon_core.study.run.schedulers.attempts import Outcome
from movrecon_core.study.run.schedulers.local import Local
from movrecon_core.study.stage import Stage, Task, no_encoder
from movrecon_core.study.stages import GROUPS, STAGES
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker


class Backwards:
    """Of a group, the last stage first."""

    def run(self, stages: Sequence[Stage], tasks: Sequence[Task], study: Study) -> Iterator[Outcome]:
        yield from Local(torch.device("cpu")).run(stages, tasks[::-1], study)


@pytest.mark.usefixtures("single")
def test_stages_of_a_group_do_not_need_each_other(tmp_path: Path) -> None:
    """Were one to read what another writes, it would not find it."""
    study = run_study(load_profile("smoke", PROFILES), tmp_path, device="cpu", until=STAGES[0].name)
    for group in GROUPS[1:]:
        run_stages(group, study, Backwards())
    study = open_study(tmp_path)
    assert all(stage.asked(study) and not stage.tasks(study) for stage in STAGES)


def _perform(work: Worker, task: Task) -> None:
    if task.keys == (("bad", 1),):
        raise ReconstructionError("one that cannot be computed")
    work.save(task.units[0], xr.Dataset({"x": ("i", np.zeros(2, np.float32))}), Cost())


def stage(name: str) -> Stage:
    return Stage(
        name=name,
        label=name,
        item="unit",
        part=name,
        keys=lambda study: [(name, 0), (name, 1)],
        define=lambda study, name, i: (f"unit-{i}", {"i": i}),
        perform=_perform,
        architectures=no_encoder,
    )


def progress(
    names: Sequence[str], scheduler: Local | Backwards, out: Path, monkeypatch: pytest.MonkeyPatch, wanted: int = 2
) -> Study:
    """Stages of two units each, computed together; those that are wanted."""
    group = [stage(name) for name in names]
    for one in group:
        monkeypatch.setitem(studies._STAGES, one.name, one)
    study = Study(out, Profile(name="groups"), (), "fold:0")
    run_stages(group, study, scheduler, group[:wanted])
    return study


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.split(" in ")[0] for line in capsys.readouterr().err.splitlines()]


def test_each_stage_says_when_it_begins_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = ["a: 2 units", "a: done"], ["b: 2 units", "b: done"]
    progress("ab", Local(torch.device("cpu")), tmp_path / "in-order", monkeypatch)
    assert said(capsys) == first + second
    progress("ab", Backwards(), tmp_path / "backwards", monkeypatch)
    assert said(capsys) == [first[0], *second, first[1]]  # the first is shown while nothing is known of others
    study = progress("ab", Local(torch.device("cpu")), tmp_path / "one", monkeypatch, wanted=1)
    assert said(capsys) == first
    assert not study.store.path(study.unit("b", "b", 0)).is_file()


def test_a_unit_that_fails_holds_nothing_else_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReconstructionError, match=r"^one that cannot be computed$"):
        progress(("bad", "good"), Local(torch.device("cpu")), tmp_path, monkeypatch)
    study = Study(tmp_path, Profile(name="groups"), (), "fold:0")
    done = [study.store.path(study.unit(*key)).is_file() for key in _keys()]
    assert done == [True, False, True, True]


def _keys() -> list[tuple[str, str, int]]:
    return [(name, name, i) for name in ("bad", "good") for i in range(2)]
