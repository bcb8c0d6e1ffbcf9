"""The page on changing the study: its changes are made in a copy, and do what the page says."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
import yaml
from small_study import PROFILE

from movrecon_core.storage.paths import BOOK, REPOSITORY

PAGE = (BOOK / "change.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
SETTINGS = {**PROFILE, "variations": {"trials_per_mouse": 1}, "population": {"trials_per_mouse": 2, "fractions": [0.5]}}


MICE = SETTINGS["simulation"]["mice"]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def change(clone: Path, diff: str) -> str:
    """Make a change of the page; gives the file."""
    header, *lines = diff.splitlines()
    name = header.removeprefix("--- ")
    before, after = ("\n".join(line[1:] for line in lines if line[0] in kept) for kept in (" -", " +"))
    file = clone / name
    if file.suffix == ".ipynb":
        notebook = nbformat.read(file, as_version=4)
        (cell,) = [cell for cell in notebook.cells if before in cell.source]
        cell.source = cell.source.replace(before, after)
        nbformat.write(notebook, file)
    else:
        text = file.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{name}: {before}"
        file.write_text(text.replace(before, after), encoding="utf-8")
    return name


def python(code: str, *paths: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=paths[0], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def files_of(section: str) -> set[str]:
    (line,) = re.findall(r"^\*\*Files: (.+)\*\*$", SECTIONS[section], re.MULTILINE)
    return set(re.findall(r"`([^`]+)`", line))


CONDITION, PANEL, ENCODER = SECTIONS


@pytest.fixture(scope="module")
def changed(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A copy of the project with both changes, and a small study that it computed."""
    clone, out = tmp_path_factory.mktemp("changed") / "clone", tmp_path_factory.mktemp("changed") / "study"
    for folder in ("movrecon_core", "notebooks", "profiles", "jupyter-book"):
        ignored = shutil.ignore_patterns("__pycache__", "_build")
        shutil.copytree(REPOSITORY / folder, clone / folder, ignore=ignored)
    for section in (CONDITION, PANEL):
        touched = {change(clone, diff) for diff in blocks(SECTIONS[section], "diff")}
        assert touched == files_of(section)
    shutil.copytree(prepared, out)
    code = (
        "import json; from pathlib import Path\n"
        "from movrecon_core.study.run.pipeline import run_study\n"
        "from movrecon_core.study.profile import parse_profile\n"
        f"profile = parse_profile(json.loads({json.dumps(SETTINGS)!r}), 'test')\n"
        f"run_study(profile, Path({str(out)!r}), device='cpu')\n"
    )
    python(code, clone)
    return clone, out


def test_a_condition_has_its_row(changed: tuple[Path, Path]) -> None:
    clone, out = changed
    code = (
        "from movrecon_core.study import open_study\n"
        "from movrecon_core.figures import fig1s2_variations, rows_table\n"
        "from movrecon_core.figures.responses import response_fit\n"
        f"study = open_study({str(out)!r})\n"
        "found = fig1s2_variations.variants(study)\n"
        "rows = rows_table(fig1s2_variations.rows(found, response_fit(study), 0))\n"
        "print(rows.to_json(orient='records'))\n"
    )
    rows = {row["quantity"]: row for row in json.loads(python(code, clone))}
    row = rows["video correlation, predicted responses, no mask"]
    assert -1 <= row["ours"] <= 1
    assert (row["published"], row["n"]) == (None, MICE)
    stored = (out / "store" / "reconstructions").glob("*-instance-?-ensemble-mask-none-*")
    assert len(list(stored)) == SETTINGS["instances"] * MICE
    correlations = list(rows)[::-1]
    assert correlations.index("video correlation, predicted responses, no mask") < correlations.index(
        "video correlation, from predicted responses"
    )


def test_a_panel_is_drawn_with_its_source_data(changed: tuple[Path, Path], tmp_path: Path) -> None:
    clone, out = changed
    code = (
        "from pathlib import Path\n"
        "from movrecon_core.book.notebooks import run_notebook\n"
        "from movrecon_core.storage.paths import NOTEBOOKS\n"
        f"folder = Path({str(tmp_path)!r}); given = {{'results': {str(out)!r}, 'figures': str(folder)}}\n"
        "name = NOTEBOOKS / 'fig5_population.ipynb'\n"
        "run_notebook(name, given, folder / 'executed.ipynb', 'content', folder / 'fig5_population.svg')\n"
    )
    python(code, clone)
    panel = pd.read_csv(tmp_path / "fig5_population_C.csv")
    sizes = pd.read_csv(tmp_path / "fig5_population_A.csv").pivot(
        index="trial", columns="percent", values="video_correlation"
    )
    expected = sizes[100.0] - sizes[50.0]
    assert panel["percent"].unique().tolist() == [50.0]
    assert panel.set_index("trial")["loss"].to_dict() == pytest.approx(expected.to_dict())
    assert "what silence costs" in (tmp_path / "fig5_population.svg").read_text()


def test_an_encoder_of_another_package(tmp_path: Path) -> None:
    assert files_of(ENCODER) == {"pyproject.toml"}
    page = (BOOK / "own-encoder.md").read_text(encoding="utf-8")
    source = re.sub(r"^register_encoder\(.*$", "", blocks(page, "python")[0], flags=re.MULTILINE)
    package, installed = tmp_path / "my_lab", tmp_path / "my_lab-1.0.dist-info"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "pixels.py").write_text(source)
    # What `pip install` makes of the entry point.
    (toml,) = blocks(SECTIONS[ENCODER], "toml")
    group, point = re.findall(r'entry-points\."(.+)"\]\n(\w+ = ".+")', toml)[0]
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: my_lab\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(f"[{group}]\n{point.replace(chr(34), '')}\n")

    settings: dict[str, Any] = {**PROFILE, **yaml.safe_load(blocks(SECTIONS[ENCODER], "yaml")[0])}
    settings.pop("name")
    profile, out = tmp_path / "my_lab.yaml", tmp_path / "study"
    profile.write_text(yaml.safe_dump(settings))
    code = (
        "import sys; from movrecon_core.cli import main\n"
        f"sys.argv[1:] = ['reconstruct', '--profile', {str(profile)!r}, '--out', {str(out)!r}, '--device', 'cpu']\n"
        "main()\n"
    )
    python(code, REPOSITORY, tmp_path)
    code = (
        "from movrecon_core.encoders.checkpoints import load_checkpoint; from movrecon_core.study import open_study\n"
        f"study = open_study({str(out)!r}); encoder = load_checkpoint(study.checkpoint(0))\n"
        "found = study.results.judged(0, study.trials.reconstructed(0)[0]).reconstruction\n"
        "print(type(encoder).__module__, encoder.config.lags, found.shape)"
    )
    assert python(code, REPOSITORY, tmp_path).strip() == "my_lab.pixels 6 (90, 36, 64)"
