"""The article's qualitative findings: which of them a run shows, each decided by a stated test."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from movrecon_core.analysis import compare_conditions, mixed_model
from movrecon_core.errors import MovreconError
from movrecon_core.figures.fig4_gaussian_noise import SHORTEST
from movrecon_core.figures.fig4s1_gratings import BELOW, FLICKER, flicker_pairs, frame_step
from movrecon_core.figures.measured import Measured
from movrecon_core.study.study import Study

LEVEL = 0.05
"""Of the tests, two-sided and one for each finding."""
FEWEST = 3
"""Mice, or stimuli, below which no test is made."""
COLUMNS = [
    "finding",
    "decision",
    "figure",
    "compared",
    "difference",
    "low",
    "high",
    "effect_size",
    "t",
    "df",
    "p",
    "p_mixed",
    "over",
    "mice",
    "movies",
]


class LeftOutError(MovreconError):
    """A run lacks what a finding would be decided by."""


@dataclass(frozen=True)
class Question:
    """A finding of the article, and what decides it.

    Attributes
    ----------
    finding
        What would be shown.
    figure
        Of the article.
    compared
        What is subtracted from what; the finding holds where the difference is above 0.
    values
        Makes the table of both: ``mouse``, ``movie``, ``first``, ``second``.
    over
        What the test counts as independent: mice, or stimuli, each the mean over mice.
    """

    finding: str
    figure: str
    compared: str
    values: Callable[[Measured], pd.DataFrame]
    over: str = "mice"


def qualitative_findings(measured: Measured) -> pd.DataFrame:
    """Decide every finding by a paired t-test over mice (gratings: over stimuli), two-sided at 0.05.

    Returns
    -------
    DataFrame
        One row a finding: ``decision`` (``seen``, ``not seen``, ``not seen: the opposite``, or ``left out: ...``); what
        is ``compared``; ``difference`` (mean over mice) with ``low`` and ``high``, the 95 % interval of a bootstrap
        over mice and then their movies; ``effect_size`` (Cohen's d of paired samples), ``t``, ``df``, ``p``;
        ``p_mixed`` of the mixed model with movies in mice; what the test is ``over``; ``mice``, ``movies``.
    """
    return pd.DataFrame([decide(question, measured) for question in QUESTIONS], columns=COLUMNS)


def figure_findings(measured: Measured, figure: str) -> pd.DataFrame:
    """Those of `qualitative_findings` that one figure of the article shows, such as ``3``."""
    asked = [question for question in QUESTIONS if question.figure == figure]
    return pd.DataFrame([decide(question, measured) for question in asked], columns=COLUMNS)


def flicker_artefact(study: Study, measures: pd.DataFrame) -> pd.Series:
    """Whether gratings of 15 Hz are reconstructed better than the same at 7.5 Hz, and whether that is to be expected.

    Parameters
    ----------
    study
        Whose encoders are asked for how many frames they skip.
    measures
        As `grating_measures` makes them, of one kind of target.
    """
    question = next(question for question in QUESTIONS if question.over == "stimuli")
    row = _decided(question, lambda: _flicker(measures), study.profile.seed)
    expected = "yes: every second frame is taken" if frame_step(study) == 2 else "no: every frame is taken"
    return pd.Series({**row, "to be expected of these encoders": expected})


def decide(question: Question, measured: Measured) -> dict[str, object]:
    """One row of `qualitative_findings`."""
    return _decided(question, lambda: question.values(measured), measured.seed)


def pairs(first: pd.Series, second: pd.Series) -> pd.DataFrame:
    """Table of a question, ``mouse``, ``movie``, ``first``, ``second``, from values indexed by mouse and movie."""
    return pd.DataFrame({"first": first, "second": second}).rename_axis(["mouse", "movie"]).reset_index()


def choose(decision: object, seen: str, opposite: str, undecided: str) -> str:
    """Words that a decision calls for."""
    return {"seen": seen, "not seen: the opposite": opposite}.get(str(decision), undecided)


def _decided(question: Question, values: Callable[[], pd.DataFrame], seed: int) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(COLUMNS, np.nan)
    row |= {"finding": question.finding, "figure": question.figure, "compared": question.compared}
    row |= {"over": question.over, "mice": 0, "movies": 0}
    try:
        table = values().dropna()
        if table.empty:
            raise LeftOutError("the profile has no such movies")
    except MovreconError as error:
        return row | {"decision": f"left out: {error}"}
    units = table["mouse"] if question.over == "mice" else table["movie"]
    found = compare_conditions(table["first"], table["second"], units.to_numpy(), seed)
    interval = found.difference
    row |= {"mice": table["mouse"].nunique(), "movies": len(table)}
    row |= {"difference": interval.mean, "low": interval.low, "high": interval.high}
    if found.test is None or found.mice < FEWEST:
        one = "mouse" if question.over == "mice" else "stimulus"
        counted = f"{found.mice} {one if found.mice == 1 else question.over}"
        return row | {"decision": f"left out: a paired t-test needs {FEWEST} {question.over}, here {counted}"}
    row |= {"effect_size": found.effect_size, "t": found.test.t, "df": found.test.df, "p": found.test.p}
    row["p_mixed"] = _mixed(table) if question.over == "mice" else np.nan
    return row | {"decision": _decision(found.test.p, interval.mean)}


def _decision(p: float, difference: float) -> str:
    if not p < LEVEL:
        return "not seen"
    return "seen" if difference > 0 else "not seen: the opposite"


def _mixed(table: pd.DataFrame) -> float:
    values = np.concatenate([table["first"], table["second"]])
    levels = np.repeat(["first", "second"], len(table))
    return mixed_model(values, levels, np.tile(table["mouse"], 2), np.tile(table["movie"], 2)).p


def _own_movie(measured: Measured) -> pd.DataFrame:
    recorded = measured.recorded
    if "random_video_correlation" not in recorded:
        raise LeftOutError("there is no other movie")
    columns = {"trial": "movie", "random_video_correlation": "first", "video_correlation": "second"}
    return recorded.rename(columns=columns)[["mouse", "movie", "first", "second"]]


def _levels(table: pd.DataFrame, level: str, fewest: int, name: str) -> pd.DataFrame:
    """Video correlation by mouse and trial (rows) and ascending level (columns)."""
    wide = table.pivot(index=["mouse", "trial"], columns=level, values="video_correlation").sort_index(axis=1)
    if wide.shape[1] < fewest:
        raise LeftOutError(f"needs {fewest} {name}, here {wide.shape[1]}")
    return wide


def _ensembling_helps(measured: Measured) -> pd.DataFrame:
    wide = _levels(measured.ensembles, "size", 2, "instances")
    return pairs(wide.iloc[:, 0], wide.iloc[:, -1])


def _ensembling_saturates(measured: Measured) -> pd.DataFrame:
    wide = _levels(measured.ensembles, "size", 3, "instances")
    return pairs(wide.iloc[:, -1] - wide.iloc[:, -2], wide.iloc[:, 1] - wide.iloc[:, 0])


def _neurons_help(dropped: str) -> Callable[[Measured], pd.DataFrame]:
    def values(measured: Measured) -> pd.DataFrame:
        wide = _levels(_dropped(measured, dropped), "percent", 2, "population sizes")
        return pairs(wide.iloc[:, 0], wide.iloc[:, -1])

    return values


def _neurons_saturate(dropped: str) -> Callable[[Measured], pd.DataFrame]:
    def values(measured: Measured) -> pd.DataFrame:
        wide = _levels(_dropped(measured, dropped), "percent", 3, "population sizes")
        sizes = np.log2(wide.columns.to_numpy(dtype=float))
        first = (wide.iloc[:, 1] - wide.iloc[:, 0]) / (sizes[1] - sizes[0])
        last = (wide.iloc[:, -1] - wide.iloc[:, -2]) / (sizes[-1] - sizes[-2])
        return pairs(last, first)

    return values


def _dropped(measured: Measured, dropped: str) -> pd.DataFrame:
    rows = measured.populations[measured.populations["dropped"] == dropped]
    if rows.empty:
        raise LeftOutError(f"the profile has no population with '{dropped}' neurons")
    return rows


def _along(measured: Measured, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mean video correlation of noise at the shortest constant and at all others, by mouse and movie."""
    noise = measured.noise.measures
    if noise[name].min() > SHORTEST or noise[name].nunique() < 2:
        raise LeftOutError(f"needs noise with a {name} of {SHORTEST:g} and a longer one")
    shortest = noise[name] == SHORTEST
    by_movie = ["mouse", "sample", "inverted"]
    parts = [noise[rows].groupby(by_movie, sort=False)["video_correlation"].mean() for rows in (shortest, ~shortest)]
    names = [f"{sample}{'i' if inverted else ''}" for _, sample, inverted in parts[0].index]
    index = pd.MultiIndex.from_arrays([parts[0].index.get_level_values("mouse"), names])
    return parts[0].set_axis(index), parts[1].set_axis(index)


def _fine_detail_fails(measured: Measured) -> pd.DataFrame:
    shortest, others = _along(measured, "length")
    return pairs(shortest, others)


def _fine_detail_fails_first(measured: Measured) -> pd.DataFrame:
    (finest, coarser), (fastest, slower) = (_along(measured, name) for name in ("length", "duration"))
    return pairs(slower - fastest, coarser - finest)


def _phase_is_lost(measured: Measured) -> pd.DataFrame:
    noise, phases = measured.noise
    if phases.empty or phases["length"].min() > SHORTEST:
        raise LeftOutError(f"needs noise in both phases with a length of {SHORTEST:g}")
    found = {"first": (noise, "video_correlation"), "second": (phases, "phase_correlation")}
    means = {
        name: table[table["length"] == SHORTEST].groupby(["mouse", "sample"])[value].mean()
        for name, (table, value) in found.items()
    }
    return pairs(means["first"], means["second"])


def _flicker(measures: pd.DataFrame) -> pd.DataFrame:
    measured = flicker_pairs(measures)
    if measured.empty:
        raise LeftOutError(f"needs gratings of {FLICKER:g} and {BELOW:g} Hz")
    names = [f"{row.direction:g}° {row.spatial_frequency:g}" for row in measured.itertuples()]
    columns = {"mouse": "mouse", "below": "first", "flicker": "second"}
    return measured[list(columns)].rename(columns=columns).assign(movie=names)


def _evokes(measured: Measured) -> pd.DataFrame:
    recorded = measured.evoked[measured.evoked["with"] == "recorded"]
    wide = recorded.pivot(index=["mouse", "trial"], columns="evoked by", values="correlation")
    return pairs(wide["true movie"], wide["reconstruction"])


QUESTIONS: tuple[Question, ...] = (
    Question(
        "reconstructions resemble their own movie",
        "2B",
        "video correlation with the own movie − with a random other",
        _own_movie,
    ),
    Question("ensembling helps", "3", "video correlation of all instances − of one", _ensembling_helps),
    Question("ensembling saturates", "3", "gain by the second instance − by the last", _ensembling_saturates),
    Question(
        "more neurons help", "5", "video correlation of all neurons − of the fewest (silent)", _neurons_help("silent")
    ),
    Question(
        "more neurons help (dropped ones missing)",
        "5",
        "video correlation of all neurons − of the fewest (missing)",
        _neurons_help("missing"),
    ),
    Question(
        "more neurons saturate", "5", "gain by the first doubling − by the last (silent)", _neurons_saturate("silent")
    ),
    Question(
        "more neurons saturate (dropped ones missing)",
        "5",
        "gain by the first doubling − by the last (missing)",
        _neurons_saturate("missing"),
    ),
    Question(
        "the finest spatial detail fails",
        "4C",
        "video correlation of coarser noise − of length 0.5 px",
        _fine_detail_fails,
    ),
    Question(
        "fine spatial detail fails first",
        "4C",
        "loss at length 0.5 px − loss at time constant 0.5 frames",
        _fine_detail_fails_first,
    ),
    Question(
        "beyond the spatial limit the phase is lost",
        "4D",
        "noise of 0.5 px: correlation of reconstructions of both phases − with the stimulus",
        _phase_is_lost,
    ),
    Question(
        "gratings of 15 Hz come back better than of 7.5 Hz",
        "4–S1C",
        "video correlation at 15 Hz − at 7.5 Hz",
        lambda measured: _flicker(measured.gratings),
        "stimuli",
    ),
    Question(
        "reconstructions evoke responses closer to the recorded ones than the true movie does",
        "6C",
        "response correlation of reconstruction − of true movie",
        _evokes,
    ),
)
"""In the order of the article's figures; silent or missing: what becomes of neurons that are dropped."""
