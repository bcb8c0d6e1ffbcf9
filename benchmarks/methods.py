"""Choose the settings of the methods `best` and `fast`, on movies of a training fold.

    python benchmarks/methods.py --out results/methods

Fold 1 is held out here in place of fold 0: the movies of the study take no part in the choice, they are among the
training movies. One instance finds movies of fold 1, and synthetic movies from its own predictions, in each of some
candidate settings; their video correlations, and after how many
iterations they were highest, are written to benchmarks/methods.json.
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
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.reconstruction import (
    SMOOTHING,
    ReconstructionConfig,
    ensemble,
    fast_config,
    reconstruct,
    without_decoder,
)
from movrecon_core.reconstruction.config import best_config
from movrecon_core.storage.paths import PROFILES
from movrecon_core.study.conditions import OWN_PREDICTION, RECORDED, Movie
from movrecon_core.study.guides import guided, misfits_of
from movrecon_core.study.profile import load_profile
from movrecon_core.study.run.pipeline import run_study
from movrecon_core.study.study import Study, open_study
from movrecon_core.study.targets import build_target

FOLD = "fold:1"
RESULT = Path(__file__).with_suffix(".json")
BEST: dict[str, dict[str, Any]] = {
    "best": {},
    "best, 6 iterations": {"iterations": 6},
    "best, 12 iterations": {"iterations": 12},
    "best, 16 iterations": {"iterations": 16},
    "best, more momentum": {"momentum": 0.7},
    "best, longer steps": {"learning_rate": 0.7},
    "best, shorter steps": {"learning_rate": 0.35},
    "best, twice as independent": {"independence": 0.1},
    "best, half as independent": {"independence": 0.025},
}
FAST: dict[str, dict[str, Any]] = {
    "fast": {},
    "fast, 30 iterations": {"iterations": 30, "left_out": 0.0},
    "fast, 30 iterations at 4 times the rate": {"iterations": 30, "left_out": 0.0, "learning_rate": 48_000.0},
    "fast, twice the rate": {"learning_rate": 24_000.0},
    "fast, 4 times the rate": {"learning_rate": 48_000.0},
    "fast, 8 times the rate": {"learning_rate": 96_000.0},
}
PUBLISHED: dict[str, dict[str, Any]] = {"published, 500 iterations": {"iterations": 500, "precision": None}}
SYNTHETIC: dict[str, dict[str, Any]] = {
    "synthetic, 60 iterations": {},
    "synthetic, 30 iterations at half the rate": {"iterations": 30, "learning_rate": 12_000.0},
    "synthetic, 30 iterations": {"iterations": 30},
    "synthetic, 20 iterations at twice the rate": {"iterations": 20, "learning_rate": 48_000.0},
    "synthetic, 30 iterations at twice the rate": {"iterations": 30, "learning_rate": 48_000.0},
    "synthetic, 100 iterations": {"iterations": 100},
}
"""What each changes of `best_config`, `fast_config`, the published settings, and those of synthetic movies."""


def main(
    profile: str = "demo",
    movies: Annotated[int, typer.Option(help="Movies of each mouse.")] = 3,
    out: Annotated[Path, typer.Option(help="Folder for encoders and masks.")] = Path("results/methods"),
) -> None:
    """Measure and write the comparison."""
    settings = load_profile(profile, PROFILES)
    masks = settings.masks.model_copy(update={"instances": 1})
    alone = {"instances": 1, "trials_per_mouse": movies, "comparison": None, "masks": masks}
    run_study(settings.model_copy(update=alone), out, held_out=FOLD, until="masks")
    study = open_study(out)
    encoder = load_checkpoint(study.checkpoint(0))
    frames = encoder.stack_frames, encoder.stack_step
    best, fast = (dataclasses.replace(config(*frames), precision=None) for config in (best_config, fast_config))
    plain = dataclasses.replace(without_decoder(best), gradient_blur=(0.0, 0.0))
    natural: list[tuple[int, Movie]] = [
        (mouse, trial) for mouse in study.reconstructed_mice for trial in study.trials.reconstructed(mouse)
    ]
    stimuli: list[Movie] = [*settings.noise.stimuli[::5], *settings.gratings.stimuli[::5]]
    synthetic: list[tuple[int, Movie]] = [
        (mouse, stimulus) for mouse in study.reconstructed_mice for stimulus in stimuli
    ]
    first: list[tuple[int, Movie]] = [
        (mouse, study.trials.reconstructed(mouse)[0]) for mouse in study.reconstructed_mice
    ]
    asked: tuple[tuple[ReconstructionConfig, dict[str, dict[str, Any]], list[tuple[int, Movie]]], ...] = (
        (best, BEST, natural),
        (fast, FAST, natural),
        (plain, SYNTHETIC, synthetic),
        (ReconstructionConfig(), PUBLISHED, first),  # for it takes long
    )
    found = {
        name: {"changed": changes, **judged(study, encoder, dataclasses.replace(config, **changes), wanted)}
        for config, candidates, wanted in asked
        for name, changes in candidates.items()
    }
    result = {
        "title": "Settings of the methods",
        "about": "Video correlation of one instance: on held-out movies of fold 1, which is a training fold of the "
        "study, from recorded responses, and on synthetic movies from the instance's own predictions.",
        "profile": profile,
        "held_out": FOLD,
        "version": __version__,
        "simulated": study.simulated,
        "candidates": found,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def judged(
    study: Study, encoder: Encoder, config: ReconstructionConfig, wanted: list[tuple[int, Movie]]
) -> dict[str, Any]:
    """Video correlation of single instances, filtered and masked as in the study."""
    correlations: list[float] = []
    highest: list[int] = []
    for mouse in study.reconstructed_mice:
        movies = [movie for owner, movie in wanted if owner == mouse]
        conditions = [RECORDED if isinstance(movie, int) else OWN_PREDICTION for movie in movies]
        targets = [
            build_target(study, mouse, movie, condition, [encoder], [])
            for movie, condition in zip(movies, conditions, strict=True)
        ]
        if config.decoder is not None:
            targets = guided(study, mouse, targets, conditions, misfits_of(study, mouse, [0]), config.decoder)
        mask = crop_movie(study.results.evaluation_mask(mouse))
        for movie, result in zip(movies, reconstruct([encoder], mouse, targets, config), strict=True):
            shown = crop_movie(ensemble([result.movie], SMOOTHING if isinstance(movie, int) else None))
            truth = study.movie(mouse, movie)[SKIPPED_FRAMES:]
            highest.append(int(np.nanargmax(result.video_correlation)) + 1)
            correlations.append(video_correlation(truth, shown[SKIPPED_FRAMES:], mask))
    interval = confidence_interval(np.array(correlations))
    found = {
        "video_correlation": round(interval.mean, 4),
        "ci95": [round(interval.low, 4), round(interval.high, 4)],
        "movies": interval.n,
        "highest_after": round(float(np.mean(highest)), 1),
    }
    print(config.iterations, config.learning_rate, found, flush=True)
    return found


if __name__ == "__main__":
    typer.run(main)
