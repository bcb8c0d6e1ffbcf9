"""What goes with good reconstructions: the movie, the animal, and how well its neurons are predicted."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd

from movrecon_core.analysis import (
    SKIPPED_FRAMES,
    bonferroni,
    compare_conditions,
    frame_correlation,
    lagged_correlation,
    motion_energy,
    mouse_means,
    nested_correlation,
    paired_t,
    population_correlation,
    response_correlation,
)
from movrecon_core.figures.comparisons import T_TEST_LEFT_OUT
from movrecon_core.figures.published import published
from movrecon_core.figures.rows import NAN, Row, estimate
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.study.study import Study

FEATURES = ("contrast", "luminance", "motion energy", "running speed", "pupil dilation", "eye movement")
"""Three of the movie and three of the animal."""
PREDICTABILITY = "response correlation"
QUALITY = "mean frame correlation"
LEVEL = 0.05


def frame_features(study: Study) -> pd.DataFrame:
    """Every evaluated frame's quality, and what might go with it; pixels are those of the evaluation mask.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``frame``; ``frame correlation``; ``contrast`` (s.d. of the pixels), ``luminance`` (their
        mean), ``motion energy``; ``running speed``, ``pupil dilation``, ``eye movement`` (how far the pupil moved since
        the frame before); ``response correlation``, over neurons, between the responses recorded and those predicted
        for the true movie, and ``movie response correlation``, over neurons and frames, the same for all frames.
    """
    tables = []  # a signal that was not recorded is NaN: the 0 in its place would count as a value
    for mouse, number in study.movies():
        trial, judged = study.trial(mouse, number), study.results.judged(mouse, number)
        truth, pixels = judged.truth, judged.pixels
        evaluated, before = slice(SKIPPED_FRAMES, None), slice(SKIPPED_FRAMES - 1, None)
        inside = truth[evaluated][:, pixels]
        responses = study.results.responses(mouse, number).isel(time=evaluated)
        recorded, predicted = responses["recorded"].values, responses["predicted"].sel(stimulus="true").values
        columns = {
            "mouse": study.label(mouse),
            "trial": number,
            "frame": np.arange(SKIPPED_FRAMES, trial.frames),
            "frame correlation": frame_correlation(*judged.evaluated),
            "contrast": inside.std(axis=1, dtype=np.float64),
            "luminance": inside.mean(axis=1, dtype=np.float64),
            "motion energy": motion_energy(truth[before], pixels),
            "running speed": trial.behavior[1, evaluated],
            "pupil dilation": trial.behavior[0, evaluated],
            "eye movement": np.hypot(*np.diff(trial.pupil_center[:, before], axis=1)),
            PREDICTABILITY: population_correlation(recorded, predicted),
            f"movie {PREDICTABILITY}": response_correlation(recorded, predicted),
        }
        missing = {"eye movement" if name == "pupil position" else name: np.nan for name in trial.missing_signals}
        tables.append(pd.DataFrame(columns | missing))
    return pd.concat(tables, ignore_index=True)


def correlate_panels(frames: pd.DataFrame, max_lag: float) -> dict[str, pd.DataFrame]:
    """What the figure of correlates draws.

    Parameters
    ----------
    frames
        Of `frame_features`.
    max_lag
        Longest shift in seconds; at most half of the shortest movie.

    Returns
    -------
    dict
        ``A`` each movie's ``mean frame correlation`` and the mean of each ``feature``; ``B`` the same with the
        ``response correlation`` of the movie; ``B_lags`` correlation over time of both for each movie and ``lag`` in
        seconds, positive where the frame comes after the response; ``C`` correlation over time of each ``feature`` with
        frame correlation, each movie.
    """
    grouped = frames.groupby(["mouse", "trial"], sort=False)
    means = grouped[["frame correlation", *FEATURES, f"movie {PREDICTABILITY}"]].mean().reset_index()
    means = means.rename(columns={"frame correlation": QUALITY, f"movie {PREDICTABILITY}": PREDICTABILITY})
    features = means.melt(["mouse", "trial", QUALITY], list(FEATURES), "feature", "value")
    longest = min(round(max_lag * FRAME_RATE), int(grouped.size().min()) // 2)
    lags = range(-longest, longest + 1)
    curves, moments = [], []
    for (mouse, trial), movie in grouped:
        columns = {"mouse": mouse, "trial": trial}
        quality = movie["frame correlation"]
        lagged = lagged_correlation(movie[PREDICTABILITY], quality, lags)
        curves.append(pd.DataFrame({**columns, "lag": np.array(lags) / FRAME_RATE, "correlation": lagged}))
        together = [lagged_correlation(movie[feature], quality, [0])[0] for feature in FEATURES]
        moments.append(pd.DataFrame({**columns, "feature": list(FEATURES), "correlation": together}))
    return {
        "A": features[["mouse", "trial", "feature", "value", QUALITY]].round(6),
        "B": means[["mouse", "trial", PREDICTABILITY, QUALITY]].round(6),
        "B_lags": pd.concat(curves, ignore_index=True).round(6),
        "C": pd.concat(moments, ignore_index=True).round(6),
    }


def movie_statistics(panels: Mapping[str, pd.DataFrame], seed: int) -> pd.DataFrame:
    """Correlations over movies with reconstruction quality.

    Returns
    -------
    DataFrame
        ``feature``; ``r``, ``p``, ``slope``, ``intercept`` over all movies, as in the article; ``r_within`` and
        ``p_within`` where movies are exchanged within mice alone; both p Bonferroni-corrected for the six features
        (response correlation stands by itself); ``mice``, ``movies``; ``left_out`` says why numbers are missing.
    """
    measures = {name: (rows["value"], rows) for name, rows in panels["A"].groupby("feature", sort=False)}
    measures[PREDICTABILITY] = (panels["B"][PREDICTABILITY], panels["B"])
    rows = []
    for name, (values, movies) in measures.items():
        known = values.notna() & movies[QUALITY].notna()
        result = nested_correlation(values[known], movies.loc[known, QUALITY], movies.loc[known, "mouse"], seed)
        left_out = "" if np.isfinite(result.r) else "correlation: it needs three movies that differ"
        if not left_out and np.isnan(result.p_within):
            left_out = "test within mice: it needs mice with movies that differ"
        rows.append({"feature": name, **vars(result), "left_out": left_out})
    return _corrected(pd.DataFrame(rows), ["p", "p_within"])


def moment_statistics(panels: Mapping[str, pd.DataFrame], seed: int) -> pd.DataFrame:
    """Correlations over time with frame correlation, each movie's own.

    Returns
    -------
    DataFrame
        ``feature``, what `Estimate` holds, ``p`` of a t-test over mice, Bonferroni-corrected for the six features,
        ``left_out``.
    """
    zero = panels["B_lags"].query("lag == 0").assign(feature=PREDICTABILITY)
    found = []
    known = pd.concat([panels["C"], zero]).dropna(subset=["correlation"])
    for name, movies in known.groupby("feature", sort=False):
        mice = mouse_means(movies["correlation"], movies["mouse"])
        p = paired_t(mice, np.zeros_like(mice)).p if mice.size > 1 else np.nan
        tested = {"p": p, "left_out": "" if mice.size > 1 else T_TEST_LEFT_OUT}
        found.append({"feature": name, **asdict(estimate(movies["correlation"], movies["mouse"], seed)), **tested})
    return _corrected(pd.DataFrame(found), ["p"])


def lag_statistics(panels: Mapping[str, pd.DataFrame], seed: int) -> pd.DataFrame:
    """Whether response correlation goes with the frames of the same time rather than with those far away.

    Returns
    -------
    DataFrame
        ``peak_lag`` of the mean over mice in seconds, ``at_peak``, ``at_zero``, ``far`` (mean of both longest
        lags), ``difference`` of zero and far with ``low`` and ``high`` (95 %, bootstrap over mice and then their
        movies), ``p`` of a paired t-test over mice, ``mice``, ``movies``, ``left_out``. No row where no movie has a
        correlation at every lag.
    """
    wide = panels["B_lags"].pivot(index=["mouse", "trial"], columns="lag", values="correlation").dropna()
    if wide.empty:
        return pd.DataFrame()
    mice = wide.index.get_level_values("mouse").to_numpy()
    mean = wide.groupby(level="mouse").mean().mean()
    far = wide[[wide.columns.min(), wide.columns.max()]].mean(axis=1)
    result = compare_conditions(far, wide[0.0], mice, seed)
    row = {
        "peak_lag": float(mean.idxmax()),
        "at_peak": float(mean.max()),
        "at_zero": result.second,
        "far": result.first,
        "difference": result.difference.mean,
        "low": result.difference.low,
        "high": result.difference.high,
        "p": result.test.p if result.test else np.nan,
        "mice": result.mice,
        "movies": result.movies,
        "left_out": "" if result.test else T_TEST_LEFT_OUT,
    }
    return pd.DataFrame([row])


def rows(over_movies: pd.DataFrame) -> Iterator[Row]:
    """Which features go with quality over movies.

    Parameters
    ----------
    over_movies
        Of `movie_statistics`.
    """
    found = over_movies.set_index("feature")
    for key, theirs in published("figure_2_supplement_1.p").items():
        row = found.loc[key.replace("_", " ")]
        yield Row("2–S1", f"p of {row.name}", "p", theirs, float(row["p"]), n=int(row["movies"]), note="uncorrected")
    for key, significant in published("figure_2_supplement_1.significant").items():
        row = found.loc[key.replace("_", " ")]
        tested = np.isfinite(row["p_bonferroni"])
        seen = float(row["p_bonferroni"] < LEVEL) if tested else NAN
        note = f"1: corrected p < {LEVEL} over movies, 0: not" if tested else str(row["left_out"])
        yield Row(
            "2–S1", f"{row.name} goes with quality", "count", float(significant), seen, n=int(row["movies"]), note=note
        )


def _corrected(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Multiply the p of the six features by their number; one test by itself stays as it is."""
    for column in columns:
        corrected = table[column].copy()
        family = table["feature"].isin(FEATURES) & corrected.notna()
        corrected[family] = bonferroni(corrected[family])
        table.insert(table.columns.get_loc(column) + 1, f"{column}_bonferroni", corrected)
    return table
