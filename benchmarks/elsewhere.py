"""The method `best` beside ridge regression on recordings that were made elsewhere.

    python benchmarks/elsewhere.py MICE --name NAME --simulated --held-out tier:oracle --out results/elsewhere

MICE is a folder of recordings in the Sensorium layout. Encoders, masks and movies are made as in the demo; nothing is
chosen on these recordings. Video correlation of all held-out movies, with one and with all instances and of ridge
regression's movies, and the differences between them, with intervals that resample mice, then their movies. Adds what
it found under NAME to benchmarks/elsewhere.json.
"""

import datetime
import json
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import processors
import typer

from movrecon_core import __version__
from movrecon_core.analysis import Judged, by_mouse, compare_conditions, hierarchical_bootstrap, video_correlation
from movrecon_core.decoders.by_name import RIDGE, decoder_of
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.storage.paths import PROFILES
from movrecon_core.study.profile import Profile, load_profile
from movrecon_core.study.run.pipeline import run_study
from movrecon_core.study.study import Study

SEED = 0
RESULT = Path(__file__).with_suffix(".json")
ONE, ALL, RIDGE_MOVIES = "best, one instance", "best, all instances", "ridge regression"
ABOUT = (
    "The method best beside ridge regression on recordings that this project's simulation did not make, with encoders, "
    "masks and movies as in the demo; nothing was chosen on them. Video correlation of held-out movies; intervals of "
    "95 % resample mice, then their movies. Single-trial correlations and masks are one value a mouse."
)
DIFFERENCES = ((ONE, RIDGE_MOVIES), (ALL, RIDGE_MOVIES), (ALL, ONE))


def main(
    mice: Path,
    name: Annotated[str, typer.Option(help="What these recordings are called in the result.")],
    held_out: Annotated[str, typer.Option(help="Movies that are found, and nothing is learned from.")] = "fold:0",
    movies: Annotated[int, typer.Option(help="Of each mouse.")] = 9,
    simulated: Annotated[bool, typer.Option(help="Whether the mice are, by whatever program.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for encoders, masks and movies.")] = Path("results/elsewhere"),
) -> None:
    """Measure and write the comparison."""
    study = run_study(profile_of(movies), out / name, [mice], held_out, until="reconstructions")
    table = correlations(study)
    evaluations = [study.result("evaluations", mouse) for mouse in range(len(study.mice))]
    facts = {
        "movies": len(table),
        "held_out": held_out,
        "single_trial_correlation": [round(float(judged["correlation"].mean()), 3) for judged in evaluations],
        "mask_pixels": [int(crop_movie(study.results.evaluation_mask(m)).sum()) for m in study.reconstructed_mice],
        "processor": processors.processor()["kind"],
        "date": datetime.date.today().isoformat(),
        "version": __version__,
    }
    known = json.loads(RESULT.read_text("utf-8")) if RESULT.is_file() else {}
    found = {name: summary(table), f"{name}: facts": facts, f"{name}: each movie": each_movie(table)}
    stamp = {"title": "Recordings made elsewhere", "about": ABOUT, "simulated": simulated or study.simulated}
    RESULT.write_text(json.dumps({**known, **stamp, **found}, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({name: found[name], "facts": facts}, indent=1))


def profile_of(movies: int) -> Profile:
    """The demo, of which only movies from recorded responses are asked for."""
    demo = load_profile("demo", PROFILES)
    sections: dict[str, dict[str, Any]] = {
        **{name: {"trials_per_mouse": 0} for name in ("variations", "population", "redundancy", "truth")},
        **{name: {"mice": 0} for name in ("noise", "gratings", "resolution")},
        "baselines": {"trials_per_mouse": 0, "decoders": (RIDGE,), "methods": {}},
    }
    changed = {name: getattr(demo, name).model_copy(update=update) for name, update in sections.items()}
    alone = {"trials_per_mouse": movies, "from_predicted": False, "comparison": None}
    return demo.model_copy(update={**alone, **changed})


def correlations(study: Study) -> pd.DataFrame:
    """Video correlation of each held-out movie: ``mouse``, ``trial``, and a column a method."""
    rows = []
    for mouse in study.reconstructed_mice:
        stored = study.result("decoders", mouse, RIDGE)
        ridge = decoder_of(RIDGE, {str(key): values.to_numpy() for key, values in stored.items()})
        for trial in study.trials.reconstructed(mouse):
            every = study.results.judged(mouse, trial)
            shown = {
                ONE: study.results.judged(mouse, trial, instances=[0]),
                ALL: every,
                RIDGE_MOVIES: Judged(every.truth, ridge.decode(study.trial(mouse, trial).responses), every.pixels),
            }
            found = {name: video_correlation(*judged.evaluated) for name, judged in shown.items()}
            rows.append({"mouse": study.label(mouse), "trial": trial, **found})
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Means with intervals, paired differences with theirs, and in how many movies the first is above the second."""
    found: dict[str, dict[str, Any]] = {}
    for name in (ONE, ALL, RIDGE_MOVIES):
        interval = hierarchical_bootstrap(by_mouse(table[name], table["mouse"]), SEED)
        found[name] = _rounded(interval.mean, interval.low, interval.high)
    for first, second in DIFFERENCES:
        compared = compare_conditions(table[second], table[first], table["mouse"], SEED)
        found[f"{first}, less {second}"] = {
            **_rounded(compared.difference.mean, compared.difference.low, compared.difference.high),
            "percent": round(compared.change_percent, 1),
            "movies_above": int((table[first] > table[second]).sum()),
        }
    return found


def each_movie(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """One row a movie, one column a method."""
    named = table.assign(row=table["mouse"] + ", trial " + table["trial"].astype(str)).set_index("row")
    return named[[ONE, ALL, RIDGE_MOVIES]].round(3).to_dict(orient="index")


def _rounded(mean: float, low: float, high: float) -> dict[str, Any]:
    return {"mean": round(mean, 3), "ci95": [round(low, 3), round(high, 3)]}


if __name__ == "__main__":
    typer.run(main)
