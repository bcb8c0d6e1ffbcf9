"""Movies side by side as mp4: whole-number scaling, the same bytes for the same movies, and a poster of each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import imageio.v3 as iio
import imageio_ffmpeg
import numpy as np
from IPython.display import HTML
from matplotlib import font_manager
from matplotlib.figure import SubFigure
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import binary_erosion

from movrecon_core.plotting.figures import REHEARSAL
from movrecon_core.storage.files import replacing
from movrecon_core.storage.paths import REHEARSAL_MARKER

GAP = 4
"""Pixels between tiles; even, as every place in a frame, so that colours at half resolution stay in their pixel."""
MARGIN_LEFT, MARGIN_TOP = 164, 44
"""Room for the rows' and the columns' names."""
LARGEST_WIDTH, LARGEST_HEIGHT, SMALLEST_WIDTH = 1280, 1080, 640
LARGEST_SCALE = 6
BACKGROUND, INK, STAMP, OUTLINE = (232, 228, 218), (40, 40, 40), (170, 0, 0), (230, 159, 0)
POSTER_SHARE = 0.55
"""Where in a video its poster is taken from."""
_ENCODER = {
    # One thread and no tags of the software: two runs give the same bytes.
    **{"-preset": "veryfast", "-crf": "14", "-threads": "1", "-fflags": "+bitexact", "-flags:v": "+bitexact"},
    **{"-map_metadata": "-1", "-movflags": "+faststart"},  # plays before it is loaded whole
    **{"-colorspace": "bt709", "-color_primaries": "bt709", "-color_trc": "bt709"},
    "-vf": "scale=out_color_matrix=bt709:out_range=tv",
}


@dataclass(frozen=True)
class TiledMovies:
    """Movies in a grid, each pixel a square of whole pixels.

    Attributes
    ----------
    movies
        (rows, columns, T, H, W) grey levels or (rows, columns, T, H, W, 3) colours, 0..255; NaN shows the background.
    rows, columns
        Names at the left and above.
    title
        Above all.
    simulated
        Whether the frames are stamped.
    outlines
        For each row the pixels (H, W), True, whose edge is drawn over its tiles; None, or no entry: nothing is.
    """

    movies: NDArray[np.floating]
    rows: Sequence[str]
    columns: Sequence[str]
    title: str
    simulated: bool
    outlines: Sequence[NDArray[np.bool_] | None] = ()

    @property
    def frames(self) -> int:
        return int(self.movies.shape[2])

    @property
    def scale(self) -> int:
        """Even number of video pixels for a pixel, as large as the grid allows, at least 2."""
        height, width = self.movies.shape[3:5]
        across = ((LARGEST_WIDTH - MARGIN_LEFT) // len(self.columns) - GAP) // width
        down = ((LARGEST_HEIGHT - MARGIN_TOP) // len(self.rows) - GAP) // height
        return int(np.clip(min(across, down) // 2 * 2, 2, LARGEST_SCALE))

    def place(self, row: int, column: int) -> tuple[slice, slice]:
        """Rows and columns of a frame that a tile fills."""
        height, width = (side * self.scale for side in self.movies.shape[3:5])
        top, left = MARGIN_TOP + row * (height + GAP), MARGIN_LEFT + column * (width + GAP)
        return slice(top, top + height), slice(left, left + width)

    def frame(self, index: int) -> NDArray[np.uint8]:
        """One frame (height, width, 3), both even."""
        frame = self._names.copy()
        for row in range(len(self.rows)):
            for column in range(len(self.columns)):
                tile = self.movies[row, column, index]
                colours = tile if tile.ndim == 3 else np.repeat(tile[..., None], 3, axis=-1)
                colours = np.where(np.isnan(colours), BACKGROUND, np.clip(np.round(colours), 0, 255)).astype(np.uint8)
                tile = self._enlarged(colours)
                tile[self._edges[row]] = OUTLINE
                frame[self.place(row, column)] = tile
        return frame

    def _enlarged(self, picture: NDArray) -> NDArray:
        return picture.repeat(self.scale, axis=0).repeat(self.scale, axis=1)

    @cached_property
    def _edges(self) -> list[NDArray[np.bool_]]:
        """For each row the video pixels (H, W) of its outline, two wide as colours are at half resolution."""
        nothing = np.zeros(self.movies.shape[3:5], bool)
        given = [*self.outlines, *[None] * (len(self.rows) - len(self.outlines))]
        masks = [self._enlarged(nothing if mask is None else mask) for mask in given]
        return [mask & ~binary_erosion(mask, iterations=2, border_value=1) for mask in masks]

    @property
    def poster(self) -> NDArray[np.uint8]:
        """The frame that stands for the video."""
        return self.frame(int(POSTER_SHARE * self.frames))

    @cached_property
    def _names(self) -> NDArray[np.uint8]:
        """A frame without tiles."""
        rows, columns = self.place(len(self.rows) - 1, len(self.columns) - 1)
        height, width = rows.stop + GAP, max(columns.stop + GAP, SMALLEST_WIDTH)
        image = Image.new("RGB", (width + width % 2, height + height % 2), BACKGROUND)
        draw = ImageDraw.Draw(image)
        draw.text((8, 4), self.title, INK, _font(15))
        if self.simulated:
            draw.text((image.width - 8, 4), "simulated data", STAMP, _font(15), anchor="ra")
        for column, name in enumerate(self.columns):
            across = self.place(0, column)[1]
            draw.text(((across.start + across.stop) / 2, MARGIN_TOP - 5), name, INK, _font(12), anchor="ms")
        for row, name in enumerate(self.rows):
            down = self.place(row, 0)[0]
            draw.text((MARGIN_LEFT - 8, (down.start + down.stop) / 2), name, INK, _font(12), anchor="rm")
        return np.asarray(image)


def save_video(movies: TiledMovies, name: str, folder: Path | str, frame_rate: float) -> Path:
    """Write an mp4 (H.264, yuv420p) and its poster, ``<name>.mp4`` and ``<name>.png``.

    Parameters
    ----------
    movies
        What is shown.
    name
        Of the files.
    folder
        Where they go.
    frame_rate
        Frames a second.

    Returns
    -------
    Path
        Of the mp4.
    """
    path = Path(folder) / f"{name}.mp4"
    if (Path(folder) / REHEARSAL_MARKER).is_file():
        movies = replace(movies, title=REHEARSAL)
    poster = movies.poster
    with replacing(path) as temporary:
        writer = imageio_ffmpeg.write_frames(
            str(temporary),
            poster.shape[1::-1],
            fps=frame_rate,
            codec="libx264",
            quality=None,
            macro_block_size=2,
            output_params=[part for option in _ENCODER.items() for part in option],
        )
        writer.send(None)
        for index in range(movies.frames):
            writer.send(movies.frame(index))
        writer.close()
    with replacing(path.with_suffix(".png")) as temporary:
        iio.imwrite(temporary, poster, extension=".png")
    return path


def show_video(name: str, alt: str) -> HTML:
    """A player for a video in the folder of figures beside the page's own folder; nothing is asked of the network.

    Parameters
    ----------
    name
        As for `save_video`.
    alt
        What the video shows, for who cannot see it; without double quotes.
    """
    return HTML(
        f'<video controls loop muted playsinline preload="metadata" width="100%" poster="../figures/{name}.png" '
        f'aria-label="{alt}"><source src="../figures/{name}.mp4" type="video/mp4">{alt}</video>'
    )


def plot_poster(panel: SubFigure, movies: TiledMovies) -> None:
    """A video's poster as a panel of a figure."""
    axes = panel.subplots()
    axes.imshow(movies.poster, interpolation="antialiased")
    axes.set_axis_off()


def _font(size: int) -> ImageFont.FreeTypeFont:
    """The figures' font, which comes with matplotlib."""
    return ImageFont.truetype(font_manager.findfont("DejaVu Sans"), size)
