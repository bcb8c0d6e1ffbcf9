"""The command: what goes wrong is one line that names it, an exit code that is not 0, and no figure."""

import errno
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movrecon_core import cli
from movrecon_core.process import usable_home
from movrecon_core.simulation import SimulationConfig, simulate_mouse

WORDS = st.lists(st.sampled_from(["a", "b", "--out", "--recordings"]), max_size=6)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = SimulationConfig(trials=14, neurons=4, frames=90, oracle_trials=2, repeats=1)
    return simulate_mouse(tmp_path_factory.mktemp("recordings"), config, 0).path


def movrecon(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Exit code of the command."""
    monkeypatch.setattr(sys, "argv", ["movrecon", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    code = stop.value.code
    return code if isinstance(code, int) else 1


def complaint(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line on the error stream of a command that fails."""
    assert movrecon(monkeypatch, *arguments) != 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("movrecon: ")]
    assert len(lines) == 1
    return lines[0]


def test_help_names_every_verb(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert movrecon(monkeypatch, "--help") == 0
    shown = capsys.readouterr().out
    for verb in ("simulate", "check", "train", "masks", "reconstruct", "run", "status", "book"):
        assert verb in shown


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["walk"], "No such command 'walk'"),
        (["run", "--nonsense"], "No such option: --nonsense"),
        (["run", "--dry-run"], "Missing option '--out'"),
        (["check"], "Missing argument 'recordings'"),
        (["status", "--out"], "Option '--out' requires an argument"),
    ],
)
def test_a_mistyped_command_is_one_line(
    arguments: list[str], named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complaint(monkeypatch, capsys, *arguments) == f"movrecon: {named}; see movrecon --help"


def test_without_words_it_helps(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert movrecon(monkeypatch) == 0
    assert "quickstart" in capsys.readouterr().out


@given(before=WORDS, values=st.lists(st.sampled_from(["x", "y"]), min_size=1, max_size=4), after=WORDS)
def test_one_option_takes_several_values(before: list[str], values: list[str], after: list[str]) -> None:
    arguments = [*before, "--recordings", *values, "--held-out", *after]
    repeated = cli.repeat_option(arguments, "--recordings")
    start = len(cli.repeat_option(before, "--recordings"))
    assert repeated[start : start + 2 * len(values)] == [word for value in values for word in ("--recordings", value)]
    assert [word for word in repeated if word != "--recordings"] == [w for w in arguments if w != "--recordings"]


def test_simulate_writes_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = tmp_path / "tiny.yaml"
    profile.write_text("simulation: {mice: 2, trials: 7, neurons: 3, frames: 82, oracle_trials: 1, repeats: 1}")
    assert movrecon(monkeypatch, "simulate", "--profile", profile, "--out", tmp_path / "out") == 0
    assert len(list((tmp_path / "out").glob("*/data/videos/*.npy"))) == 14


def test_check_of_a_sound_recording(
    recording: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert movrecon(monkeypatch, "check", recording) == 0
    assert "14 trials" in capsys.readouterr().out


def test_check_prints_every_problem(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = _copy(recording, tmp_path)
    cut = bad / "data" / "responses" / "3.npy"
    cut.write_bytes(cut.read_bytes()[:200])
    movie = np.load(bad / "data" / "videos" / "5.npy")
    movie[3, 4, 10] = np.nan
    np.save(bad / "data" / "videos" / "5.npy", movie)
    assert movrecon(monkeypatch, "check", bad) == 1
    captured = capsys.readouterr()
    assert "responses/3.npy" in captured.out
    assert "videos/5.npy" in captured.out
    assert captured.err.startswith("movrecon: 2 problems found")


def _copy(recording: Path, folder: Path) -> Path:
    copied = folder / recording.name
    for file in recording.rglob("*"):
        if file.is_file() and "truth" not in file.parts:
            target = copied / file.relative_to(recording)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    return copied


@pytest.mark.parametrize(
    ("rule", "code", "told"),
    [
        ("tier:oracle", 0, r"sound; 14 trials.*; 2 movies held out, 12 to train on"),
        ("tier:nobody", 1, r"'tier:nobody' holds out no movie with responses; choose one of fold:0 .* tier:oracle"),
        ("tier:most", 1, r"'tier:most' leaves a single movie to train on"),
    ],
)
def test_check_knows_the_rule_for_held_out_movies(
    rule: str,
    code: int,
    told: str,
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mouse = _copy(recording, tmp_path)
    if rule == "tier:most":
        tiers = np.load(mouse / "meta/trials/tiers.npy")
        tiers[np.arange(len(tiers)) != np.flatnonzero(tiers == "train")[0]] = "most"
        np.save(mouse / "meta/trials/tiers.npy", tiers)
    assert movrecon(monkeypatch, "check", mouse, "--held-out", rule) == code
    assert re.search(told, capsys.readouterr().out)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda bad: (bad / "data" / "responses" / "3.npy").write_bytes(b"\x93NUMPY"), "responses/3.npy"),
        (lambda bad: (bad / "data" / "behavior" / "3.npy").unlink(), "behavior/3.npy"),
        (lambda bad: np.save(bad / "data" / "pupil_center" / "3.npy", np.zeros((3, 90))), "pupil_center/3.npy"),
        (lambda bad: np.save(bad / "data" / "behavior" / "3.npy", np.full((2, 90), np.inf)), "behavior/3.npy"),
        (lambda bad: (bad / "meta" / "trials" / "tiers.npy").unlink(), "tiers.npy"),
    ],
    ids=["truncated", "missing", "shape", "infinity", "no tiers"],
)
def test_a_bad_recording_stops_the_run(
    damage: object,
    named: str,
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad = _copy(recording, tmp_path)
    damage(bad)  # type: ignore[operator]
    line = complaint(monkeypatch, capsys, "run", "--profile", "smoke", "--recordings", bad, "--out", tmp_path / "out")
    assert named in line
    assert not list((tmp_path / "out").rglob("*.png"))


def test_a_missing_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (
        ["check", tmp_path / "none"],
        ["run", "--recordings", tmp_path / "none", "--out", tmp_path / "out"],
    ):
        assert f"{tmp_path / 'none'}: no such directory" in complaint(monkeypatch, capsys, *arguments)
    assert not (tmp_path / "out").exists()


def test_no_movie_held_out(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "--profile",
        "smoke",
        "--recordings",
        recording,
        "--held-out",
        "tier:live_test_main",
        "--out",
        tmp_path / "out",
    ]
    assert "'tier:live_test_main' holds out no movie" in complaint(monkeypatch, capsys, "run", *arguments)
    assert not list((tmp_path / "out").rglob("*.png"))


def test_a_misspelt_notebook_parameter_is_found_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = tmp_path / "p.yaml"
    profile.write_text("notebooks: {fig2_performance: {shown_frame: 3}}")
    line = complaint(monkeypatch, capsys, "run", "--profile", profile, "--out", tmp_path / "out")
    assert "unknown parameter 'shown_frame'; did you mean 'shown_frames'?" in line
    assert not (tmp_path / "out").exists()


def test_a_misspelt_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = tmp_path / "p.yaml"
    profile.write_text("notebooks: {fig2: {}}")
    assert "no notebook 'fig2'" in complaint(
        monkeypatch, capsys, "run", "--profile", profile, "--out", tmp_path / "out"
    )


def test_a_folder_that_cannot_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")  # a root user may write to a read-only folder, but into no file
    line = complaint(monkeypatch, capsys, "run", "--profile", "smoke", "--out", tmp_path / "file" / "out")
    assert "cannot be written" in line
    assert str(tmp_path / "file" / "out") in line


def test_a_device_that_is_not_there(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--profile", "smoke", "--recordings", recording, "--device", "tpu", "--out", tmp_path / "out"]
    assert "device 'tpu' cannot be used" in complaint(monkeypatch, capsys, "train", *arguments)


def test_a_scheduler_that_is_not_there(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--profile", "smoke", "--recordings", recording, "--scheduler", "grid", "--out", tmp_path / "out"]
    line = complaint(monkeypatch, capsys, "train", *arguments)
    assert "--scheduler grid: choose cores, local, gpus, slurm, tcp://HOST:PORT" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["my results", "out#1", "100%"])
def test_a_folder_that_cannot_stand_in_a_job_script_is_refused_at_once(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("dask_jobqueue")
    arguments = ["--profile", "smoke", "--scheduler", "slurm", "--out", tmp_path / name]
    assert f"{tmp_path / name}: blanks and signs" in complaint(monkeypatch, capsys, "run", *arguments)
    assert not (tmp_path / name).exists()


def test_results_on_a_file_system_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    line = complaint(monkeypatch, capsys, "train", "--profile", "smoke", "--out", tmp_path / "out")
    assert f"{tmp_path / 'out'}: its file system has no locks (No locks available); choose a folder" in line


def test_a_scheduler_without_its_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("dask_jobqueue")
    arguments = ["--profile", "smoke", "--scheduler", "tcp://host", "--out", tmp_path / "out"]
    assert "expected tcp://HOST:PORT" in complaint(monkeypatch, capsys, "run", *arguments)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("rule", ["fold:9", "oracle"])
def test_a_rule_that_does_not_exist_is_found_before_anything_is_simulated(
    rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--profile", "smoke", "--held-out", rule, "--out", tmp_path / "out"]
    assert f"held-out movies '{rule}': choose fold:0" in complaint(monkeypatch, capsys, "run", *arguments)
    assert not (tmp_path / "out").exists()


def test_a_misspelt_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = complaint(monkeypatch, capsys, "run", "--profile", "papper", "--out", tmp_path / "out")
    assert "no such profile; did you mean 'paper'?" in line


def test_status_without_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no run has begun here" in complaint(monkeypatch, capsys, "status", "--out", tmp_path)
    (tmp_path / "plan.json").write_text('{"stages": [{"stage": 3}]}')
    assert "no run has begun here" in complaint(monkeypatch, capsys, "status", "--out", tmp_path)


def test_a_book_without_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no study here" in complaint(monkeypatch, capsys, "book", "--out", tmp_path)
    (tmp_path / "study.json").write_text(json.dumps({"profile": {}}))
    assert "no study here" in complaint(monkeypatch, capsys, "book", "--out", tmp_path)


def test_a_profile_that_names_its_mice_needs_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    message = complaint(monkeypatch, capsys, "train", "--profile", "paper", "--out", tmp_path / "out")
    assert "dynamic29515-10-12" in message
    assert "movrecon fetch" in message
    assert not (tmp_path / "out").exists()


def test_a_mouse_that_is_not_among_the_recordings_is_named_at_once(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    message = complaint(
        monkeypatch, capsys, "train", "--profile", "paper", "--recordings", recording, "--out", tmp_path / "out"
    )
    assert "no recording begins with 'dynamic29515-10-12'" in message
    assert not list((tmp_path / "out").glob("store/*"))


# The surroundings that the command finds ---------------------------------------------------------------------------


def started(*arguments: object, before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, after some lines of Python."""
    code = f"import os\n{before}\nfrom movrecon_core.cli import main\nmain()"
    given = {**{k: v for k, v in os.environ.items() if k != "HOME" or "HOME" in environment}, **environment}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, env=given, capture_output=True, text=True, check=False)


def test_a_run_begins_without_what_only_notebooks_need() -> None:
    """They take seconds to import, and every process of a run would."""
    code = "import sys, movrecon_core.book.parameters, movrecon_core.study.run.rehearse; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "torch" in imported
    assert {"nbformat", "papermill", "matplotlib"}.isdisjoint(imported)


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "movrecon_core.cli", "simulate", "--profile", "demo", "--out", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not list(tmp_path.glob(".simulated-*")):
            time.sleep(0.05)
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1]
    assert said == "movrecon: interrupted; the same command goes on from what was done\n"
    assert process.returncode == 130
    assert not list(tmp_path.iterdir())  # the mice that were at work were neither finished nor left half


def test_with_closed_streams_it_runs(tmp_path: Path) -> None:
    profile = tmp_path / "tiny.yaml"
    code = f'"{sys.executable}" -m movrecon_core.cli simulate --profile "$0" --out "$1" >&- 2>&-'
    command = ["sh", "-c", code, str(profile), str(tmp_path / "out")]
    assert subprocess.run(command, check=False).returncode == 1  # no such profile, which nobody sees
    profile.write_text("simulation: {mice: 1, trials: 7, neurons: 3, frames: 82, oracle_trials: 1, repeats: 1}")
    assert subprocess.run(command, check=False).returncode == 0
    assert len(list((tmp_path / "out").glob("*/data/videos/*.npy"))) == 7


@pytest.mark.parametrize(("name", "shown"), [("mäuse".encode(), r"m\xe4use"), (b"m\xe4use", r"m\udce4use")])
def test_a_name_without_signs_in_the_encoding_is_written_with_its_numbers(
    recording: Path, tmp_path: Path, name: bytes, shown: str
) -> None:
    """As on a terminal of another encoding, or from a disk whose names have one."""
    mouse = tmp_path / os.fsdecode(name)
    _copy(recording, tmp_path).rename(mouse)
    done = started("check", mouse, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert f"{shown}: sound" in done.stdout


NOBODY = """
import pwd
def unknown(user):
    raise KeyError(user)
pwd.getpwuid = unknown
"""


def test_a_user_without_a_home_has_a_temporary_one(recording: Path) -> None:
    """As in a container that runs under a number which /etc/passwd does not know."""
    assert "Could not determine home" in started("--help", before=f"{NOBODY}import pathlib; pathlib.Path.home()").stderr
    told = "import atexit, pathlib; atexit.register(lambda: print(len(seen)))"
    seen = "seen = []\nimport movrecon_core.recordings as r\nopened = r.open_recordings\n"
    seen += "r.open_recordings = lambda paths: seen.append(pathlib.Path.home()) or opened(paths)"
    done = started("check", recording, before=f"{NOBODY}{told}\n{seen}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "1"


def test_a_home_that_is_missing_is_replaced_while_the_block_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    with usable_home():
        home = Path.home()
        assert os.access(home, os.W_OK)
    assert not home.exists()
    assert os.environ["HOME"] == "/nonexistent"


def test_a_backend_of_matplotlib_that_is_not_installed_is_overridden(recording: Path) -> None:
    code = "import atexit; atexit.register(lambda: print('backend', os.environ.get('MPLBACKEND')))"
    done = started("check", recording, before=code, MPLBACKEND="Qt4Agg")
    assert done.returncode == 0, done.stderr
    assert "backend None" in done.stdout
