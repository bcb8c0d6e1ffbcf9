"""The study in numbers: `summary.json`, and the headline that ends a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from movrecon_core import __version__
from movrecon_core.errors import StoreError
from movrecon_core.figures.report import report
from movrecon_core.storage.files import read_json, write_json
from movrecon_core.storage.paths import SUMMARY_FILE
from movrecon_core.study.provenance import device_name
from movrecon_core.study.stage_costs import stage_costs
from movrecon_core.study.study import Study

DIGITS = 6
"""Decimals kept: differences below that are rounding, not results."""

_ESTIMATES = {
    "video_correlation": "video correlation",
    "mean_frame_correlation": "mean frame correlation",
    "random_control": "video correlation, random movie",
    "random_control_mean_frame_correlation": "mean frame correlation, random movie",
    "video_correlation_from_predicted": "video correlation, from predicted responses",
}
"""Name → the row of Figure 2."""
_MEANS = ("video_correlation", "mean_frame_correlation", "video_correlation_from_predicted")

_NEEDED = {"simulated", "profile", "version", "seconds", "video_correlation", "random_control", "mice"}
"""What a summary is not one without."""


def summarise(study: Study, device: torch.device) -> dict[str, Any]:
    """All numbers of `summary.json`; equal for equal seeds but for ``seconds`` and ``peak_memory_bytes``."""
    found, costs = report(study), stage_costs(study)
    numbers = found.numbers.set_index(["figure", "quantity"])
    encoder = numbers.loc[("1", "encoder's single-trial correlation, one instance"), "ours"]
    return {
        **{name: _estimate(numbers, row) for name, row in _ESTIMATES.items()},
        "encoder_single_trial_correlation": {
            "mice": {mouse.mouse: round(mouse.single, DIGITS) for mouse in found.mice.itertuples()},
            "mean": round(float(encoder), DIGITS),
        },
        "mice": _mice(found.mice),
        "findings": _findings(found.findings),
        "beyond_the_article": _findings(found.beyond),
        "seconds": {stage: cost["seconds"] for stage, cost in costs.items()},
        "peak_memory_bytes": {stage: cost["peak_memory_bytes"] for stage, cost in costs.items()},
        "device": device_name(device),
        "precision": study.precision,
        "profile": study.profile.name,
        "rehearsal": study.profile.rehearsal,
        "held_out": study.held_out,
        "seed": study.profile.seed,
        "version": __version__,
        "simulated": study.simulated,
    }


def write_summary(study: Study, device: torch.device) -> dict[str, Any]:
    """Write `summary.json` and give back what it holds."""
    summary = summarise(study, device)
    write_json(study.out / SUMMARY_FILE, summary)
    return summary


def read_summary(path: Path) -> dict[str, Any]:
    """Read what `write_summary` wrote.

    Raises
    ------
    StoreError
        If there is none, or it is not a whole one.
    """
    summary = read_json(path)
    if not isinstance(summary, dict) or not summary.keys() >= _NEEDED:
        raise StoreError(f"{path}: no summary here; `movrecon run` writes one")
    return summary


def headline(summary: Mapping[str, Any], out: Path, figures: Path) -> str:
    """What a run says at its end."""
    data = "simulated recordings" if summary["simulated"] else "recordings"
    data += ", a rehearsal: the numbers mean nothing" if summary.get("rehearsal") else ""
    rows = [
        ("video correlation", shown(summary["video_correlation"])),
        ("  with a random other movie", shown(summary["random_control"])),
        ("  from predicted responses", shown(summary["video_correlation_from_predicted"])),
        ("mean frame correlation", shown(summary["mean_frame_correlation"])),
        ("encoder, single trials", f"{summary['encoder_single_trial_correlation']['mean']:.3f} (mean over mice)"),
        (
            "minutes",
            ", ".join(f"{stage} {seconds / 60:.1f}" for stage, seconds in summary["seconds"].items())
            + f"; in all {sum(summary['seconds'].values()) / 60:.1f}",
        ),
        ("book", str(out / "book" / "index.html")),
        ("figures", str(figures)),
        ("numbers", str(out / SUMMARY_FILE)),
    ]
    width = max(len(name) for name, _ in rows) + 2
    lines = [f"{name:<{width}}{value}" for name, value in rows]
    return "\n".join([f"movrecon {summary['version']}, profile {summary['profile']}, {data}", *lines])


def shown(estimated: Mapping[str, Any] | None) -> str:
    """An estimate in words: ``0.569 (95 % CI 0.542 to 0.596 over mice and their movies, n = 50 movies)``."""
    if estimated is None:
        return "not computed"
    interval = estimated["ci95_hierarchical"]
    spread = f"95 % CI {interval[0]:.3f} to {interval[1]:.3f} over mice and their movies, " if interval else ""
    return f"{estimated['mean']:.3f} ({spread}n = {estimated['n']} movies)"


def _estimate(numbers: pd.DataFrame, quantity: str) -> dict[str, Any] | None:
    """A row of Figure 2: mean over movies, the article's 95 % interval, and one that knows that movies are in mice."""
    if ("2", quantity) not in numbers.index:
        return None
    row = numbers.loc[("2", quantity)]
    return {
        "mean": round(row["ours"], DIGITS),
        "ci95": _interval(row["low_t"], row["high_t"]),
        "n": int(row["n"]),
        "ci95_hierarchical": _interval(row["low"], row["high"]),
    }


def _mice(mice: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Means over the movies of each mouse that was reconstructed."""
    details: dict[str, dict[str, Any]] = {}
    for mouse in mice[mice["movies"].notna()].to_dict("records"):
        details[mouse["mouse"]] = {
            "movies": int(mouse["movies"]),
            "ensemble_single_trial_correlation": round(mouse["ensemble"], DIGITS),
        } | {name: round(mouse[name], DIGITS) for name in _MEANS if np.isfinite(mouse[name])}
    return details


def _findings(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Each finding's decision and what it rests on; p with six digits that count, missing numbers None."""
    found: dict[str, dict[str, Any]] = {}
    for row in table.itertuples():
        numbers = {"difference": row.difference, "effect_size": row.effect_size}
        found[str(row.finding)] = {
            "decision": row.decision,
            **{name: round(value, DIGITS) if np.isfinite(value) else None for name, value in numbers.items()},
            "ci95_hierarchical": _interval(row.low, row.high),
            "p": float(f"{row.p:.6g}") if np.isfinite(row.p) else None,
            "mice": int(row.mice),
            "movies": int(row.movies),
        }
    return found


def _interval(low: float, high: float) -> list[float] | None:
    return [round(low, DIGITS), round(high, DIGITS)] if np.isfinite([low, high]).all() else None
