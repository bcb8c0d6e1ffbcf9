"""A recording from arrays: what a lab has in memory, in the layout that everything else reads."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import RecordingError
from movrecon_core.recordings.recording import FRAME_HEIGHT, FRAME_WIDTH, ORIGIN, Recording
from movrecon_core.recordings.writer import recording_writer

Arrays = Sequence[NDArray[np.floating]]


def write_recording(
    path: Path | str,
    movies: Arrays,
    responses: Arrays,
    behavior: Arrays | None = None,
    pupil_center: Arrays | None = None,
    tiers: Sequence[str] | None = None,
    *,
    notes: str = "",
) -> Recording:
    """Write one mouse's trials as a recording in the Sensorium 2023 layout.

    Parameters
    ----------
    path
        The mouse's directory; must not exist yet.
    movies
        One (T, 36, 64) a trial at 30 Hz, grey levels 0..255; trials may differ in length. `resample_movie` makes them
        from frames of other sizes and rates.
    responses
        One (N, T) a trial, deconvolved activity, >= 0, with an s.d. over frames of about 10.
    behavior
        One (2, T) a trial, pupil dilation and running speed; None: not recorded, read as 0 and flagged.
    pupil_center
        One (2, T) a trial, pupil position; None: not recorded.
    tiers
        ``train``, ``oracle``, ... of each trial; None: all ``train``, for held-out movies by hash folds.
    notes
        Where the arrays came from, kept as ``meta/origin.txt``.

    Raises
    ------
    RecordingError
        If the arrays do not fit together, or the directory exists or cannot be written.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> movies = [random.uniform(0, 255, (90, 36, 64)) for trial in range(3)]
    >>> responses = [random.gamma(1, 10, (20, 90)) for trial in range(3)]
    >>> recording = mr.write_recording("my-mouse", movies, responses)
    >>> recording.trials, recording.neurons, recording.missing_signals
    ((0, 1, 2), 20, ('pupil dilation', 'running speed', 'pupil position'))
    """
    given = {"responses": responses, "behavior": behavior, "pupil_center": pupil_center}
    signals = {name: arrays for name, arrays in given.items() if arrays is not None}
    names = ["train"] * len(movies) if tiers is None else list(tiers)
    for name, arrays in (*signals.items(), ("tiers", names)):
        if len(arrays) != len(movies):
            raise RecordingError(
                f"{path}: expected {name} of {len(movies)} trials, as there are movies, not {len(arrays)}"
            )
    if not movies:
        raise RecordingError(f"{path}: no trials to write")
    with recording_writer(Path(path)) as writer:
        for trial, movie in enumerate(movies):
            _require(path, trial, "movie", movie, (len(movie), FRAME_HEIGHT, FRAME_WIDTH))
            writer.movie(trial, np.clip(movie, 0, 255))
            for name, arrays in signals.items():
                rows = 2 if name in ("behavior", "pupil_center") else len(responses[0])
                _require(path, trial, name, arrays[trial], (rows, len(movie)))
                writer.signal(name, trial, arrays[trial])
        writer.metadata(names)
        if notes:
            writer.text(ORIGIN, notes)
    return Recording(Path(path).resolve())


def _require(path: Path | str, trial: int, name: str, array: NDArray[np.floating], shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise RecordingError(f"{path}: trial {trial}: expected {name} of shape {shape}, found {array.shape}")
