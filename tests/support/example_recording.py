"""A small recording of random numbers, for tests of what reads, checks and splits recordings."""

from pathlib import Path

import numpy as np

from movrecon_core.recordings.writer import recording_writer

TRIALS, NEURONS, FRAMES = 10, 5, 84


def write_example(path: Path, trials: int = TRIALS, seed: int = 0) -> Path:
    """Write a recording whose last two trials are of tier `oracle`, and return its directory."""
    rng = np.random.default_rng(seed)
    with recording_writer(path) as writer:
        for trial in range(trials):
            writer.movie(trial, rng.integers(0, 256, (FRAMES, 36, 64)).astype(np.float32))
            writer.signal("responses", trial, rng.random((NEURONS, FRAMES)))
            writer.signal("behavior", trial, rng.random((2, FRAMES)))
            writer.signal("pupil_center", trial, rng.random((2, FRAMES)))
        tiers = ["train"] * (trials - 2) + ["oracle"] * 2
        writer.metadata(tiers, np.arange(1, NEURONS + 1), rng.random((NEURONS, 3)))
    return path
