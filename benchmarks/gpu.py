"""The GPU path: correct first, then how fast. Without a GPU only the correctness part runs, on the CPU.

    python benchmarks/gpu.py --json benchmarks/gpu.json

Runs from the source tree with nothing installed but torch, numpy, scipy and what movrecon_core imports.
"""

import datetime
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

import forms
import numpy as np
import torch
import typer
from golden_numbers import at_golden

from movrecon_core import __version__
from movrecon_core.encoders.checkpoints import load_checkpoint
from movrecon_core.reconstruction import ReconstructionConfig, Target, reconstruct, training_mask

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "golden"
PUBLISHED_ITERATIONS = 1000
TOLERANCE = {"float32": 1e-3, "bfloat16": 0.6}
"""Relative difference allowed between gradients, of an untrained paper-size network, the worst case for rounding."""


def main(json_file: Annotated[Path | None, typer.Option("--json", help="Where the numbers go.")] = None) -> None:
    """Check, measure, print, and write; exit code 1 where a check fails."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    result: dict[str, Any] = {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "date": datetime.date.today().isoformat(),
        "version": __version__,
        "torch": torch.__version__,
    }
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = forms.paper_size(Path(folder) / "paper.pth")
        result["correctness"] = {"forms": forms_agree(checkpoint, device), "golden": golden_movies(device)}
        failed = [name for part in result["correctness"].values() for name, found in part.items() if not found["ok"]]
        if failed:
            print(json.dumps(result, indent=1))
            raise SystemExit(f"not correct on {device}: {', '.join(failed)}; no speed is measured")
        if device.type == "cuda":
            result |= speed(checkpoint, device)
    print(json.dumps(result, indent=1))
    if json_file is not None:
        json_file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def forms_agree(checkpoint: Path, device: torch.device) -> dict[str, dict[str, Any]]:
    """Gradients of every form on the device against the readable form's on the CPU."""
    inputs, target = forms.example_stacks(1), torch.ones(1, forms.NEURONS, 16)
    _, expected = forms.gradient(forms.form_of("readable", checkpoint, "cpu"), inputs, target)
    found = {}
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        for name in forms.FORMS:
            _, ours = forms.gradient(forms.form_of(name, checkpoint, device), inputs.to(device), target.to(device))
            difference = forms.relative_difference(ours[:, 0], expected[:, 0])
            found[name] = {"difference": difference, "ok": difference < TOLERANCE.get(name, TOLERANCE["float32"])}
    return found


def golden_movies(device: torch.device) -> dict[str, dict[str, Any]]:
    """The published implementation's movie after 25 passes against ours: correlation of what changed."""
    arrays = np.load(GOLDEN / "reconstruction.npz", allow_pickle=False)
    target = Target(
        arrays["responses"], arrays["behavior"], arrays["pupil_center"], training_mask(arrays["alpha"], 0.5)
    )
    expected = arrays["a_video_after_25"].ravel() - 127.5
    found = {}
    for precision, least in (("float32", 0.9999), ("bfloat16", 0.95)):
        config = ReconstructionConfig(iterations=25, precision=precision)  # type: ignore[arg-type]
        encoder = load_checkpoint(GOLDEN / "checkpoint.pth", device)
        (result,) = reconstruct([encoder], int(arrays["mouse_index"]), [target], config, device=device)
        changed = at_golden(result.movie, arrays, "a_video_after_25").ravel() - 127.5
        agreement = float(np.corrcoef(changed, expected)[0, 1])
        found[f"golden {precision}"] = {"correlation": agreement, "ok": agreement > least}
    return found


def speed(checkpoint: Path, device: torch.device) -> dict[str, Any]:
    """Seconds of a stack in every form, and of an iteration of a 10 s movie in the fast forms."""
    machine, work = forms.machine_speed(device), forms.work_of_a_stack(checkpoint)
    seconds = {}
    for name in forms.FORMS:
        encoder = forms.form_of(name, checkpoint, device)
        stacks = 1 if name == "published_pattern" else forms.STACKS if name in ("float32", "bfloat16") else 8
        seconds[name] = forms.seconds_per_stack(encoder, stacks, 3, device)
    best = min(seconds, key=lambda name: seconds[name])
    iteration, peak = iteration_of_a_movie(checkpoint, device)
    return {
        "seconds_per_stack": seconds,
        "seconds_per_iteration": {name: forms.STACKS * each for name, each in seconds.items()},
        "speedup": seconds["published_pattern"] / seconds[best],
        "fastest": best,
        "seconds_for_1000_iterations": iteration * PUBLISHED_ITERATIONS,
        "peak_bytes": peak,
        "machine": machine,
        "achieved": {
            name: {"flops": work["flop"] / each, "bytes": work["bytes"] / each} for name, each in seconds.items()
        },
    }


def iteration_of_a_movie(checkpoint: Path, device: torch.device, iterations: int = 20) -> tuple[float, int]:
    """Seconds of one `reference` iteration of a 300-frame movie in bfloat16, whole call; and peak memory."""
    frames = 300
    still = np.zeros((2, frames), np.float32)
    target = Target(np.ones((forms.NEURONS, frames), np.float32), still, still, np.ones((64, 64), bool))
    encoder = load_checkpoint(checkpoint, device)

    def call(count: int) -> float:
        started = time.perf_counter()
        reconstruct([encoder], 0, [target], ReconstructionConfig(iterations=count, precision="bfloat16"), device=device)
        return time.perf_counter() - started

    call(2)
    torch.cuda.reset_peak_memory_stats(device)
    # What a call does once, it does in both.
    seconds = (call(iterations + 2) - call(2)) / iterations
    return seconds, torch.cuda.max_memory_allocated(device)


if __name__ == "__main__":
    typer.run(main)
