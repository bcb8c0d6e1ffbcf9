"""Two encoders side by side: cost, quality, calibration, and what is reconstructed with each."""

import numpy as np
import pandas as pd
import xarray as xr

from movrecon_core.analysis import video_correlation
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.reconstruction import SMOOTHING, ensemble
from movrecon_core.study.conditions import RECORDED
from movrecon_core.study.stages.encoder_qualities import compared_encoders
from movrecon_core.study.study import Study


def comparison_panels(study: Study) -> dict[str, pd.DataFrame]:
    """What the figure of the compared encoders draws.

    Returns
    -------
    dict
        ``A`` quality of each mouse, ``B`` calibration, ``C`` reconstructions with each; the last is left out where the
        profile has no other encoder.
    """
    panels = {"A": encoder_quality(study), "B": encoder_calibration(study)}
    return {**panels, "C": compared_reconstructions(study)} if study.profile.comparison is not None else panels


def encoder_costs(study: Study) -> pd.DataFrame:
    """Size and training of the compared encoders: ``encoder``, ``parameters``, ``seconds``."""
    sizes = _qualities(study)[0]["parameters"]
    rows = []
    for name, encoder in compared_encoders(study).items():
        rows.append((name, int(sizes.sel(encoder=name)), study.cost(encoder).get("seconds", float("nan"))))
    return pd.DataFrame(rows, columns=["encoder", "parameters", "seconds"])


def encoder_quality(study: Study) -> pd.DataFrame:
    """Single-trial correlation on held-out movies and what it can reach.

    Returns
    -------
    DataFrame
        One row for each mouse and encoder: ``mouse``, ``encoder``, ``correlation``, ``ceiling``, ``share`` (of the
        ceiling), ``ceiling_from`` (``truth``, ``repeats`` or ``unknown``), ``repeat_correlation`` (with the average
        over repeats of a movie), ``repeated_movies``. Means over neurons; NaN where it cannot be known.
    """
    rows = []
    for mouse, found in enumerate(_qualities(study)):
        ceiling = _mean(found["ceiling"])
        for name in found.attrs["encoders"]:
            correlation = _mean(found["correlation"].sel(encoder=name))
            rows.append(
                {
                    "mouse": study.label(mouse),
                    "encoder": name,
                    "correlation": correlation,
                    "ceiling": ceiling,
                    "share": correlation / ceiling if ceiling > 0 else float("nan"),
                    "ceiling_from": found.attrs["ceiling_from"],
                    "repeat_correlation": _mean(found["repeat_correlation"].sel(encoder=name)),
                    "repeated_movies": found.attrs["repeated_movies"],
                }
            )
    return pd.DataFrame(rows)


def encoder_calibration(study: Study) -> pd.DataFrame:
    """Mean recorded response where so much was predicted, mean over mice: ``encoder``, ``predicted``, ``recorded``.

    Both in units of a neuron's mean response.
    """
    bins = [found[["predicted", "recorded"]] for found in _qualities(study)]  # mice have other numbers of neurons
    together = xr.concat(bins, "mouse").mean("mouse")
    return together.to_dataframe().reset_index()[["encoder", "bin", "predicted", "recorded"]]


def compared_reconstructions(study: Study) -> pd.DataFrame:
    """Video correlation of the same movies found with each encoder, one instance each.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``encoder``, ``video_correlation``; 0 for a movie that stayed flat.
    """
    own, other = compared_encoders(study)
    rows = []
    for mouse, trial in ((m, t) for m in study.reconstructed_mice for t in study.asked.compared_trials(m)):
        unit = study.result("other-reconstructions", mouse, trial, 0, RECORDED)
        first = study.results.judged(mouse, trial, instances=[0])
        second = first._replace(reconstruction=crop_movie(ensemble([unit["movie"].values], SMOOTHING)))
        for name, judged in ((own, first), (other, second)):
            with np.errstate(invalid="ignore", divide="ignore"):
                quality = video_correlation(*judged.evaluated)
            rows.append((study.label(mouse), trial, name, float(np.nan_to_num(quality))))
    return pd.DataFrame(rows, columns=["mouse", "trial", "encoder", "video_correlation"])


def _mean(values: xr.DataArray) -> float:
    """Over the neurons for which it is known; NaN where there are none."""
    known = values.values[np.isfinite(values.values)]
    return float(known.mean()) if known.size else float("nan")


def _qualities(study: Study) -> list[xr.Dataset]:
    """Of every mouse, with the encoders' names."""
    found = [study.result("encoder-qualities", mouse) for mouse in range(len(study.recordings))]
    return [dataset.assign_coords(encoder=dataset.attrs["encoders"]) for dataset in found]
