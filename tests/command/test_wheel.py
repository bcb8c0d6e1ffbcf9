"""The wheel holds all that the command reads: in another folder, without the clone, a run goes to the book."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from movrecon_core.storage.paths import REPOSITORY

PROFILE = """
trials_per_mouse: 1
instances: 1
simulation: {mice: 1, trials: 14, neurons: 20, frames: 90, oracle_trials: 0}
training: {batch: 2, segment_frames: 64, segments_per_epoch: 8, warm_up_epochs: 1, cosine_epochs: 1,
           learning_rate: 3.0e-3, ema_decay: 0.9, mixed_precision: false}
mask: {iterations: 30, learning_rate: 1000.0, norm_offset: 0.0}
receptive_fields: {pixel_step: 4}
reconstruction: {iterations: 4, window_frames: null}
variations: {trials_per_mouse: 0}
population: {trials_per_mouse: 0}
noise: {samples: 0}
gratings: {mice: 0}
notebooks: {recordings: {}, fig2_performance: {}}
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an installation of the wheel puts beside other packages."""
    folder = tmp_path_factory.mktemp("wheel")
    left_out = shutil.ignore_patterns(".git", ".venv", "results", "_build", "build", "__pycache__", "*.egg-info")
    source = shutil.copytree(REPOSITORY, folder / "source", ignore=left_out)
    command = ["wheel", str(source), "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    done = subprocess.run([sys.executable, "-m", "pip", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(source)
    (wheel,) = folder.glob("movrecon-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def python(site: Path, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Python with the unpacked wheel in place of the clone."""
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("folder", "pattern"), [("notebooks", "*.ipynb"), ("profiles", "*.yaml"), ("jupyter-book", "*.*")]
)
def test_it_holds_notebooks_profiles_and_pages(unpacked: Path, folder: str, pattern: str) -> None:
    names = {path.name for path in (REPOSITORY / folder).glob(pattern)}
    assert names
    assert {path.name for path in (unpacked / "movrecon_core" / "shipped" / folder).glob(pattern)} == names


def test_a_run_goes_to_the_book_in_any_folder(unpacked: Path, tmp_path: Path) -> None:
    where = python(unpacked, tmp_path, "-c", "import movrecon_core as mr; print(mr.example_folder())")
    assert where.stdout.strip() == str(unpacked / "movrecon_core" / "shipped" / "example"), where.stderr
    (tmp_path / "small.yaml").write_text(PROFILE)
    command = ["-m", "movrecon_core.cli", "run", "--profile", "small.yaml", "--out", "out", "--device", "cpu"]
    done = python(unpacked, tmp_path, *command)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "book" / "notebooks" / "fig2_performance.html").is_file()
    assert (tmp_path / "out" / "book" / "api.html").is_file()


def test_the_first_reconstruction_needs_nothing_else(unpacked: Path, tmp_path: Path) -> None:
    done = python(unpacked, tmp_path, "-m", "movrecon_core.cli", "quickstart", "--page")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "results" / "quickstart" / "quickstart.html").read_text()
    assert "video/mp4;base64," in page
    assert "Frames of the movie that was shown" in page
    assert "Traceback (most" not in page
    assert not [address for address in ("cdnjs", "jsdelivr", "unpkg") if address in page]
