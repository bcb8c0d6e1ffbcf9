"""A session as any format has it, movies and signals on clocks of their own, and the trials at 30 Hz made of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import RecordingError
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_RATE, FRAME_WIDTH
from movrecon_core.simulation.imaging import deconvolve

GREY = 127.5
LEAD = 5.0
"""Seconds before a movie that deconvolution looks back, several times the decay of an indicator."""
LONGEST_MOVIE = 3600.0
"""Seconds; what is longer has other units."""
LARGEST = 1e18
"""Of all numbers: the square of a larger one, and with it a standard deviation, is none in single precision."""

BASELINE = 8
"""Per cent of a fluorescence trace's samples below its baseline (a usual choice)."""


def _require_times(times: NDArray[np.float64], what: str) -> None:
    """Stop at times that are none.

    Raises
    ------
    RecordingError
        If there are fewer than two, or they do not increase.
    """
    if times.ndim != 1 or len(times) < 2 or not np.isfinite(times).all() or not (np.diff(times) > 0).all():
        raise RecordingError(f"the times of {what}: expected two or more, in seconds, increasing")


@dataclass(frozen=True)
class Stream:
    """A signal on a clock of its own.

    Attributes
    ----------
    times
        (S,), seconds, increasing.
    values
        (S, C); anything that is cut like an array, read when it is needed.
    shifts
        (C,), seconds by which each column is later than `times`, such as a neuron's place in the scan; None: 0.
    """

    times: NDArray[np.float64]
    values: NDArray[np.floating]
    shifts: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        _require_times(self.times, "a signal")
        if self.values.dtype.kind not in "fiu" or self.values.ndim != 2 or len(self.values) != len(self.times):
            raise RecordingError(
                f"a signal of {self.values.dtype}, {self.values.shape}: expected numbers ({len(self.times)}, columns)"
            )
        if self.shifts is not None and not (
            self.shifts.shape == self.values.shape[1:] and (np.abs(self.shifts) < LONGEST_MOVIE).all()
        ):
            raise RecordingError(f"expected a shift in seconds for each of {self.values.shape[1]} columns")

    @property
    def rate(self) -> float:
        """Samples a second, of most intervals."""
        return float(1 / np.median(np.diff(self.times)))

    def part(self, first: float, last: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Times and values (S, C) of the samples between two times and of one more on either side."""
        start = max(0, int(np.searchsorted(self.times, first, side="right")) - 1)
        stop = min(len(self.times), int(np.searchsorted(self.times, last, side="left")) + 1)
        return self.times[start:stop], np.asarray(self.values[start:stop], dtype=np.float64)

    def covers(self, times: NDArray[np.float64]) -> bool:
        """Whether there are samples around all of these times; half an interval may lack at either end."""
        margin = 0.5 / self.rate
        return bool(self.times[0] <= times[0] + margin and self.times[-1] >= times[-1] - margin)

    def at(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values (C, T) interpolated linearly at times (T,); NaN where nothing was recorded."""
        shifts = np.zeros(self.values.shape[1]) if self.shifts is None else self.shifts
        known, values = self.part(times[0] - shifts.max(initial=0), times[-1] - shifts.min(initial=0))
        found = at_times(known, values, times, shifts)
        found[:, (times < self.times[0] - 0.5 / self.rate) | (times > self.times[-1] + 0.5 / self.rate)] = np.nan
        return found


@dataclass(frozen=True)
class Shown:
    """A movie as it was shown.

    Attributes
    ----------
    times
        (T,), seconds, when each frame appeared.
    load
        Gives the frames (T, H, W), or (T, H, W, 3) in colour, grey levels 0..255.
    tier
        ``train``, ``oracle``, ...
    """

    times: NDArray[np.float64]
    load: Callable[[], NDArray]
    tier: str = "train"

    def __post_init__(self) -> None:
        _require_times(self.times, "a movie")
        if self.times[-1] - self.times[0] > LONGEST_MOVIE:
            raise RecordingError(f"a movie of {self.times[-1] - self.times[0]:g} s; are its times seconds?")


@dataclass(frozen=True)
class Session:
    """Everything that was recorded of one mouse.

    Attributes
    ----------
    movies
        In the order in which they were shown.
    responses
        Columns are neurons.
    behavior
        Columns are pupil dilation and running speed, None: not recorded.
    pupil_center
        Two columns, pupil position; None: not recorded.
    decay
        Seconds, of the indicator, where the responses are fluorescence that is still to be deconvolved; else None.
    """

    movies: Sequence[Shown]
    responses: Stream
    behavior: tuple[Stream | None, Stream | None]
    pupil_center: Stream | None
    decay: float | None = None


def at_times(
    known: NDArray[np.float64], values: NDArray[np.float64], times: NDArray[np.float64], shifts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Samples (S, C), taken at times (S,) and by shifts (C,) later, interpolated linearly at times (T,): (C, T)."""
    return np.stack([np.interp(times - shift, known, column) for shift, column in zip(shifts, values.T, strict=True)])


def frame_times(shown: Shown) -> NDArray[np.float64]:
    """Times (T,) at 30 Hz while a movie was shown, from its first frame to the end of its last."""
    interval = float(np.median(np.diff(shown.times))) if len(shown.times) > 1 else 1 / FRAME_RATE
    frames = round((shown.times[-1] - shown.times[0] + interval) * FRAME_RATE)
    return shown.times[0] + np.arange(frames) / FRAME_RATE


def resample_movie(movie: NDArray, times: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float32]:
    """A movie as it stood on the screen at other times, 36 × 64 pixels, each the mean over its area.

    A screen of other proportions is centred in grey, so that nothing is stretched.

    Parameters
    ----------
    movie
        (S, H, W) or in colour (S, H, W, 3), grey levels 0..255.
    times
        (S,), when each frame appeared.
    wanted
        (T,).

    Returns
    -------
    NDArray
        (T, 36, 64).

    Examples
    --------
    >>> shown = np.arange(60) / 60  # seconds, at 60 Hz
    >>> resample_movie(np.full((60, 72, 128), 90), shown, np.arange(30) / 30).shape
    (30, 36, 64)
    """
    tolerance = 1e-3  # clocks are noted to a millisecond
    place = np.clip(np.searchsorted(times, wanted + tolerance, side="right") - 1, 0, len(times) - 1)
    kept, back = np.unique(place, return_inverse=True)
    frames = np.asarray(movie[kept[0] : kept[-1] + 1][kept - kept[0]], dtype=np.float32)
    if frames.ndim == 4:
        frames = frames.mean(axis=-1)
    height, width = frames.shape[1:]
    if (height, width) != (FRAME_HEIGHT, FRAME_WIDTH):
        scale = min(FRAME_HEIGHT / height, FRAME_WIDTH / width)
        down, across = _area(height, FRAME_HEIGHT, scale), _area(width, FRAME_WIDTH, scale)
        covered = np.outer(down.sum(axis=1), across.sum(axis=1))
        frames = (down @ frames @ across.T + (1 - covered) * GREY).astype(np.float32)
    return frames[back]


def _area(given: int, wanted: int, scale: float) -> NDArray[np.float64]:
    """Share (wanted, given) of each new row that an old row fills, if old ones are `scale` high and centred."""
    edges = (wanted - given * scale) / 2 + np.arange(given + 1) * scale
    new = np.arange(wanted)[:, None]
    return np.clip(np.minimum(edges[1:], new + 1) - np.maximum(edges[:-1], new), 0, None)


@dataclass(frozen=True)
class Cut:
    """One trial at 30 Hz: movie (T, 36, 64), responses (N, T), behaviour (2, T), NaN in rows that are missing."""

    movie: NDArray[np.float32]
    responses: NDArray[np.float32]
    behavior: NDArray[np.float32]
    pupil_center: NDArray[np.float32]
    tier: str


def cut(session: Session, shown: Shown) -> Cut | None:
    """A movie and what was recorded meanwhile; None where the responses do not cover it.

    Raises
    ------
    RecordingError
        If frames and their times do not fit.
    """
    times = frame_times(shown)
    if not session.responses.covers(times):
        return None
    frames = shown.load()
    if frames.dtype.kind not in "fiu" or frames.ndim not in (3, 4) or not frames.size:
        raise RecordingError(f"a movie of {frames.dtype}, {frames.shape}: expected numbers (frames, rows, columns)")
    if len(frames) != len(shown.times):
        raise RecordingError(f"a movie of {len(frames)} frames has {len(shown.times)} times")
    missing = np.full((1, len(times)), np.nan)
    signals = [missing if stream is None else stream.at(times) for stream in session.behavior]
    pupil = np.full((2, len(times)), np.nan) if session.pupil_center is None else session.pupil_center.at(times)
    with np.errstate(over="ignore", invalid="ignore"):  # numbers beyond float32 are infinite, and found
        movie = resample_movie(frames, shown.times, times)
        responses = _activity(session, times).astype(np.float32)
        behavior, pupil = (array.astype(np.float32) for array in (np.concatenate(signals), pupil))
    for name, array in (("movie", movie), ("responses", responses)):
        if not (np.abs(array) < LARGEST).all():  # neither is NaN
            raise RecordingError(f"{name} at {times[0]:g} s: expected finite numbers, smaller than {LARGEST:g}")
    behavior[np.abs(behavior) >= LARGEST] = pupil[np.abs(pupil) >= LARGEST] = np.nan
    return Cut(np.clip(movie, 0, 255), responses, behavior, pupil, shown.tier)


def _activity(session: Session, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Responses (N, T); deconvolved where they are fluorescence."""
    stream = session.responses
    if session.decay is None:
        return stream.at(times)
    known, values = stream.part(times[0] - LEAD, times[-1] + 1 / stream.rate)
    baseline = np.percentile(values, BASELINE, axis=0)
    activity = deconvolve((values - baseline).T, float(np.exp(-1 / (session.decay * stream.rate))))
    shifts = np.zeros(values.shape[1]) if stream.shifts is None else stream.shifts
    return at_times(known, activity.T.astype(np.float64) * stream.rate, times, shifts)
