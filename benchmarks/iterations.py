"""Choose the number of iterations of a profile, on movies of the training folds.

    python benchmarks/iterations.py --out results/iterations

Encoders weaker than the article's overfit the responses' noise long before 1000 iterations. This holds fold 1 out in
place of fold 0, so that the movies of the study take no part in the choice (they are among the training movies here),
reconstructs movies of fold 1, and writes the video correlation after each iteration to benchmarks/iterations.json.
"""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from scipy.ndimage import gaussian_filter

from movrecon_core import __version__
from movrecon_core.analysis import SKIPPED_FRAMES, confidence_interval, video_correlation
from movrecon_core.encoders.checkpoints import load_checkpoint
from movrecon_core.encoders.inputs import crop_movie, encoder_inputs
from movrecon_core.encoders.prediction import predict
from movrecon_core.reconstruction import ReconstructionConfig, Target, reconstruct
from movrecon_core.study.paths import PROFILES
from movrecon_core.study.pipeline import run_study
from movrecon_core.study.profile import load_profile
from movrecon_core.study.study import Study, open_study

FOLD = "fold:1"
RESULT = Path(__file__).with_suffix(".json")


def main(
    profile: str = "demo",
    iterations: int = 60,
    out: Annotated[Path, typer.Option(help="Folder for encoders and masks.")] = Path("results/iterations"),
) -> None:
    """Measure and write the curve."""
    settings = load_profile(profile, PROFILES)
    run_study(settings.model_copy(update={"instances": 1}), out, held_out=FOLD, until="masks")
    study = open_study(out)
    config = ReconstructionConfig(**{**vars(settings.reconstruction), "iterations": iterations})
    curves = {condition: correlations(study, config, condition) for condition in ("recorded", "predicted")}
    best = int(np.argmax(curves["recorded"].mean(axis=0))) + 1
    chosen = settings.reconstruction.iterations
    result = {
        "profile": profile,
        "held_out": FOLD,
        "mask_segments": settings.mask_segments,
        "version": __version__,
        "simulated": study.simulated,
        "learning_rate": config.learning_rate,
        "movies": len(curves["recorded"]),
        "best_iteration": best,
        "chosen_iteration": chosen,
        "video_correlation_at_best": interval(curves["recorded"][:, best - 1]),
        "video_correlation_at_chosen": interval(curves["recorded"][:, chosen - 1]),
        "video_correlation": {name: curve.mean(axis=0).round(4).tolist() for name, curve in curves.items()},
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({key: value for key, value in result.items() if key != "video_correlation"}, indent=1))


def correlations(study: Study, config: ReconstructionConfig, condition: str) -> np.ndarray:
    """Video correlation (movies, iterations) of single instances, filtered and masked as in the study."""
    encoder = load_checkpoint(study.checkpoint(0))
    curves = []
    for mouse in study.reconstructed_mice:
        mask, judged = study.training_mask(mouse), crop_movie(study.evaluation_mask(mouse))
        trials = [study.trial(mouse, t) for t in study.reconstructed_trials(mouse)]
        targets = []
        for trial in trials:
            inputs = encoder_inputs(trial.movie, trial.behavior, trial.pupil_center)
            responses = trial.responses if condition == "recorded" else predict(encoder, inputs, mouse).numpy()
            targets.append(Target(responses, trial.behavior, trial.pupil_center, mask))
        curve = np.zeros((len(trials), config.iterations))

        def note(done: int, movies: list[torch.Tensor], curve=curve, trials=trials, judged=judged) -> None:
            for i, (trial, movie) in enumerate(zip(trials, movies, strict=True)):
                found = gaussian_filter(crop_movie(movie.numpy()), 0.5)
                curve[i, done - 1] = video_correlation(trial.movie[SKIPPED_FRAMES:], found[SKIPPED_FRAMES:], judged)

        reconstruct([encoder], mouse, targets, config, on_iteration=note)
        curves.append(np.nan_to_num(curve))  # the first pass leaves the movie grey
    return np.concatenate(curves)


def interval(values: np.ndarray) -> dict[str, float]:
    """Mean and 95 % confidence interval over movies."""
    found = confidence_interval(values)
    return {"mean": round(found.mean, 4), "low": round(found.low, 4), "high": round(found.high, 4)}


if __name__ == "__main__":
    typer.run(main)
