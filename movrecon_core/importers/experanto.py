"""Sessions in the folders of experanto: a screen and signals, each with its own sampling rate.

`screen/timestamps.npy` has a time for every frame; `screen/meta/<number>.yml` says of each stimulus what it is
(`modality`), which frame is its first and how many there are; its frames are `screen/data/<number>.npy` or `.mp4`. A
signal is `<name>/data.npy`, or where `<name>/meta.yml` says so `data.mem`, one row a sample.
"""

import re
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import RecordingError
from movrecon_core.importers.keys import read_keys
from movrecon_core.importers.session import Session, Shown, Stream
from movrecon_core.recordings import load_array

COLUMNS: dict[str, Any] = {
    "pupil_dilation": {"folder": "eye_tracker", "column": 0},
    "pupil_position": {"folder": "eye_tracker", "columns": [1, 2]},
    "running": {"folder": "treadmill", "column": 0},
}
"""Which columns of which signal are what; a file given with ``--map`` says otherwise."""


def read_experanto(source: Path, mapping: dict[str, Any] | None) -> Session:
    """Open a session; frames and samples are read when they are asked for.

    Parameters
    ----------
    source
        The folder, with ``screen/`` and ``responses/``.
    mapping
        In place of `COLUMNS`.

    Raises
    ------
    RecordingError
        If a file is missing or not of this layout.
    """
    columns = COLUMNS if mapping is None else mapping
    screen = source / "screen"
    times = _numbers(screen / "timestamps.npy")
    movies = []
    for file in sorted((screen / "meta").glob("[0-9]*.yml"), key=_place):
        about = read_keys(file)
        if about.get("modality") != "video":
            continue
        first, count = _number(file, about, "first_frame_idx"), _number(file, about, "num_frames")
        if times.ndim != 1 or first < 0 or count < 1 or first + count > len(times):
            raise RecordingError(f"{file}: expected frames up to {times.size}, found {first} + {count}")
        load = partial(_frames, screen / "data", file.stem)
        movies.append(Shown(times[first : first + count], load, str(about.get("tier", "train"))))
    if not movies:
        raise RecordingError(f"{screen / 'meta'}: expected <number>.yml of modality 'video', found none")
    dilation, position, running = (
        _columns(source, columns.get(name)) for name in ("pupil_dilation", "pupil_position", "running")
    )
    return Session(movies, _stream(source / "responses"), (dilation, running), position)


def _place(file: Path) -> tuple[int, str]:
    """By number, padded with zeros or not."""
    digits = re.match(r"\d+", file.stem)
    return int(digits[0]) if digits else 0, file.stem


def _number(file: Path, about: dict[str, Any], key: str) -> int:
    if not isinstance(about.get(key), int):
        raise RecordingError(f"{file}: expected a whole number '{key}', found {about.get(key)!r}")
    return int(about[key])


def _numbers(file: Path) -> NDArray[np.float64]:
    array = load_array(file)
    if array.dtype.kind not in "fiu":
        raise RecordingError(f"{file}: expected numbers, found {array.dtype}")
    return array.astype(np.float64)


def _frames(folder: Path, stem: str) -> NDArray:
    encoded = folder / f"{stem}.mp4"
    return _decoded(encoded) if encoded.is_file() else load_array(folder / f"{stem}.npy")


def _decoded(file: Path) -> NDArray[np.uint8]:
    """Grey frames (T, H, W) of a video, none twice and none left out."""
    given = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", f"file:{file}"]
    done = subprocess.run(
        [*given, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    size = re.search(rb"Video: .*?(\d{2,})x(\d{2,})", done.stderr)
    if done.returncode or size is None:
        raise RecordingError(f"{file}: not a readable video")
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, int(size[2]), int(size[1]))


def _stream(folder: Path, columns: Sequence[int] | None = None) -> Stream:
    about = read_keys(folder / "meta.yml")
    try:
        rate, start = float(about["sampling_rate"]), float(about["start_time"])
        if about.get("is_mem_mapped"):
            shape, kind = (int(about["n_timestamps"]), int(about["n_signals"])), np.dtype(about["dtype"])
            if kind.kind not in "fiu" or min(shape) < 1:
                raise ValueError(f"{kind} of {shape}")
            values: NDArray = np.memmap(folder / "data.mem", dtype=kind, mode="r", shape=shape)
        else:
            values = load_array(folder / "data.npy", mmap=True)
        if not (0 < rate < np.inf and np.isfinite(start)):
            raise ValueError(f"rate {rate}, start {start}")
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise RecordingError(f"{folder}: not a signal of experanto ({reason})") from None
    if values.dtype.kind not in "fiu" or values.ndim != 2:
        raise RecordingError(f"{folder}: expected numbers (samples, signals), found {values.dtype} of {values.shape}")
    shifts = _numbers(folder / "meta" / "phase_shifts.npy") if about.get("phase_shift_per_signal") else None
    if columns is not None:
        if max(columns) >= values.shape[1]:
            raise RecordingError(f"{folder}: {values.shape[1]} signals, no column {max(columns)}; say which with --map")
        values, shifts = values[:, list(columns)], None if shifts is None else shifts[list(columns)]
    return Stream(start + np.arange(len(values)) / rate, values, shifts)


def _columns(source: Path, place: dict[str, Any] | None) -> Stream | None:
    """A signal of behaviour; None where it was not recorded."""
    if place is None:
        return None
    if not isinstance(place, dict):
        raise RecordingError(f"--map: expected folder: NAME and column: NUMBER, found {place!r}")
    if not (source / str(place.get("folder"))).is_dir():
        return None
    columns = place.get("columns", [place.get("column")])
    if not isinstance(columns, list) or not all(isinstance(column, int) for column in columns):
        raise RecordingError(f"--map: expected column: NUMBER, or columns: [NUMBER, NUMBER], found {place}")
    return _stream(source / str(place["folder"]), columns)
