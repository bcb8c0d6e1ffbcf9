"""Two noise models of the simulated mice, side by side: public statistics of real mice, and what they do to movies.

    python benchmarks/noise_models.py --out results/noise_models

Mice of `variability: bursts` and of `gain` have the same neurons, and see the same movies. Their statistics are those
of training trials. Held-out movies are found by ridge regression, by the method `best`, which starts from it, and by
the method `fast`, which starts from grey; nothing is chosen by them. Both kinds are judged in the pixels that lie
inside the evaluation masks of both. Writes benchmarks/noise_models.json.
"""

import dataclasses
import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import processors
import typer
from numpy.typing import NDArray

from movrecon_core import __version__
from movrecon_core.analysis import Judged, by_mouse, compare_conditions, hierarchical_bootstrap, video_correlation
from movrecon_core.decoders.by_name import RIDGE, decoder_of
from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.checkpoints import load_checkpoint
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.figures.real_mice import beside_real_mice, selectivity_beside_real_mice
from movrecon_core.reconstruction import SMOOTHING, ensemble, fast_config, reconstruct
from movrecon_core.reconstruction.config import best_config
from movrecon_core.simulation import VariabilityConfig
from movrecon_core.storage.paths import PROFILES
from movrecon_core.study.conditions import RECORDED
from movrecon_core.study.guides import guided, misfits_of
from movrecon_core.study.profile import Profile, load_profile
from movrecon_core.study.run.pipeline import run_study
from movrecon_core.study.study import Study
from movrecon_core.study.targets import build_target

Kind = Literal["bursts", "gain"]
KINDS: tuple[Kind, ...] = ("bursts", "gain")
SEED = 0
RESULT = Path(__file__).with_suffix(".json")
ABOUT = (
    "Both noise models that a simulated mouse can have: bursts, and bursts under a gain of each neuron's own. "
    "Statistics are those of {mice} mice of {neurons} neurons over training trials, mean over mice, beside the range "
    "of the ten real mice. Video correlations are those of {movies} held-out movies, the same for both, with one light "
    "encoder a kind, trained in {steps} steps; intervals of 95 % resample mice, then their movies."
)


def main(
    neurons: Annotated[int, typer.Option(help="Of each mouse; the demo has 1500.")] = 200,
    movies: Annotated[int, typer.Option(help="Held-out movies of each mouse.")] = 3,
    segments: Annotated[int, typer.Option(help="Segments an epoch of the training; the demo has 600.")] = 180,
    out: Annotated[Path, typer.Option(help="Folder for recordings and encoders.")] = Path("results/noise_models"),
) -> None:
    """Measure and write the comparison."""
    settings = {kind: profile_of(kind, neurons, movies, segments) for kind in KINDS}
    studies = {kind: run_study(settings[kind], out / kind, until="masks") for kind in KINDS}
    table = pd.concat([correlations(studies[kind], kind, shared_pixels(studies)) for kind in KINDS])
    print(table, flush=True)
    demo = settings["bursts"]
    epochs = demo.training.warm_up_epochs + demo.training.cosine_epochs
    sizes = {
        "mice": demo.simulation.mice,
        "neurons": neurons,
        "movies": len(table.groupby(["mouse", "trial"])),
        "steps": round(epochs * segments / demo.training.batch),
    }
    result = {
        "title": "Noise models",
        "about": ABOUT.format(**sizes),
        "processor": processors.processor()["processor"],
        "date": datetime.date.today().isoformat(),
        "version": __version__,
        "simulated": True,
        "video_correlation": {method: compared(part) for method, part in table.groupby("method", sort=False)},
        "video_correlation_of_each_movie": each_movie(table),
        "statistics": statistics(studies),
        "distance_of_selectivity": distances(studies),
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def profile_of(kind: Kind, neurons: int, movies: int, segments: int) -> Profile:
    """The demo, smaller, with one instance and one kind of noise."""
    demo = load_profile("demo", PROFILES)
    simulation = demo.simulation.model_copy(
        update={"neurons": neurons, "repeats": 1, "variability": VariabilityConfig(kind=kind)}
    )
    training = dataclasses.replace(demo.training, segments_per_epoch=segments)
    masks = demo.masks.model_copy(update={"instances": 1})
    smaller = {"instances": 1, "trials_per_mouse": movies, "comparison": None, "masks": masks}
    return demo.model_copy(update={**smaller, "simulation": simulation, "training": training})


def shared_pixels(studies: dict[Kind, Study]) -> list[NDArray[np.bool_]]:
    """Pixels (36, 64) of each mouse that are inside the evaluation masks of both kinds."""
    mice = studies["bursts"].reconstructed_mice
    return [
        np.all([crop_movie(study.results.evaluation_mask(mouse)) for study in studies.values()], axis=0)
        for mouse in mice
    ]


def correlations(study: Study, kind: Kind, pixels: list[NDArray[np.bool_]]) -> pd.DataFrame:
    """Video correlation of each held-out movie: ``kind``, ``method``, ``mouse``, ``trial``, ``correlation``."""
    encoder = load_checkpoint(study.checkpoint(0))
    rows = []
    for mouse, inside in zip(study.reconstructed_mice, pixels, strict=True):
        trials = study.trials.reconstructed(mouse)
        for method, movies in found_movies(study, encoder, mouse, trials).items():
            for trial, movie in zip(trials, movies, strict=True):
                judged = Judged(study.movie(mouse, trial), movie, inside).evaluated
                rows.append((kind, method, study.label(mouse), trial, video_correlation(*judged)))
    return pd.DataFrame(rows, columns=["kind", "method", "mouse", "trial", "correlation"])


def found_movies(
    study: Study, encoder: Encoder, mouse: int, trials: Sequence[int]
) -> dict[str, list[NDArray[np.float32]]]:
    """Movies (T, 36, 64) of some trials by each method, filtered as in the study where an encoder found them."""
    targets = [build_target(study, mouse, trial, RECORDED, [encoder], []) for trial in trials]
    stored = study.result("decoders", mouse, RIDGE)
    ridge = decoder_of(RIDGE, {str(key): values.to_numpy() for key, values in stored.items()})
    misfits, conditions = misfits_of(study, mouse, [0]), [RECORDED] * len(trials)
    frames = encoder.stack_frames, encoder.stack_step
    asked = {
        "best": (best_config(*frames), guided(study, mouse, targets, conditions, misfits, RIDGE)),
        "fast": (fast_config(*frames), targets),
    }
    found = {"ridge regression": [ridge.decode(target.responses) for target in targets]}
    for name, (config, wanted) in asked.items():
        results = reconstruct([encoder], mouse, wanted, dataclasses.replace(config, precision=None))
        found[name] = [crop_movie(ensemble([result.movie], SMOOTHING)).astype(np.float32) for result in results]
    return found


def compared(table: pd.DataFrame) -> dict[str, Any]:
    """Means of both kinds for one method, and their paired difference, with intervals."""
    wide = table.pivot(index=["mouse", "trial"], columns="kind", values="correlation").reset_index()
    found: dict[str, Any] = {}
    for kind in KINDS:
        interval = hierarchical_bootstrap(by_mouse(wide[kind], wide["mouse"]), SEED)
        found |= {kind: round(interval.mean, 3), f"{kind}_ci95": [round(interval.low, 3), round(interval.high, 3)]}
    change = compare_conditions(wide["bursts"], wide["gain"], wide["mouse"], SEED).difference
    return {**found, "gain_less_bursts": round(change.mean, 3), "ci95": [round(change.low, 3), round(change.high, 3)]}


def each_movie(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """One row a movie, one column a method and kind."""
    named = table.assign(
        row=table["mouse"] + ", trial " + table["trial"].astype(str), column=table["method"] + ", " + table["kind"]
    )
    wide = named.pivot(index="row", columns="column", values="correlation")[list(dict.fromkeys(named["column"]))]
    return wide.round(3).to_dict(orient="index")


def statistics(studies: dict[Kind, Study]) -> dict[str, dict[str, Any]]:
    """Mean over mice of each statistic that is not a chosen size, its range over real mice, and mice inside it."""
    found: dict[str, dict[str, Any]] = {}
    for kind, study in studies.items():
        table = beside_real_mice(study)
        for name, part in table[~table["chosen"] & ~table["real"]].groupby("statistic", sort=False):
            row = found.setdefault(
                str(name), {"real mice": [round(float(part[end].iloc[0]), 2) for end in ("low", "high")]}
            )
            row |= {kind: round(float(part["value"].mean()), 2), f"{kind}: mice inside": int(part["inside"].sum())}
    return found


def distances(studies: dict[Kind, Study]) -> dict[str, dict[str, float]]:
    """Largest Kolmogorov-Smirnov distance of a mouse's selectivity from one of the three real mice that have it."""
    tables = {
        kind: selectivity_beside_real_mice(study).groupby("kind")["distance"].max() for kind, study in studies.items()
    }
    return {
        name: {kind: round(float(table[name]), 3) for kind, table in tables.items()}
        for name in ("orientation", "direction")
    }


if __name__ == "__main__":
    typer.run(main)
