"""Neurons as a physiologist measures them, beside what the literature gives."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from movrecon_core.analysis.physiology import DIRECTIONS, SPATIAL_FREQUENCIES, TEMPORAL_FREQUENCIES, spectral_slope
from movrecon_core.study.study import Study

SIMPLE = 1.0
"""F1/F0 above which a cell counts as simple (Skottun et al. 1991)."""
SELECTIVE = 0.5
"""Index above which a cell counts as selective: the orthogonal or opposite direction evokes less than a third."""


@dataclass(frozen=True)
class Reference:
    """What the literature gives for a quantity; the sources are keys of the bibliography."""

    value: str
    sources: str


LITERATURE = {
    "orientation-selective neurons (index above 0.5), share": Reference("most", "Niell & Stryker 2008"),
    "direction-selective neurons (index above 0.5), share": Reference(
        "0.3 – 0.4", "Niell & Stryker 2008; Rochefort et al. 2011"
    ),
    "preferred spatial frequency (cycles/degree), median": Reference(
        "0.02 – 0.08, spread over five octaves", "Niell & Stryker 2008; Andermann et al. 2011"
    ),
    "preferred temporal frequency (Hz), median": Reference("1 – 4, spread over five octaves", "Andermann et al. 2011"),
    "simple cells (F1/F0 above 1), share": Reference("most, in layers 2 – 4", "Niell & Stryker 2008"),
    "receptive-field diameter (degrees), median": Reference("10 – 20", "Niell & Stryker 2008; Bonin et al. 2011"),
    "screen within a receptive field, share": Reference("–", "–"),
    "lifetime sparseness of recorded responses, median": Reference(
        "0.4 – 0.6 in macaque; sparse in mouse", "Vinje & Gallant 2000; Froudarakis et al. 2014"
    ),
    "signal correlation of pairs, mean": Reference("small, positive", "Cohen & Kohn 2011"),
    "noise correlation of pairs, mean": Reference("0.01 – 0.2", "Cohen & Kohn 2011"),
    "mean responses, s.d. of the logarithm": Reference("about log-normal", "Buzsáki & Mizuseki 2014"),
    "response while running / at rest, median": Reference("about 2", "Niell & Stryker 2010"),
    "slope of the movies' spatial power": Reference(
        "-2 for scenes; -4.2 to -2.3 for footage at this resolution", "Field 1987; 40 clips"
    ),
    "motion of the movies (grey levels a frame), median": Reference("0.7 – 7.1", "40 clips of footage"),
}
"""The 40 clips are openly licensed footage, cut to 36 × 64 pixels; the ranges are their 5th to 95th percentile."""


def physiology_panels(study: Study) -> dict[str, pd.DataFrame]:
    """What the physiology figure draws: one table a panel, ``A`` to ``M``; what cannot be known is left out."""
    found = _units(study)
    selectivity = {"orientation": "orientation_selectivity", "direction": "direction_selectivity"}
    pairs = {"signal": "signal_correlation", "noise": "noise_correlation"}
    panels = {
        "A": _curves(found, "direction_curve", DIRECTIONS, "degrees from the preferred direction", "response"),
        "B": _curves(found, "spatial_curve", SPATIAL_FREQUENCIES, "cycles/degree", "response"),
        "C": _curves(found, "temporal_curve", TEMPORAL_FREQUENCIES, "Hz", "response"),
        "D": _values(found, {"F1/F0": "modulation_ratio"}, "F1/F0"),
        "E": _values(found, selectivity, "selectivity index"),
        "F": _values(found, {"fields": "field_diameter"}, "field diameter (degrees)"),
        "G": _coverage(found),
        "H": _values(found, {"recorded": "sparseness", "noise-free": "expected_sparseness"}, "lifetime sparseness"),
        "I": _values(found, pairs, "correlation of two neurons"),
        "J": _values(found, {"neurons": "mean_response"}, "mean response"),
        "K": _values(found, {"neurons": "running_ratio"}, "response running / at rest"),
        "L": _spectra(found),
        "M": _values(found, {"movies": "motion"}, "motion (grey levels a frame)"),
    }
    return {letter: table for letter, table in panels.items() if len(table)}


def beside_literature(study: Study) -> pd.DataFrame:
    """Each quantity with the literature's value, its source, and the mean over this study's mice."""
    found = list(_units(study).values())

    def over_mice(measure: str, summary: str) -> float:
        values = [_finite(dataset[measure]) for dataset in found]
        return _mean([getattr(np, summary)(v) for v in values if v.size])

    def share(measure: str, above: float) -> float:
        values = [_finite(dataset[measure]) for dataset in found]
        return _mean([float((v > above).mean()) for v in values if v.size])

    ours = {
        "orientation-selective neurons (index above 0.5), share": share("orientation_selectivity", SELECTIVE),
        "direction-selective neurons (index above 0.5), share": share("direction_selectivity", SELECTIVE),
        "preferred spatial frequency (cycles/degree), median": over_mice("preferred_spatial", "median"),
        "preferred temporal frequency (Hz), median": over_mice("preferred_temporal", "median"),
        "simple cells (F1/F0 above 1), share": share("modulation_ratio", SIMPLE),
        "receptive-field diameter (degrees), median": over_mice("field_diameter", "median"),
        "screen within a receptive field, share": share("coverage", 0),
        "lifetime sparseness of recorded responses, median": over_mice("sparseness", "median"),
        "signal correlation of pairs, mean": over_mice("signal_correlation", "mean"),
        "noise correlation of pairs, mean": over_mice("noise_correlation", "mean"),
        "mean responses, s.d. of the logarithm": _mean(
            [float(np.log(v[v > 0]).std()) for v in (_finite(d["mean_response"]) for d in found) if (v > 0).any()]
        ),
        "response while running / at rest, median": over_mice("running_ratio", "median"),
        "slope of the movies' spatial power": over_mice("slope", "median"),
        "motion of the movies (grey levels a frame), median": over_mice("motion", "median"),
    }
    rows = [
        (name, LITERATURE[name].value, LITERATURE[name].sources, "unknown" if np.isnan(value) else f"{value:.3g}")
        for name, value in ours.items()
    ]
    return pd.DataFrame(rows, columns=["quantity", "literature", "source", "this run"]).set_index("quantity")


def probed_with(study: Study) -> str:
    """What answered to gratings and flashes: ``simulated neurons`` or ``encoder``."""
    return ", ".join(sorted({dataset.attrs["probed"] for dataset in _units(study).values()}))


def _units(study: Study) -> dict[str, xr.Dataset]:
    """Of each mouse, by label."""
    mice = study.reconstructed_mice
    return {study.label(mouse): study.result("physiology", mouse) for mouse in mice}


def _finite(values: xr.DataArray) -> np.ndarray:
    flat = values.values.ravel()
    return flat[np.isfinite(flat)]


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _curves(
    found: dict[str, xr.Dataset], measure: str, x: tuple[float, ...], x_label: str, y_label: str
) -> pd.DataFrame:
    """Mean over the driven neurons of each mouse."""
    tables = []
    for mouse, dataset in found.items():
        curves = dataset[measure].values
        driven = curves[np.isfinite(curves).all(axis=1)]
        if len(driven):
            tables.append(pd.DataFrame({"mouse": mouse, "x": x, "y": driven.mean(axis=0)}))
    columns = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["mouse", "x", "y"])
    return columns.assign(x_label=x_label, y_label=f"{y_label} (relative)")


def _values(found: dict[str, xr.Dataset], measures: dict[str, str], x_label: str) -> pd.DataFrame:
    """Every known value; `measures` maps what it is called to its variable."""
    tables = [
        pd.DataFrame({"mouse": mouse, "quantity": name, "value": dataset[measure].values})
        for mouse, dataset in found.items()
        for name, measure in measures.items()
    ]
    return pd.concat(tables, ignore_index=True).dropna(subset="value").assign(x_label=x_label)


def _coverage(found: dict[str, xr.Dataset]) -> pd.DataFrame:
    tables = [
        dataset["coverage"].to_dataframe("fields").reset_index().assign(mouse=mouse) for mouse, dataset in found.items()
    ]
    return pd.concat(tables, ignore_index=True)


def _spectra(found: dict[str, xr.Dataset]) -> pd.DataFrame:
    tables = [
        pd.DataFrame({"mouse": mouse, "kind": "movies", "x": d["frequency_band"].values, "y": d["power"].values})
        for mouse, d in found.items()
        if d["power"].notnull().all()
    ]
    if not tables:
        return pd.DataFrame(columns=["mouse", "kind", "x", "y", "x_label", "y_label"])
    x, y = tables[0]["x"].to_numpy(), tables[0]["y"].to_numpy()
    for slope in (-2.0, round(spectral_slope(x, y), 1)):
        line = y[1] * (x / x[1]) ** slope
        tables.append(pd.DataFrame({"mouse": f"slope {slope:g}", "kind": "reference", "x": x, "y": line}))
    return pd.concat(tables, ignore_index=True).assign(x_label="cycles/pixel", y_label="power (relative)")
