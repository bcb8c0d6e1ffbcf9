"""The unit of the responses decides nothing but in the published method, whose offset is made for one unit."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from example_recording import FRAMES, NEURONS, write_example

from movrecon_core.encoders.training import TrainingConfig, train_encoder
from movrecon_core.reconstruction import (
    MaskConfig,
    ReconstructionConfig,
    Segment,
    Target,
    fast_config,
    reconstruct,
    train_mask,
)
from movrecon_core.recordings import Recording

SMALL = {"readout_outputs": (NEURONS,), "features": (4, 4), "temporal_kernel": 2, "behavior_features": 2}
QUICK = TrainingConfig(
    batch=4, segments_per_epoch=24, warm_up_epochs=1, cosine_epochs=2, segment_frames=20, ema_decay=0.9
)
FAST = dataclasses.replace(fast_config(None), iterations=6, left_out=0.0, precision=None)


def found(folder: Path, factor: float, method: ReconstructionConfig, mask: MaskConfig) -> dict[str, np.ndarray]:
    """What a recording leads to, from the training on, if its responses are so many times larger."""
    recording = Recording(write_example(folder / "mouse"))
    for file in (recording.path / "data" / "responses").glob("*.npy"):
        np.save(file, np.load(file) * np.float32(factor))
    trials = recording.trials_of_tier("train")
    encoder = train_encoder([recording], [trials], "factorised", SMALL, QUICK, 3, folder / "encoder.pth")
    trial, other = recording.trial(8), recording.trial(9)
    segments = [Segment(t.movie, t.behavior, t.pupil_center, t.responses) for t in (trial, other)]
    alpha = train_mask(encoder, 0, segments, mask)
    target = Target(trial.responses, trial.behavior, trial.pupil_center, np.ones((64, 64), bool))
    (movie,) = reconstruct([encoder], 0, [target], method)
    return {"alpha": alpha, "movie": movie.movie}


@pytest.mark.parametrize("factor", [1e-2, 1e2])
def test_outside_the_published_method_any_unit_gives_the_same(tmp_path: Path, factor: float) -> None:
    mask = MaskConfig(iterations=10, norm_offset=0.0)
    one, other = (found(tmp_path / str(f), f, FAST, mask) for f in (1.0, factor))
    assert one["movie"].shape == (FRAMES, 64, 64)
    assert one["movie"].std() > 0.5
    assert np.corrcoef(one["movie"].ravel(), other["movie"].ravel())[0, 1] > 0.9999
    np.testing.assert_allclose(other["alpha"], one["alpha"], atol=1e-3 * np.ptp(one["alpha"]))


def test_the_published_offset_makes_small_responses_change_less(tmp_path: Path) -> None:
    """Divided by (norm + 1e-6): where the gradient is a millionth as large, the step is about half."""
    published = ReconstructionConfig(iterations=2, warm_up=0, window_frames=None)
    free = dataclasses.replace(published, norm_offset=0.0)
    mask = MaskConfig(iterations=2)
    as_published = found(tmp_path / "published", 1e-4, published, mask)["movie"]
    without = found(tmp_path / "free", 1e-4, free, mask)["movie"]
    step, whole = np.abs(as_published - 127.5).max(), np.abs(without - 127.5).max()
    assert 0 < step < 0.99 * whole
