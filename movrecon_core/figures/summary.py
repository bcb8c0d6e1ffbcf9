"""The study in numbers: `summary.json`, and the headline that ends a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike

from movrecon_core import __version__
from movrecon_core.analysis import Interval, confidence_interval, hierarchical_bootstrap
from movrecon_core.errors import StoreError
from movrecon_core.figures import performance, single_trial_correlations
from movrecon_core.figures.report import report
from movrecon_core.study.files import read_json, write_json
from movrecon_core.study.paths import SUMMARY_FILE
from movrecon_core.study.provenance import device_name
from movrecon_core.study.stage_costs import stage_costs
from movrecon_core.study.study import Study

DIGITS = 6
"""Decimals kept: differences below that are rounding, not results."""

_NEEDED = {"simulated", "profile", "version", "seconds", "video_correlation", "random_control", "mice"}
"""What a summary is not one without."""


def estimate(values: ArrayLike, mice: ArrayLike, seed: int) -> dict[str, Any]:
    """Mean over movies with the article's 95 % interval and one that respects that movies are nested in mice.

    Parameters
    ----------
    values
        (movies,), one correlation a movie.
    mice
        (movies,), which mouse each belongs to.
    seed
        Of the bootstrap.

    Returns
    -------
    dict
        ``mean``; ``ci95``, from Student's t over movies, as in the article; ``n`` movies; ``ci95_hierarchical``, from
        a bootstrap over mice and then movies. An interval that too few movies allow is None.
    """
    found, mouse = np.asarray(values, dtype=np.float64), np.asarray(mice)
    interval = confidence_interval(found)
    nested = hierarchical_bootstrap([found[mouse == name] for name in np.unique(mouse)], seed)
    return {
        "mean": round(interval.mean, DIGITS),
        "ci95": _rounded(interval),
        "n": interval.n,
        "ci95_hierarchical": _rounded(nested) if interval.n > 1 else None,
    }


def summarise(study: Study, device: torch.device) -> dict[str, Any]:
    """All numbers of `summary.json`; equal for equal seeds but for ``seconds`` and ``peak_memory_bytes``."""
    movies = performance(study)
    recorded = movies[movies["condition"] == "recorded"]
    predicted = movies[movies["condition"] == "predicted"]
    singles = single_trial_correlations(study)
    by_mouse = _single_trial_means(singles)
    costs = stage_costs(study)
    seed = study.profile.seed
    return {
        "video_correlation": estimate(recorded["video_correlation"], recorded["mouse"], seed),
        "mean_frame_correlation": estimate(recorded["mean_frame_correlation"], recorded["mouse"], seed),
        "random_control": _optional(recorded, "random_video_correlation", seed),
        "random_control_mean_frame_correlation": _optional(recorded, "random_mean_frame_correlation", seed),
        "video_correlation_from_predicted": _optional(predicted, "video_correlation", seed),
        "encoder_single_trial_correlation": {
            "mice": by_mouse,
            "mean": round(float(np.mean(list(by_mouse.values()))), DIGITS),
        },
        "mice": _details(recorded, predicted, singles),
        "findings": _findings(report(study).findings),
        "seconds": {stage: cost["seconds"] for stage, cost in costs.items()},
        "peak_memory_bytes": {stage: cost["peak_memory_bytes"] for stage, cost in costs.items()},
        "device": device_name(device),
        "profile": study.profile.name,
        "held_out": study.held_out,
        "seed": seed,
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
    """An estimate in words: ``0.569 (95 % CI 0.542 to 0.596, n = 50 movies)``."""
    if estimated is None:
        return "not computed"
    interval = estimated["ci95"]
    spread = f"95 % CI {interval[0]:.3f} to {interval[1]:.3f}, " if interval else ""
    return f"{estimated['mean']:.3f} ({spread}n = {estimated['n']} movies)"


def _optional(table: pd.DataFrame, column: str, seed: int) -> dict[str, Any] | None:
    if column not in table:
        return None
    rows = table.dropna(subset=[column])
    return estimate(rows[column], rows["mouse"], seed) if len(rows) else None


def _single_trial_means(table: pd.DataFrame) -> dict[str, float]:
    """Mean over instances of the single instances' correlation, for each mouse."""
    single = table[table["encoder"] != "ensemble"]
    return {
        str(m): round(float(v), DIGITS) for m, v in single.groupby("mouse", sort=False)["correlation"].mean().items()
    }


def _details(recorded: pd.DataFrame, predicted: pd.DataFrame, singles: pd.DataFrame) -> dict[str, dict[str, Any]]:
    ensemble = singles[singles["encoder"] == "ensemble"].set_index("mouse")["correlation"]
    columns = ["video_correlation", "mean_frame_correlation"]
    details: dict[str, dict[str, Any]] = {}
    for mouse, rows in recorded.groupby("mouse", sort=False):
        mean = rows[columns].mean()
        details[str(mouse)] = {column: round(float(mean[column]), DIGITS) for column in columns}
        details[str(mouse)]["movies"] = len(rows)
        details[str(mouse)]["ensemble_single_trial_correlation"] = round(float(ensemble[mouse]), DIGITS)
        of_predicted = predicted[predicted["mouse"] == mouse]
        if len(of_predicted):
            value = round(float(of_predicted["video_correlation"].mean()), DIGITS)
            details[str(mouse)]["video_correlation_from_predicted"] = value
    return details


def _findings(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Each finding's decision and what it rests on; p with six digits that count, missing numbers None."""
    found: dict[str, dict[str, Any]] = {}
    for row in table.itertuples():
        numbers = {"difference": row.difference, "effect_size": row.effect_size}
        found[str(row.finding)] = {
            "decision": row.decision,
            **{name: round(value, DIGITS) if np.isfinite(value) else None for name, value in numbers.items()},
            "ci95_hierarchical": [round(row.low, DIGITS), round(row.high, DIGITS)] if np.isfinite(row.low) else None,
            "p": float(f"{row.p:.6g}") if np.isfinite(row.p) else None,
            "mice": int(row.mice),
            "movies": int(row.movies),
        }
    return found


def _rounded(interval: Interval) -> list[float] | None:
    ends = [round(interval.low, DIGITS), round(interval.high, DIGITS)]
    return ends if np.isfinite(ends).all() else None
