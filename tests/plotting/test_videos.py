"""Videos: what stands where, what a player decodes, the same bytes for the same movies."""

import re
import subprocess
from pathlib import Path

import imageio.v3 as iio
import imageio_ffmpeg
import numpy as np
import pytest
from synthetic_study import SyntheticStudy

from movrecon_core import plotting
from movrecon_core.book import videos
from movrecon_core.plotting.error_maps import error_colours
from movrecon_core.plotting.videos import BACKGROUND, TiledMovies
from movrecon_core.study.conditions import PREDICTED, RECORDED

RANDOM = np.random.default_rng(0)
TOLERANCE = 20
"""Grey levels by which a decoded pixel may differ: the encoding is lossy."""


@pytest.fixture(scope="module")
def study():
    return SyntheticStudy(mice=2)


def smooth_tiles(rows: int, columns: int, frames: int) -> np.ndarray:
    y, x = np.mgrid[:36, :64]
    tiles = np.empty((rows, columns, frames, 36, 64), dtype=np.float32)
    for i, j, t in np.ndindex(rows, columns, frames):
        tiles[i, j, t] = 127 + 100 * np.sin((x * (1 + j) + 3 * t) / 15) * np.cos(y * (1 + i) / 12)
    return tiles


def decoded(path: Path, shape: tuple[int, ...]) -> tuple[str, np.ndarray]:
    """What ffmpeg says of a file, and its frames."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, capture_output=True, check=True, stdin=subprocess.DEVNULL)
    return done.stderr.decode(), np.frombuffer(done.stdout, np.uint8).reshape(-1, *shape)


def test_a_player_decodes_what_was_shown(tmp_path):
    movies = TiledMovies(smooth_tiles(2, 3, 12), ["a", "b"], ["1", "2", "3"], "title", True)
    path = plotting.save_video(movies, "v", tmp_path, 30)
    said, frames = decoded(path, movies.frame(0).shape)
    assert re.search(r"Video: h264 .*yuv420p.* 30 fps", said)
    assert len(frames) == 12
    assert frames.shape[1] % 2 == frames.shape[2] % 2 == 0
    for index in (0, 7, 11):
        for i, j in np.ndindex(2, 3):
            place = movies.place(i, j)
            difference = frames[index][place].astype(int) - movies.frame(index)[place]
            assert np.abs(difference).max() <= TOLERANCE
            assert np.abs(difference).mean() < 3


def test_pixels_are_whole_squares_at_even_places():
    tiles = RANDOM.uniform(0, 255, (3, 4, 2, 36, 64))
    movies = TiledMovies(tiles, list("abc"), list("1234"), "title", False)
    frame, scale = movies.frame(1), movies.scale
    assert scale % 2 == 0
    assert frame.shape[0] % 2 == frame.shape[1] % 2 == 0
    for i, j in np.ndindex(3, 4):
        rows, columns = movies.place(i, j)
        assert rows.start % 2 == columns.start % 2 == 0
        tile = frame[rows, columns]
        assert tile.shape == (36 * scale, 64 * scale, 3)
        np.testing.assert_array_equal(
            tile, np.kron(np.round(tiles[i, j, 1]), np.ones((scale, scale)))[..., None] + [0] * 3
        )


def test_tiles_that_are_missing_show_the_background():
    tiles = smooth_tiles(1, 2, 1)
    tiles[0, 1] = np.nan
    movies = TiledMovies(tiles, ["a"], ["1", "2"], "title", False)
    assert (movies.frame(0)[movies.place(0, 1)] == BACKGROUND).all()


def test_simulated_frames_are_stamped():
    frames = [TiledMovies(smooth_tiles(1, 1, 1), ["a"], ["1"], "t", stamp).frame(0) for stamp in (True, False)]
    assert (frames[0] != frames[1]).any()
    red = (frames[0][..., 0].astype(int) - frames[0][..., 1] > 100).any()
    assert red
    assert not (frames[1][..., 0].astype(int) - frames[1][..., 1] > 100).any()


def test_same_movies_same_bytes_and_a_poster(tmp_path):
    movies = TiledMovies(smooth_tiles(1, 2, 8), ["a"], ["1", "2"], "title", False)
    for folder in ("a", "b"):
        plotting.save_video(movies, "v", tmp_path / folder, 15)
    for name in ("v.mp4", "v.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    np.testing.assert_array_equal(iio.imread(tmp_path / "a" / "v.png"), movies.poster)
    assert not list(tmp_path.rglob("*.tmp.*"))


def test_large_grids_still_fit():
    assert TiledMovies(np.zeros((14, 7, 1, 36, 36)), ["r"] * 14, ["c"] * 7, "t", False).scale == 2
    assert TiledMovies(np.zeros((10, 10, 1, 36, 64)), ["r"] * 10, ["c"] * 10, "t", False).scale == 2
    assert TiledMovies(np.zeros((1, 1, 1, 36, 64)), ["r"], ["c"], "t", False).scale == 6


def test_player_asks_nothing_of_the_network():
    text = plotting.show_video("video_1", "What it shows.").data
    addresses = re.findall(r'(?:src|poster)="([^"]+)"', text)
    assert addresses == ["../figures/video_1.png", "../figures/video_1.mp4"]
    assert 'aria-label="What it shows."' in text


def test_natural_movies_stand_above_their_reconstructions(study):
    video = videos.natural_video(study)
    assert video.movies.movies.shape == (4, 2, 90, 36, 64)
    np.testing.assert_array_equal(video.movies.movies[2, 1], study.trial(1, 6).movie[:90])  # cut to the shortest
    found = study.results.reconstruction(1, 6, RECORDED)
    mask = study.results.evaluation_mask(1)[14:50]
    truth, shown = (movie[:, mask].astype(float) for movie in (study.trial(1, 6).movie, video.movies.movies[3, 1]))
    assert shown.mean() == pytest.approx(truth[:90].mean(), abs=1)
    assert np.corrcoef(shown.ravel(), found[:90, mask].ravel())[0, 1] > 0.98
    assert (video.movies.movies[3, 1][:, ~mask] == 127.5).all()
    expected = np.corrcoef(truth[30:].ravel(), found[30:, mask].ravel())[0, 1]
    assert video.table.query("mouse == 'mouse 2' and trial == 6")["video_correlation"].item() == pytest.approx(expected)
    assert video.frame_rate == 30


def test_stimuli_stand_in_their_order(study):
    noise = videos.noise_video(study, "same instance", 0)
    assert noise.movies.movies.shape == (4, 2, 4 * 60, 36, 36)  # two samples in both phases
    assert noise.movies.rows[::2] == ["0.5 px, true", "4 px, true"]
    first = next(s for s in study.noise if (s.length, s.duration, s.sample, s.inverted) == (4.0, 0.5, 0, False))
    np.testing.assert_array_equal(noise.movies.movies[2, 0, :60], study.movie(0, first)[:, :, 14:50])
    last = next(s for s in study.noise if (s.length, s.duration, s.sample, s.inverted) == (4.0, 0.5, 1, True))
    np.testing.assert_array_equal(noise.movies.movies[2, 0, 180:], study.movie(0, last)[:, :, 14:50])

    gratings = videos.grating_video(study, "ensemble", 0)
    assert gratings.movies.movies.shape == (4, 3, 120, 36, 64)  # both directions in turn
    assert gratings.movies.columns == ["15 Hz", "7.5 Hz", "1.875 Hz"]
    assert gratings.movies.rows[0] == "0.125 cycles/px, true"
    upwards = next(
        s for s in study.gratings if (s.direction, s.spatial_frequency, s.temporal_frequency) == (90, 0.125, 15)
    )
    np.testing.assert_array_equal(gratings.movies.movies[0, 0, 60:], study.movie(0, upwards))


def test_errors_in_colours_over_grey_at_half_speed(study):
    video = videos.error_video(study)
    assert (video.frame_rate, video.movies.movies.shape) == (15, (2, 2, 90, 36, 64, 3))
    truth = study.trial(0, 5).movie
    error = study.results.reconstruction(0, 5, RECORDED).astype(float) - study.results.reconstruction(0, 5, PREDICTED)
    mask = study.results.evaluation_mask(0)[14:50]
    shown = video.movies.movies[0, 0]
    calm = ~mask | (np.abs(error) < 25)
    np.testing.assert_allclose(shown[calm], np.repeat(truth[calm][:, None], 3, axis=1), atol=1e-3)
    hot, cold = mask & (error > 30), mask & (error < -30)
    assert (shown[hot][:, 0] >= shown[hot][:, 2]).all()
    assert (shown[cold][:, 2] >= shown[cold][:, 0]).all()
    assert video.table["mean_absolute_error"].iloc[0] == pytest.approx(np.abs(error[30:, mask]).mean(), rel=1e-5)


def test_error_colours_in_closed_form():
    black = np.zeros((1, 5))
    error = np.array([[0.0, 75.0, -75.0, 25 + 50 / 3, np.nan]])
    expected = [[0, 0, 0], [1, 1, 1], [1, 1, 1], [1, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(error_colours(black, error)[0], expected, atol=1e-9)
    np.testing.assert_allclose(error_colours(black, -error)[0, 3], [0, 0, 1], atol=1e-9)


def test_the_edge_of_a_mask_is_drawn_and_nothing_else_changes() -> None:
    mask = np.zeros((36, 64), bool)
    mask[10:20, 30:50] = True
    tiles = smooth_tiles(2, 1, 1)
    plain = TiledMovies(tiles, ["a", "b"], ["1"], "t", False)
    changed = (plain.frame(0) != TiledMovies(tiles, ["a", "b"], ["1"], "t", False, (None, mask)).frame(0)).any(axis=-1)
    height, width = 10 * plain.scale, 20 * plain.scale
    assert changed.sum() == height * width - (height - 4) * (width - 4)  # two video pixels along each side
    (down, across), (rows, columns) = np.nonzero(changed), plain.place(1, 0)
    assert (down.min() - rows.start, down.max() + 1 - rows.start) == (10 * plain.scale, 20 * plain.scale)
    assert (across.min() - columns.start, across.max() + 1 - columns.start) == (30 * plain.scale, 50 * plain.scale)
