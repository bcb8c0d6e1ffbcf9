"""The smoke study's units through Slurm itself, one node on loopback."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from small_study import PROFILE, kill, meanwhile, stored

SCRIPTS = Path(__file__).parent / "slurm"


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pytest.importorskip("dask_jobqueue")
    lacking = [name for name in ("slurmctld", "slurmd", "munged", "runuser", "pgrep") if shutil.which(name) is None]
    if lacking:
        pytest.skip(f"no {', '.join(lacking)}: apt-get install slurm-wlm munge")
    if os.geteuid() != 0:
        pytest.skip("starting Slurm takes a root user")
    folder = tmp_path / "slurm"
    try:
        started = subprocess.run(
            [SCRIPTS / "start.sh", folder], capture_output=True, text=True, timeout=30, check=False
        )
        if started.returncode:
            pytest.skip(f"Slurm does not start: {started.stderr.strip()}")
        monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        yield
    finally:
        subprocess.run([SCRIPTS / "stop.sh", folder], check=False, timeout=30)


def test_slurm_with_a_job_killed_mid_unit(
    slurm: None, prepared: Path, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    out = Path(shutil.copytree(prepared, tmp_path / "study"))
    cluster = {"jobs": 1, "queue": "test", "walltime": "00:10:00", "cores": 1, "memory": "2GB", "interface": "lo"}
    profile = tmp_path / "schedulers.yaml"
    profile.write_text(yaml.safe_dump({**PROFILE, "cluster": cluster}))
    command = ["reconstruct", "--profile", profile, "--out", out, "--device", "cpu", "--scheduler", "slurm"]
    with meanwhile(out, kill):
        done = subprocess.run(
            [sys.executable, "-m", "movrecon_core.cli", *map(str, command)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert stored(out) == undisturbed
    assert list((out / "logs" / "slurm").glob("*.out"))
