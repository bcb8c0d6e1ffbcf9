"""Single-trial correlation as the article's was measured, against a loop over stacks in plain numpy."""

import numpy as np
import torch
from example_recording import write_example

from movrecon_core.analysis.encoder_quality import evaluation
from movrecon_core.encoders.checkpoints import build_encoder, load_checkpoint
from movrecon_core.encoders.inputs import encoder_inputs
from movrecon_core.encoders.prediction import predict, predict_windows
from movrecon_core.recordings import Recording, Trial


def trials(neurons: int, count: int = 2) -> list[Trial]:
    random = np.random.default_rng(1)
    return [
        Trial(
            "made-up",
            index,
            random.uniform(0, 255, (97 + index, 36, 64)).astype(np.float32),
            random.gamma(1, 1, (neurons, 97 + index)).astype(np.float32),
            *random.random((2, 2, 97 + index)).astype(np.float32),
        )
        for index in range(count)
    ]


def test_windows_are_single_stacks_end_to_end(golden):
    """Frames 0, 2, … 30 from frames 0 to 30, then 31, 33, … 61, then 62, … 92; the rest of 97 frames is left."""
    encoders = [load_checkpoint(golden / name) for name in ("checkpoint.pth", "checkpoint_2.pth")]
    shown = trials(31)
    recorded, predicted = [], [[], []]
    for trial in shown:
        movie = np.zeros((5, trial.frames, 64, 64), np.float32)
        movie[0, :, 14:50] = trial.movie
        movie[1:3], movie[3:] = trial.behavior[..., None, None], trial.pupil_center[..., None, None]
        for start in (0, 31, 62):
            frames = np.arange(start, start + 31, 2)
            assert len(frames) == 16
            recorded.append(trial.responses[:, frames])
            for encoder, found in zip(encoders, predicted, strict=True):
                with torch.inference_mode():
                    found.append(encoder(torch.from_numpy(movie[None, :, frames]), 1)[0].numpy())
    truth = np.concatenate(recorded, axis=1)
    each = np.stack([np.concatenate(found, axis=1) for found in predicted])
    found = evaluation(shown, encoders, 1)
    for instance in (0, 1):
        expected = [np.corrcoef(*pair)[0, 1] for pair in zip(truth, each[instance], strict=True)]
        np.testing.assert_allclose(found["window_correlation"][instance], expected, atol=1e-5)
    expected = [np.corrcoef(*pair)[0, 1] for pair in zip(truth, each.mean(axis=0), strict=True)]
    np.testing.assert_allclose(found["window_ensemble_correlation"], expected, atol=1e-5)
    assert not np.allclose(found["correlation"], found["window_correlation"], atol=1e-3)


def test_an_encoder_of_any_length_sees_windows_of_31_frames(tmp_path):
    encoder = build_encoder("factorised", {"readout_outputs": (5,), "features": (4, 4), "temporal_kernel": 2}).eval()
    trial = Recording(write_example(tmp_path / "mouse")).trial(0)
    inputs = encoder_inputs(trial.movie, trial.behavior, trial.pupil_center)
    frames, found = predict_windows(encoder, inputs, 0)
    np.testing.assert_array_equal(frames, [*range(0, 31, 2), *range(31, 62, 2)])
    expected = torch.cat([predict(encoder, inputs[:, s : s + 31], 0)[:, ::2] for s in (0, 31)], dim=1)
    torch.testing.assert_close(found, expected)
