"""Results of another version: named, not used, computed again; and a whole store is looked at in seconds."""

import time
from pathlib import Path

import pytest
from small_study import CPU, PROFILE
from typer.testing import CliRunner

from movrecon_core.cli import app
from movrecon_core.errors import StoreError
from movrecon_core.storage.archive import sealed
from movrecon_core.storage.status import read_status, set_damaged_aside
from movrecon_core.study import open_study
from movrecon_core.study.profile import parse_profile
from movrecon_core.study.run.inventory import require_results, write_inventory
from movrecon_core.study.run.schedulers import run_stages
from movrecon_core.study.run.schedulers.local import Local
from movrecon_core.study.stages.masks import MASKS
from movrecon_core.study.stages.reconstructions import RECONSTRUCTIONS
from movrecon_core.study.study import Study

pytestmark = pytest.mark.usefixtures("single")


def age(study: Study, stage: str) -> Path:
    """Give a stage's first file the name that it had under other code."""
    file = study.path(study.unit(stage, 0))
    older = file.with_name(f"{file.name.removesuffix('.zarr.zip')[:-12]}0123456789ab.zarr.zip")
    return file.rename(older)


def test_older_results_are_named_and_computed_again(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = open_study(copied)
    older = age(study, "masks")
    with pytest.raises(StoreError, match="another version is there; `movrecon run` computes it again"):
        study.results.alpha(0)
    run_stages((MASKS,), study, Local(CPU))
    assert "masks: 1 of 1 are there, but of another version" in capsys.readouterr().err
    assert study.results.alpha(0).shape == (64, 64)
    write_inventory(study)
    assert [path for path, _ in read_status(copied).stale] == [older]


def test_the_book_of_older_results_names_the_command(copied: Path) -> None:
    age(open_study(copied), "masks")
    shown = CliRunner().invoke(app, ["book", "--out", str(copied)])
    assert isinstance(shown.exception, StoreError)
    expected = (
        rf"masks: 1 of 2 missing, 1 there from another version; `movrecon run --profile schedulers .*--out {copied}`"
    )
    with pytest.raises(StoreError, match=expected):
        require_results(open_study(copied))


def test_what_is_missing_of_a_study_is_named_before_the_book(copied: Path) -> None:
    with pytest.raises(StoreError, match=r"reconstructions: 8 of 8 missing; `movrecon run"):
        require_results(open_study(copied))


def test_deep_status_sets_damaged_files_aside(copied: Path) -> None:
    damaged = [*(copied / "store" / "masks").iterdir(), *(copied / "encoders").glob("instance-1-*.pth")]
    for file in damaged:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    before = {file for file in copied.rglob("*") if file.is_file()} - set(damaged)
    set_damaged_aside(copied)
    assert {file for file in copied.rglob("*") if file.is_file()} - before == {
        file.with_name(f"{file.name}.damaged") for file in damaged
    }


def test_a_whole_store_is_looked_at_in_seconds(copied: Path) -> None:
    """The bar: 5 s for 20,000 units of which none is missing; with room for a busy machine."""
    steps = [0.5 * step for step in range(1, 51)]
    noise = {"lengths": steps, "durations": steps, "samples": 1, "mice": 1, "targets": ["predicted", "ensemble"]}
    prepared = open_study(copied)
    profile = parse_profile({**PROFILE, "noise": noise}, "many")
    assert len(profile.noise.stimuli) == 5000

    def opened() -> Study:
        return Study(copied, profile, prepared.recordings, prepared.held_out, prepared.precision)

    study = opened()
    nothing = sealed({"zarr.json": b"{}"})
    (copied / "store" / "reconstructions").mkdir()
    for key in RECONSTRUCTIONS.asked(study):
        study.path(study.unit("reconstructions", *key)).write_bytes(nothing)
    again = opened()
    started = time.perf_counter()
    assert RECONSTRUCTIONS.tasks(again) == []
    first = time.perf_counter() - started
    assert len(RECONSTRUCTIONS.asked(again)) == 20_000 + 8
    started = time.perf_counter()
    assert RECONSTRUCTIONS.tasks(again) == []
    print(f"20,008 units: {first:.2f} s, then {time.perf_counter() - started:.2f} s")
    assert first < 20
