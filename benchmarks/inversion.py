"""How fast movies are found: one stack in each form of the encoder, and quality against time for each method.

    python benchmarks/inversion.py --json benchmarks/inversion.json [--quick] [--study results/demo]

All in one run, on this machine, so that the ratios hold; each measurement makes a short one first, which says how many
repeats or iterations its share of the time allows. The file has one entry a kind of processor; a run replaces its own.
The study's encoders and held-out movies serve for quality; where there is no such study, the smoke profile's are made,
whose correlations mean little.
"""

import datetime
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import forms
import numpy as np
import processors
import published_pattern
import torch
import typer

from movrecon_core import __version__
from movrecon_core.analysis import SKIPPED_FRAMES, confidence_interval, video_correlation
from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.checkpoints import load_checkpoint
from movrecon_core.encoders.dwiseneuro import DwiseNeuro, DwiseNeuroConfig
from movrecon_core.encoders.inputs import crop_movie, encoder_inputs
from movrecon_core.encoders.precision import fast_bfloat16
from movrecon_core.encoders.prediction import predict
from movrecon_core.process import THREADS
from movrecon_core.reconstruction import ReconstructionConfig, Target, ensemble, fast_config, reconstruct
from movrecon_core.storage.paths import PROFILES
from movrecon_core.study.profile import load_profile
from movrecon_core.study.provenance import device_name
from movrecon_core.study.run.pipeline import run_study
from movrecon_core.study.study import Study, open_study

CPU = torch.device("cpu")
ABOUT = (
    "One stack (16 frames) of a paper-size DwiseNeuro, forward and backward to the pixels: in the published computing "
    "pattern (one at a time, gradients of all weights, depth-wise 3-D convolutions), in the readable form, and in the "
    "fast forms of each precision; then the time that the published method (`reference`) and the fast one take for a "
    "movie with the study's own encoders, both in their fast forms. Ratios hold within the run."
)


def main(
    json_file: Annotated[Path | None, typer.Option("--json", help="Where the numbers go.")] = None,
    quick: Annotated[bool, typer.Option(help="End within two minutes, and say what was left out.")] = False,
    study: Annotated[Path, typer.Option(help="A finished study, for its encoders.")] = Path("results/demo"),
    movies: Annotated[int, typer.Option(help="Held-out movies for quality against time.")] = 3,
    frames: Annotated[int, typer.Option(help="Frames of each that are reconstructed.")] = 150,
) -> None:
    """Measure, print, and write."""
    started, kind = time.monotonic(), processors.processor()
    left_out: list[str] = []
    result: dict[str, Any] = {
        "processor": kind["processor"],
        "features": kind["features"],
        "device": device_name(CPU),
        "threads": torch.get_num_threads(),
        "date": datetime.date.today().isoformat(),
        "version": __version__,
        "torch": torch.__version__,
        "quick": quick,
    }
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = forms.paper_size(Path(folder) / "paper.pth")
        names = [name for name in forms.FORMS if name != "bfloat16" or fast_bfloat16(CPU)]
        left_out += [f"{name}: slow on this processor" for name in forms.FORMS if name not in names]
        result |= stack_times(checkpoint, names, 2.0 if quick else 15.0)
        if quick and time.monotonic() - started > 60:
            left_out.append("scaling")
        else:
            result["scaling"] = scaling(1 if quick else 2, 0.5 if quick else 5.0)
        there = (study / "study.json").is_file()
        if quick and (not there or time.monotonic() - started > 75):
            left_out.append("time to quality" if there else "time to quality: no study was given")
        else:
            found = open_study(study) if there else smoke_study(Path(folder))
            if quick:
                movies, frames = 1, 62
            result["simulated"] = found.simulated
            iterations = affordable_iterations(found, frames, 15.0 if quick else 100.0)
            if iterations < 1000:
                left_out.append(f"iterations of the published method beyond {iterations}")
            result |= time_to_quality(found, movies, frames, iterations)
            if quick:
                left_out.append("precision")
            else:
                result["precision"] = precision_cost(found, movies, frames)
    result["left_out"] = left_out
    print(json.dumps({key: value for key, value in result.items() if key != "curves"}, indent=1))
    if json_file is not None:
        content = json.loads(json_file.read_text("utf-8")) if json_file.is_file() else {}
        entries = {**content.get("processors", {}), kind["kind"]: result}
        whole = {"title": "Inversion", "about": ABOUT, "processors": entries}
        json_file.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def affordable_iterations(study: Study, frames: int, budget: float) -> int:
    """How many iterations of the published method, at most its 1000, fit so many seconds; some are made to find out."""
    encoder = load_checkpoint(study.checkpoint(0), CPU)
    ((mouse, trial),) = _chosen_movies(study, 1)
    seconds = _run(study, encoder, mouse, trial, frames, ReconstructionConfig(iterations=4), "recorded")["seconds"]
    return int(np.clip(budget / max((seconds[-1] - seconds[0]) / 3, 1e-6), 4, 1000))


def stack_times(checkpoint: Path, names: Sequence[str], budget: float) -> dict[str, Any]:
    """Seconds, memory and achieved speed of forms at paper size, each in a process of its own and so many seconds."""
    machine, work = forms.machine_speed(CPU), forms.work_of_a_stack(checkpoint)
    seconds, memory = {}, {}
    for name in names:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            seconds[name], memory[name] = pool.submit(_one_form, name, checkpoint, budget).result()
    best = min(seconds, key=lambda name: seconds[name])
    return {
        "seconds_per_stack": seconds,
        "seconds_per_iteration": {name: forms.STACKS * each for name, each in seconds.items()},
        "speedup": seconds["published_pattern"] / seconds[best],
        "speedup_of_readable": seconds["published_pattern"] / seconds["readable"],
        "fastest": best,
        "peak_bytes": memory[best],
        "peak_bytes_of": memory,
        "machine": machine,
        "work_of_a_stack": work,
        "achieved": {
            name: {
                "flops": work["flop"] / each,
                "share_of_machine_flops": work["flop"]
                / each
                / max(machine["flops_float32"], machine["flops_bfloat16"]),
                "bytes": work["bytes"] / each,
                "share_of_machine_bytes": work["bytes"] / each / machine["bytes"],
            }
            for name, each in seconds.items()
        },
        "difference_from_readable": differences(checkpoint, names),
    }


def _one_form(name: str, checkpoint: Path, budget: float) -> tuple[float, int]:
    """Seconds of a stack and peak memory of the process in bytes."""
    if name == "published_pattern":
        # A program of its own, without this package's settings of the process, which would speed it up.
        command = [sys.executable, published_pattern.__file__, str(checkpoint), str(budget)]
        environment = {key: value for key, value in os.environ.items() if key not in THREADS}
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)
        return found["seconds"], found["peak_bytes"]
    encoder = forms.form_of(name, checkpoint, CPU)
    fast = name != "readable"
    seconds = forms.seconds_per_stack(encoder, 2 if fast else 1, budget, CPU)
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def differences(checkpoint: Path, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """How far responses and gradients of the other forms are from the readable form's."""
    inputs, target = forms.example_stacks(1), torch.ones(1, forms.NEURONS, 16)
    responses, gradient = forms.gradient(forms.form_of("readable", checkpoint, CPU), inputs, target)
    found = {}
    for name in [name for name in names if name != "readable"]:
        ours, of_inputs = forms.gradient(forms.form_of(name, checkpoint, CPU), inputs, target)
        found[name] = {
            "responses": forms.relative_difference(ours, responses),
            "gradient": forms.relative_difference(of_inputs[:, 0], gradient[:, 0]),
        }
    return found


def scaling(iterations: int, budget: float) -> dict[str, dict[str, float]]:
    """Seconds of some iterations for more frames (windows), movies, instances, and neurons; a small DwiseNeuro.

    Each is repeated as often as fits `budget` seconds.
    """
    small = DwiseNeuroConfig((500, 4000), core_features=(16, 16, 32), spatial_strides=(2, 2, 2), se_reduce_ratio=8)
    torch.manual_seed(0)
    encoders = [DwiseNeuro(small).eval() for _ in range(2)]

    def seconds(frames: int = 64, count: int = 1, instances: int = 1, mouse: int = 0) -> float:
        neurons = encoders[0].neurons[mouse]
        still = np.zeros((2, frames), np.float32)
        target = Target(np.ones((neurons, frames), np.float32), still, still, np.ones((64, 64), bool))
        config = ReconstructionConfig(iterations=iterations, precision="bfloat16")
        return forms.least_seconds(
            lambda: reconstruct(encoders[:instances], mouse, [target] * count, config), budget, CPU
        )

    return {
        # Windows that are computed: those of 64 frames, and twice and four times as many.
        "windows": {"5": seconds(64), "10": seconds(104), "20": seconds(184)},
        "movies": {"1": seconds(), "2": seconds(count=2), "4": seconds(count=4)},
        "instances": {"1": seconds(), "2": seconds(instances=2)},
        "neurons": {"500": seconds(), "4000": seconds(mouse=1)},
    }


def smoke_study(folder: Path) -> Study:
    """The smallest study there is."""
    alone = {"instances": 1, "comparison": None}
    run_study(load_profile("smoke", PROFILES).model_copy(update=alone), folder / "smoke", until="masks")
    return open_study(folder / "smoke")


def time_to_quality(study: Study, movies: int, frames: int, iterations: int) -> dict[str, Any]:
    """Seconds, iterations and video correlation of `reference` and `fast` with instance 0 on held-out movies."""
    encoder = load_checkpoint(study.checkpoint(0), CPU)
    fast = fast_config(encoder.stack_frames, encoder.stack_step)
    methods = {"reference": ReconstructionConfig(iterations=iterations), "fast": fast}
    chosen = _chosen_movies(study, movies)
    quality: dict[str, Any] = {}
    curves: dict[str, Any] = {}
    for method, config in methods.items():
        for responses in ("recorded", "predicted"):
            found = [_run(study, encoder, mouse, trial, frames, config, responses) for mouse, trial in chosen]
            curve = np.stack([one["curve"] for one in found]).mean(axis=0)
            seconds = np.stack([one["seconds"] for one in found]).mean(axis=0)
            curves[f"{method}_{responses}"] = {
                "seconds": _thinned(seconds),
                "video_correlation": _thinned(curve),
                "overfits_after_iteration": int(np.nanargmax(curve)) + 1,
            }
            values = np.array([one["video_correlation"] for one in found])
            interval = confidence_interval(values)
            entry = {
                "seconds": float(np.mean([one["seconds"][-1] for one in found])),
                "iterations": float(np.mean([one["iterations"] for one in found])),
                "video_correlation": float(values.mean()),
                "ci95": [interval.low, interval.high] if len(values) > 1 else None,
                "movies": len(values),
            }
            if responses == "recorded":
                quality[method] = entry
            else:
                quality[method]["from_predicted"] = entry
    reached = _first_time(curves["fast_recorded"], curves["reference_recorded"]["video_correlation"][-1])
    return {
        "time_to_quality": {
            **quality,
            "time_ratio": quality["reference"]["seconds"] / quality["fast"]["seconds"],
            "fast_seconds_to_reference_quality": reached,
            "profile": study.profile.name,
            "simulated": study.simulated,
            "frames": frames,
            "encoder": study.profile.encoder.architecture,
        },
        "curves": curves,
    }


def precision_cost(study: Study, movies: int, frames: int, iterations: int = 100) -> dict[str, Any] | None:
    """Video correlation that the study's trained DwiseNeuro reaches in each precision; None: it has none."""
    if study.profile.comparison is None:
        return None
    encoder = load_checkpoint(study.path(study.unit("other-encoder", 0)), CPU)
    found: dict[str, list[float]] = {}
    for precision in ("float32", "bfloat16"):
        config = ReconstructionConfig(iterations=iterations, precision=precision)
        results = [_run(study, encoder, *movie, frames, config, "recorded") for movie in _chosen_movies(study, movies)]
        found[precision] = [round(result["video_correlation"], 5) for result in results]
    difference = np.subtract(found["bfloat16"], found["float32"])
    return {
        "video_correlation": found,
        "mean_difference": float(difference.mean()),
        "largest_difference": float(np.abs(difference).max()),
        "iterations": iterations,
        "encoder": type(encoder).__name__,
    }


def _chosen_movies(study: Study, movies: int) -> list[tuple[int, int]]:
    """Held-out movies, in turn from every mouse."""
    found = [
        (mouse, trial)
        for trials in zip(*(study.trials.reconstructed(m) for m in study.reconstructed_mice), strict=True)
        for mouse, trial in zip(study.reconstructed_mice, trials, strict=True)
    ]
    return found[:movies]


def _run(
    study: Study, encoder: Encoder, mouse: int, trial: int, frames: int, config: ReconstructionConfig, responses: str
) -> dict[str, Any]:
    """One movie: seconds and video correlation after every iteration, and the correlation of the smoothed result."""
    recording = study.trial(mouse, trial)
    span = slice(0, min(frames, recording.frames))
    truth, behavior, pupil = recording.movie[span], recording.behavior[:, span], recording.pupil_center[:, span]
    observed = recording.responses[:, span]
    if responses == "predicted":
        observed = predict(encoder, encoder_inputs(truth, behavior, pupil), mouse).numpy()
    mask = study.results.evaluation_mask(mouse)
    target = Target(
        observed, behavior, pupil, study.results.training_mask(mouse), truth=np.asarray(truth), evaluation_mask=mask
    )
    seconds: list[float] = []
    started = time.perf_counter()
    (result,) = reconstruct(
        [encoder], mouse, [target], config, on_iteration=lambda *_: seconds.append(time.perf_counter() - started)
    )
    shown = crop_movie(ensemble([result.movie]))[SKIPPED_FRAMES:]
    finished = (0, config.iterations - len(seconds))  # a movie that is finished early stays as it is
    return {
        "seconds": np.pad(seconds, finished, mode="edge"),
        "curve": np.pad(result.video_correlation, finished, mode="edge"),
        "iterations": len(seconds),
        "video_correlation": video_correlation(truth[SKIPPED_FRAMES:], shown, crop_movie(mask)),
    }


def _thinned(values: np.ndarray, most: int = 120) -> list[float | None]:
    """At most so many values, first and last included; None where undefined."""
    places = np.unique(np.geomspace(1, len(values), min(most, len(values))).round().astype(int)) - 1
    return [None if np.isnan(value) else round(float(value), 4) for value in values[places]]


def _first_time(curve: dict[str, Any], level: float) -> float | None:
    """When a curve first reaches a level."""
    pairs: Iterable[tuple[float, float | None]] = zip(curve["seconds"], curve["video_correlation"], strict=True)
    return next((second for second, value in pairs if value is not None and value >= level), None)


if __name__ == "__main__":
    typer.run(main)
