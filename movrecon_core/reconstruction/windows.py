"""Which windows of a movie the objective looks at."""

from dataclasses import dataclass

import numpy as np

from movrecon_core.encoders.base import Encoder
from movrecon_core.errors import ReconstructionError


def window_starts(frames: int, window_frames: int | None, stride: int) -> tuple[int, ...]:
    """First frames of all windows.

    Windows start every `stride` frames, and one more ends at the last frame. As in the published scripts it can
    repeat the one before it, which then counts twice (method page, reconstruction: 35 windows for 300 frames).

    Parameters
    ----------
    frames
        Length of the movie.
    window_frames
        Length of a window; None: the movie is one window.
    stride
        Frames between two starts.

    Raises
    ------
    ReconstructionError
        If the movie is shorter than a window.
    """
    if window_frames is None:
        return (0,)
    last = frames - window_frames
    if last < 0:
        raise ReconstructionError(
            f"a movie of {frames} frames is shorter than a window of {window_frames}; lower window_frames"
        )
    return (*range(0, last + 1, stride), last)


def tiled_starts(frames: int, window_frames: int, offset: int) -> tuple[int, ...]:
    """First frames of windows that lie end to end from some offset on; those at the ends are moved inside the movie.

    Parameters
    ----------
    frames
        Length of the movie, at least a window's.
    window_frames
        Length of a window.
    offset
        Where one of the windows starts, 0 to `window_frames` - 1.

    Returns
    -------
    tuple of int
        As many for every offset; every frame is in one of them.
    """
    count = -(-frames // window_frames) + 1
    starts = offset + window_frames * (np.arange(count) - 1)
    return tuple(int(start) for start in np.clip(starts, 0, frames - window_frames))


@dataclass(frozen=True)
class WindowPlan:
    """Windows of one iteration: a window that repeats another is computed once and counted twice.

    Attributes
    ----------
    starts
        First frames, each once.
    repeats
        How often each counts.
    history
        For every window as it was asked for, its place in `starts`.
    counts
        (T,), in how many windows each frame is; at least 1, as a frame in none keeps its grey.
    """

    starts: tuple[int, ...]
    repeats: tuple[int, ...]
    history: tuple[int, ...]
    counts: tuple[int, ...]

    def places(self, k: int) -> list[int]:
        """Where the k-th of `starts` stands among the windows as they were asked for."""
        return [place for place, window in enumerate(self.history) if window == k]


def plan_windows(starts: tuple[int, ...], frames: int, window_frames: int) -> WindowPlan:
    """Arrange the windows of one iteration."""
    unique = tuple(dict.fromkeys(starts))
    covered = np.zeros(frames, dtype=int)
    for start in starts:
        covered[start : start + window_frames] += 1
    return WindowPlan(
        unique,
        tuple(starts.count(start) for start in unique),
        tuple(unique.index(start) for start in starts),
        tuple(int(count) for count in np.maximum(covered, 1)),
    )


def check_window(encoder: Encoder, frames: int) -> None:
    """Make sure that an encoder can see a window as its interleaved stacks.

    Raises
    ------
    ReconstructionError
        If the window is longer than the encoder's stacks, or they would differ in length.
    """
    step = encoder.stack_step
    if encoder.stack_frames is not None and frames > encoder.stack_frames * step:
        raise ReconstructionError(
            f"a window of {frames} frames is longer than the encoder's stacks ({encoder.stack_frames} frames, "
            f"step {step}); set window_frames to at most {encoder.stack_frames * step}"
        )
    if frames % step:
        raise ReconstructionError(
            f"a window of {frames} frames cannot be cut into {step} equal interleaved stacks; "
            f"set window_frames to a multiple of {step}"
        )
