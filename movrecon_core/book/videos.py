"""Videos 1–4: which movies stand where, as the article's legends say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from movrecon_core.analysis import SKIPPED_FRAMES, match_contrast_luminance, match_mean_image, video_correlation
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.figures.fig4_gaussian_noise import SQUARE
from movrecon_core.figures.fig6_error_maps import movie_errors
from movrecon_core.figures.published import published
from movrecon_core.figures.rows import Row
from movrecon_core.figures.synthetic import Shown, Stimulus, of_one_mouse, shown_stimuli
from movrecon_core.plotting.error_maps import error_colours
from movrecon_core.plotting.videos import TiledMovies
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.stimuli import GratingStimulus, NoiseStimulus
from movrecon_core.study.conditions import Condition, Movie
from movrecon_core.study.study import Study

HALF_SPEED = FRAME_RATE / 2  # article, Video 4


@dataclass(frozen=True)
class Video:
    """A video and the values that describe its tiles.

    Attributes
    ----------
    movies
        What is shown.
    frame_rate
        Frames a second.
    table
        One row a movie: ``row``, ``column`` (from 1, where its truth stands), what it is, and its measure.
    """

    movies: TiledMovies
    frame_rate: float
    table: pd.DataFrame


def natural_video(study: Study) -> Video:
    """Video 1: odd rows the movies that were shown, even rows their reconstructions, smoothed, masked and matched.

    The edge of the evaluation mask is drawn over both.
    """
    tiles, names, rows, outlines = [], [], [], []
    for place, mouse in enumerate(study.reconstructed_mice):
        trials = study.trials.reconstructed(mouse)
        pairs = [_pair(study, mouse, trial, Condition()) for trial in trials]
        tiles += [[truth for truth, _, _ in pairs], [found for _, found, _ in pairs]]
        names += [f"{study.label(mouse)}, true", "reconstructed"]
        outlines += [crop_movie(study.results.evaluation_mask(mouse))] * 2
        for column, (trial, (_, _, value)) in enumerate(zip(trials, pairs, strict=True)):
            rows.append((2 * place + 1, column + 1, study.label(mouse), trial, value))
    table = pd.DataFrame(rows, columns=["row", "column", "mouse", "trial", "video_correlation"])
    columns = [f"movie {column}" for column in range(1, table["column"].max() + 1)]
    title = "Video 1: natural movies"
    return Video(TiledMovies(_grid(tiles), names, columns, title, study.simulated, outlines), FRAME_RATE, table)


def noise_video(study: Study, target: str, mouse: int) -> Video:
    """Video 2: noise movies above their reconstructions; rows by length constant, columns by time constant.

    All samples, in both phases, follow one another.

    Parameters
    ----------
    study
        With reconstructions of noise.
    target
        Whose predictions are the target: ``same instance`` (scripts) or ``ensemble`` (article).
    mouse
        Place among the mice that noise was reconstructed for.
    """
    shown = of_one_mouse(shown_stimuli(study, NoiseStimulus), target, mouse)
    cells: dict[tuple[float, float], list[Shown[NoiseStimulus]]] = {}
    for one in shown:
        cells.setdefault((one.stimulus.length, one.stimulus.duration), []).append(one)
    title = f"Video 2: Gaussian noise, {study.label(shown[0].mouse)}"
    labels = ("{:g} px", "{:g} frames")
    return _stimulus_video(study, cells, ("length", "duration"), labels, title, SQUARE)


def grating_video(study: Study, target: str, mouse: int) -> Video:
    """Video 3: gratings above their reconstructions, all directions in turn; rows and columns by frequency.

    Parameters
    ----------
    study, target, mouse
        As for `noise_video`.
    """
    shown = of_one_mouse(shown_stimuli(study, GratingStimulus), target, mouse)
    cells: dict[tuple[float, float], list[Shown[GratingStimulus]]] = {}
    for one in shown:
        cells.setdefault((-one.stimulus.spatial_frequency, -one.stimulus.temporal_frequency), []).append(one)
    title = f"Video 3: drifting gratings, {study.label(shown[0].mouse)}"
    labels = ("{:g} cycles/px", "{:g} Hz")
    return _stimulus_video(study, cells, ("spatial_frequency", "temporal_frequency"), labels, title, slice(None))


def error_video(study: Study) -> Video:
    """Video 4: error maps in hot and cold over the true movies, one row a mouse, at half speed."""
    tiles, names, rows = [], [], []
    for place, mouse in enumerate(study.reconstructed_mice):
        trials = study.trials.reconstructed(mouse)
        errors = [movie_errors(study, mouse, trial) for trial in trials]
        truths = [study.movie(mouse, trial) for trial in trials]
        tiles.append([255 * error_colours(truth, error) for truth, error in zip(truths, errors, strict=True)])
        names.append(study.label(mouse))
        for column, (trial, error) in enumerate(zip(trials, errors, strict=True)):
            size = float(np.nanmean(np.abs(error[SKIPPED_FRAMES:])))
            rows.append((place + 1, column + 1, study.label(mouse), trial, size))
    table = pd.DataFrame(rows, columns=["row", "column", "mouse", "trial", "mean_absolute_error"])
    columns = [f"movie {column}" for column in range(1, table["column"].max() + 1)]
    title = "Video 4: error maps, half speed"
    return Video(TiledMovies(_grid(tiles), names, columns, title, study.simulated), HALF_SPEED, table)


def rows(videos: Mapping[int, Video]) -> Iterator[Row]:
    """How much the videos show.

    Parameters
    ----------
    videos
        By number.
    """
    theirs = published("videos")
    natural = videos[1].table
    yield Row("videos", "mice in Video 1", "count", theirs["natural"]["mice"], natural["mouse"].nunique())
    yield Row("videos", "movies in Video 1", "count", theirs["natural"]["movies"], len(natural))
    yield Row("videos", "noise stimuli in Video 2", "count", theirs["noise_stimuli"], len(videos[2].table))
    yield Row("videos", "gratings in Video 3", "count", theirs["gratings"], len(videos[3].table))
    speed = videos[4].frame_rate / videos[1].frame_rate
    yield Row("videos", "speed of Video 4", "count", theirs["error_map_speed"], speed)


def _stimulus_video(
    study: Study,
    cells: Mapping[tuple[float, float], Sequence[Shown[Stimulus]]],
    names: tuple[str, str],
    labels: tuple[str, str],
    title: str,
    side: slice,
) -> Video:
    """A grid of stimuli, each above its reconstruction; several stimuli of a cell follow one another."""
    downs, acrosses = (sorted({cell[axis] for cell in cells}) for axis in (0, 1))
    tiles: list[list[NDArray[np.floating]]] = []
    rows = []
    for i, down in enumerate(downs):
        truths, founds = [], []
        for j, across in enumerate(acrosses):
            pairs = [_pair(study, *one) for one in cells[down, across]]
            truths.append(np.concatenate([truth for truth, _, _ in pairs])[..., side])
            founds.append(np.concatenate([found for _, found, _ in pairs])[..., side])
            value = float(np.mean([value for _, _, value in pairs]))
            rows.append((2 * i + 1, j + 1, abs(down), abs(across), value))
        tiles += [truths, founds]
    sides = [text for down in downs for text in (f"{labels[0].format(abs(down))}, true", "reconstructed")]
    tops = [labels[1].format(abs(across)) for across in acrosses]
    table = pd.DataFrame(rows, columns=["row", "column", *names, "video_correlation"])
    return Video(TiledMovies(_grid(tiles), sides, tops, title, study.simulated), FRAME_RATE, table)


def _pair(
    study: Study, mouse: int, movie: Movie, condition: Condition
) -> tuple[NDArray[np.floating], NDArray[np.floating], float]:
    """A movie, its reconstruction with the movie's contrast and luminance in the mask, and their correlation.

    Natural movies get the contrast of the mean image (scripts); that of a grating has none.
    """
    judged = study.results.judged(mouse, movie, condition)
    match = match_mean_image if isinstance(movie, int) else match_contrast_luminance
    return judged.truth, match(judged.reconstruction, *judged[::2]), video_correlation(*judged.evaluated)


def _grid(tiles: Sequence[Sequence[NDArray[np.floating]]]) -> NDArray[np.float32]:
    """Tiles as one array, cut to the shortest; NaN where a row has fewer."""
    frames = min(len(movie) for row in tiles for movie in row)
    columns = max(map(len, tiles))
    grid = np.full((len(tiles), columns, frames, *tiles[0][0].shape[1:]), np.nan, dtype=np.float32)
    for i, row in enumerate(tiles):
        for j, movie in enumerate(row):
            grid[i, j] = movie[:frames]
    return grid
