"""Which windows of a movie the objective looks at."""

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
