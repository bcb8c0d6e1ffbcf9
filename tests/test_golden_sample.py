"""The golden numbers of the repository are a sample of the whole set; what is kept is compared as before."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from golden_numbers import assert_golden

SCRIPT = Path(__file__).parent / "golden" / "sample.py"
FRAMES, PASSES = 8, "a_video_after_25"


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A made-up set: a movie among others, two clips of 16 frames, and a file that stays as it is."""
    folder, random = tmp_path / "whole", np.random.default_rng(0)
    folder.mkdir()
    movie = random.random((FRAMES, 64, 64)) + 1
    np.savez(folder / "reconstruction.npz", **{PASSES: movie, "video": movie[:, :36], "alpha": movie[0]})
    np.savez(folder / "folds_videos.npz", videos=random.random((2, 36, 64, 16)) + 1)
    clips = [{"clip": clip, "real_frames": 16, "hashed_frames": [1, 4, 7, 10, 13]} for clip in range(2)]
    (folder / "folds.json").write_text(json.dumps({"clips": clips}))
    (folder / "checkpoint.pth").write_bytes(b"weights")
    return folder


def sample_of(whole: Path, out: Path) -> Path:
    out.mkdir()
    subprocess.run([sys.executable, str(SCRIPT), str(whole), str(out)], check=True)
    return out


def test_a_sample_compares_what_it_holds_and_nothing_else(whole: Path, tmp_path: Path) -> None:
    movie = np.load(whole / "reconstruction.npz")[PASSES]
    kept = np.load(sample_of(whole, tmp_path / "out") / "reconstruction.npz")
    assert "video" not in kept.files
    np.testing.assert_array_equal(kept["alpha"], movie[0])
    assert kept[PASSES].shape == (FRAMES, 10, 22)
    for arrays in (kept, np.load(whole / "reconstruction.npz")):
        assert_golden(movie, arrays, PASSES, rtol=0, atol=0)
        for place in ((0, 0, 0), (3, 14, 6), (FRAMES - 1, 63, 63)):
            changed = movie.copy()
            changed[place] += 1e-3
            with pytest.raises(AssertionError, match=PASSES):
                assert_golden(changed, arrays, PASSES, rtol=0, atol=1e-4)
        for wrong in (movie[:-1], movie[:, :, :-1], movie[:, ::7, ::3]):
            with pytest.raises(AssertionError):
                assert_golden(wrong, arrays, PASSES, rtol=0, atol=1)
    changed = movie.copy()
    changed[0, 1, 1] = 0  # between the kept rows and columns
    assert_golden(changed, kept, PASSES, rtol=0, atol=0)


def test_clips_keep_the_frames_that_are_read(whole: Path, tmp_path: Path) -> None:
    before = np.load(whole / "folds_videos.npz")["videos"]
    after = np.load(sample_of(whole, tmp_path / "out") / "folds_videos.npz")["videos"]
    read = [0, 1, 4, 7, 10, 13]
    np.testing.assert_array_equal(after[..., read], before[..., read])
    assert not np.delete(after, read, axis=-1).any()


def test_the_same_bytes_every_time(whole: Path, tmp_path: Path) -> None:
    first, second = sample_of(whole, tmp_path / "first"), sample_of(whole, tmp_path / "second")
    names = sorted(file.name for file in whole.iterdir())
    assert sorted(file.name for file in first.iterdir()) == names
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
