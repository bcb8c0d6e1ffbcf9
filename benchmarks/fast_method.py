"""Choose the settings of the fast method, on movies of a training fold.

    python benchmarks/fast_method.py --out results/fast_method

Encoders weaker than the article's overfit the responses' noise long before 1000 iterations, and what they know little
about is noise in the gradient. This holds fold 1 out in place of fold 0, so that the movies of the study take no part
in the choice (they are among the training movies here), reconstructs movies of fold 1 with one instance in each of
some candidate settings, and writes their video correlations to benchmarks/fast_method.json.
"""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from movrecon_core import __version__
from movrecon_core.analysis import SKIPPED_FRAMES, confidence_interval, video_correlation
from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.checkpoints import load_checkpoint
from movrecon_core.encoders.inputs import crop_movie, encoder_inputs
from movrecon_core.encoders.prediction import predict
from movrecon_core.reconstruction import ReconstructionConfig, Target, ensemble, fast_config, reconstruct
from movrecon_core.storage.paths import PROFILES
from movrecon_core.study.profile import load_profile
from movrecon_core.study.run.pipeline import run_study
from movrecon_core.study.study import Study, open_study

FOLD = "fold:1"
RESULT = Path(__file__).with_suffix(".json")
_FIXED: dict[str, Any] = {"iterations": 20, "left_out": 0.0}
CANDIDATES: dict[str, dict[str, Any]] = {
    "fast": {},
    "fast, 10 % judge": {"left_out": 0.1, "patience": 5},
    "40 iterations": {**_FIXED, "iterations": 40},
    "20 iterations (demo)": _FIXED,
    "32 iterations at half the rate": {**_FIXED, "iterations": 32, "learning_rate": 6000.0, "warm_up": 10},
    "20, no smoothing": {**_FIXED, "gradient_blur": (0.0, 0.0)},
    "20, smoothing 2 frames, 1.5 px": {**_FIXED, "gradient_blur": (2.0, 1.5)},
    "20, smoothing 4 frames, 3 px": {**_FIXED, "gradient_blur": (4.0, 3.0)},
    "20, smoothing 5 frames, 4 px": {**_FIXED, "gradient_blur": (5.0, 4.0)},
    "20, natural spectrum 0.2": {**_FIXED, "priors": {"natural_spectrum": 0.2}},
}
"""What each changes of `fast_config`."""


def main(
    profile: str = "demo",
    movies: Annotated[int, typer.Option(help="Movies of each mouse.")] = 3,
    out: Annotated[Path, typer.Option(help="Folder for encoders and masks.")] = Path("results/fast_method"),
) -> None:
    """Measure and write the comparison."""
    settings = load_profile(profile, PROFILES)
    alone = {"instances": 1, "trials_per_mouse": movies, "comparison": None}
    run_study(settings.model_copy(update=alone), out, held_out=FOLD, until="masks")
    study = open_study(out)
    encoder = load_checkpoint(study.checkpoint(0))
    chosen = fast_config(encoder.stack_frames, encoder.stack_step)
    found = {}
    for name, changes in CANDIDATES.items():
        config = dataclasses.replace(chosen, **changes)
        found[name] = {what: judged(study, encoder, config, what) for what in ("recorded", "predicted")}
        print(f"{name}: {found[name]['recorded']['video_correlation']}")
    result = {
        "title": "Settings of the fast method",
        "about": "Video correlation of single instances on held-out movies of fold 1, which is a training fold of the "
        "study. `fast` has 3 frames and 2 pixels of smoothing, and neurons left out of the loss say when it ends; the "
        "others end after a fixed number of iterations. Noise-free responses gain from more of them, recorded ones do "
        "not; stronger smoothing scores higher on recorded responses alone.",
        "profile": profile,
        "held_out": FOLD,
        "version": __version__,
        "simulated": study.simulated,
        "fast": dataclasses.asdict(chosen),
        "candidates": found,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def judged(study: Study, encoder: Encoder, config: ReconstructionConfig, condition: str) -> dict[str, Any]:
    """Video correlation of single instances, filtered and masked as in the study, and where its curve is highest."""
    correlations, curves, iterations = [], [], []
    for mouse in study.reconstructed_mice:
        mask = study.evaluation_mask(mouse)
        trials = [study.trial(mouse, t) for t in study.reconstructed_trials(mouse)]
        targets = []
        for trial in trials:
            inputs = encoder_inputs(trial.movie, trial.behavior, trial.pupil_center)
            responses = trial.responses if condition == "recorded" else predict(encoder, inputs, mouse).numpy()
            behavior = (trial.behavior, trial.pupil_center)
            targets.append(Target(responses, *behavior, study.training_mask(mouse), None, trial.movie, mask))
        for trial, result in zip(trials, reconstruct([encoder], mouse, targets, config), strict=True):
            shown = crop_movie(ensemble([result.movie]))[SKIPPED_FRAMES:]
            correlations.append(video_correlation(trial.movie[SKIPPED_FRAMES:], shown, crop_movie(mask)))
            iterations.append(len(result.losses))
            rest = np.full(config.iterations - len(result.losses), np.nan)
            curves.append(np.concatenate([result.video_correlation, rest]))
    interval = confidence_interval(np.array(correlations))
    curve = np.nanmean(np.stack(curves)[:, 1:], axis=0)  # the first pass leaves the movie grey
    return {
        "video_correlation": round(interval.mean, 4),
        "ci95": [round(interval.low, 4), round(interval.high, 4)],
        "movies": interval.n,
        "iterations": float(np.mean(iterations)),
        "best_iteration": int(np.argmax(curve)) + 2,
    }


if __name__ == "__main__":
    typer.run(main)
