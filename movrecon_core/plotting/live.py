"""A reconstruction on screen while it is found, and movies that play in a notebook."""

import io
import tempfile
from pathlib import Path

import numpy as np
from IPython.display import DisplayHandle, Image, Video
from numpy.typing import NDArray
from PIL import Image as Picture

from movrecon_core.plotting.videos import TiledMovies, save_video

SHOWN_FRAMES = 5
"""Frames of a movie that the preview shows, spread over it."""


class LivePreview:
    """Shows a movie above what is found of it so far; give it to `reconstruct` as ``on_iteration``.

    Parameters
    ----------
    truth
        (T, 36, 64), the movie that was shown.
    pixels
        (36, 64) bool, those that the neurons see; their edge is drawn.
    frame_rate
        Frames a second.
    simulated
        Whether the recording was; it is written above.
    """

    def __init__(
        self, truth: NDArray[np.floating], pixels: NDArray[np.bool_], frame_rate: float, simulated: bool
    ) -> None:
        self._frames = np.linspace(0, len(truth) - 1, SHOWN_FRAMES + 2).round().astype(int)[1:-1]
        self._truth, self._pixels, self._simulated = truth, pixels, simulated
        self._columns = [f"{frame / frame_rate:.1f} s" for frame in self._frames]
        self._handle = DisplayHandle()
        self.shown: Image | None = None

    def __call__(self, iteration: int, movie: NDArray[np.floating]) -> None:
        """Show the movie (T, 36, 64) after so many iterations."""
        rows = np.stack([self._truth[self._frames], movie[self._frames]])[:, :, None]  # (2, frames, 1, 36, 64)
        title = f"iteration {iteration}"
        outlines = [self._pixels] * 2
        tiles = TiledMovies(rows, ("shown", "found"), self._columns, title, self._simulated, outlines)
        png = io.BytesIO()
        Picture.fromarray(tiles.frame(0)).save(png, "PNG")
        alt = "Frames of the movie that was shown, and below each what is found of it so far."
        shown = Image(data=png.getvalue(), alt=alt)
        if self.shown is None:
            self._handle.display(shown)
        else:
            self._handle.update(shown)
        self.shown = shown


def play(movies: TiledMovies, frame_rate: float) -> Video:
    """A player for movies, which are part of the notebook: the last line of a cell."""
    with tempfile.TemporaryDirectory() as folder:
        path = save_video(movies, "movie", Path(folder), frame_rate)
        whole = 'controls loop muted style="max-width: 100%; height: auto"'  # however narrow the page is
        return Video(data=path.read_bytes(), mimetype="video/mp4", embed=True, html_attributes=whole)


def pair(
    truth: NDArray[np.floating], movie: NDArray[np.floating], pixels: NDArray[np.bool_], simulated: bool
) -> TiledMovies:
    """A movie beside its reconstruction, each (T, 36, 64), with the edge of the pixels (36, 64) that are judged."""
    tiles = np.stack([truth, movie])[None]  # (1, 2, T, 36, 64)
    return TiledMovies(tiles, ("",), ("shown", "found"), "", simulated, [pixels])
