"""Whether ensembling, more neurons and known behaviour help with another encoder as with the study's own."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from movrecon_core.analysis import video_correlation
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.errors import NothingToShowError
from movrecon_core.figures.findings import LeftOutError, Question, decide, pairs
from movrecon_core.figures.measured import Measured
from movrecon_core.figures.rows import NAN, Row, mean_row
from movrecon_core.reconstruction import SMOOTHING, ensemble
from movrecon_core.study.conditions import EXCHANGED, RECORDED, WITHHELD, Condition
from movrecon_core.study.study import Study

FIGURE = "beyond 6"
ENCODERS = ("study's encoder", "other encoder")
ASPECTS = ("instances", "neurons", "behaviour")
GIVEN, MEAN, OTHER = "own", "mean", "another trial's"
"""Behaviour that the encoders are told."""


def families(study: Study) -> pd.DataFrame:
    """Video correlation of the same movies, found with both encoders in several ways.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``encoder`` (`ENCODERS`), ``aspect`` (`ASPECTS`), ``level``, ``video_correlation``. Levels
        are numbers of instances, percentages of the neurons, or whose behaviour is told, ``own`` last; neurons and
        behaviour are compared with the first instance alone. A movie that stayed flat counts as 0.

    Raises
    ------
    NothingToShowError
        If the profile has no other encoder, or reconstructs nothing with it.
    """
    rows = []
    for mouse in study.reconstructed_mice:
        for trial in study.asked.compared_trials(mouse):
            for encoder, found in zip(ENCODERS, (_own, _others), strict=True):
                movies = found(study, mouse, trial)
                for aspect, levels in _levels(movies).items():
                    for level, movie in levels.items():
                        quality = _quality(study, mouse, trial, movie)
                        rows.append((study.label(mouse), trial, encoder, aspect, level, quality))
    if not rows:
        raise NothingToShowError(
            f"profile '{study.profile.name}' reconstructs nothing with another encoder; give it a section `comparison` "
            "with `trials_per_mouse` of 1 or more, and run it again"
        )
    return pd.DataFrame(rows, columns=["mouse", "trial", "encoder", "aspect", "level", "video_correlation"])


Movies = dict[Condition, list[NDArray[np.floating]]]
"""Of each condition the instances' movies."""


def _own(study: Study, mouse: int, trial: int) -> Movies:
    return {c: list(study.results.instance_movies(mouse, trial, c)) for c in study.asked.compared_conditions}


def _others(study: Study, mouse: int, trial: int) -> Movies:
    assert study.profile.comparison is not None
    counts = {c: study.profile.comparison.instances if c == RECORDED else 1 for c in study.asked.compared_conditions}
    return {
        condition: [
            study.result("other-reconstructions", mouse, trial, i, condition)["movie"].values for i in range(count)
        ]
        for condition, count in counts.items()
    }


def _levels(movies: Movies) -> dict[str, dict[str, NDArray[np.floating]]]:
    """The movie of every aspect and level; one instance stands for neurons and behaviour."""
    first = {condition: found[0] for condition, found in movies.items()}
    recorded = movies[RECORDED]
    sizes = sorted({size for size in (1, 2, 4) if size < len(recorded)} | {len(recorded)})
    fewest = {f"{100 * c.neurons:g} %": movie for c, movie in first.items() if c.neurons < 1}
    return {
        "instances": {str(size): np.mean(recorded[:size], axis=0) for size in sizes},
        "neurons": {**fewest, "100 %": first[RECORDED]},
        "behaviour": {OTHER: first[EXCHANGED], MEAN: first[WITHHELD], GIVEN: first[RECORDED]},
    }


def _quality(study: Study, mouse: int, trial: int, movie: NDArray[np.floating]) -> float:
    judged = study.results.judged(mouse, trial)._replace(reconstruction=crop_movie(ensemble([movie], SMOOTHING)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.nan_to_num(video_correlation(*judged.evaluated)))


def rows(table: pd.DataFrame, seed: int) -> Iterator[Row]:
    """Mean video correlation with each encoder at every level.

    Parameters
    ----------
    table
        Of `families`.
    seed
        Of the bootstrap.
    """
    for (encoder, aspect, level), part in table.groupby(["encoder", "aspect", "level"], sort=False):
        name = f"video correlation, {encoder}, {aspect}: {level}"
        yield mean_row(FIGURE, name, NAN, part["video_correlation"], part["mouse"], seed)


def architectures_answer(measured: Measured) -> str:
    """Whether the article's two conclusions hold for another architecture, in one sentence."""
    words = []
    for conclusion in ("ensembling helps", "more neurons help"):
        asked = (question for question in QUESTIONS if question.finding.startswith(conclusion))
        own, other = (str(decide(question, measured)["decision"]) for question in asked)
        words.append(f"that {conclusion} {_holds(own, other)}")
    return f"T{'; '.join(words)[1:]}."


def _holds(own: str, other: str) -> str:
    said = {"seen": "is seen", "not seen": "is not certain", "not seen: the opposite": "is not so, but the opposite"}
    first, second = (said.get(decision, "could not be tested") for decision in (own, other))
    if first == second:
        return f"{first} with both encoders"
    return f"{first} with the study's encoder, and {second} with the other"


def _compared(encoder: str, aspect: str, first: int, second: int) -> Callable[[Measured], pd.DataFrame]:
    """Two levels of an aspect, by their places."""

    def values(measured: Measured) -> pd.DataFrame:
        table = measured.of(families)
        part = table[(table["encoder"] == encoder) & (table["aspect"] == aspect)]
        levels = part["level"].unique()
        if len(levels) < 2:
            raise LeftOutError(f"the profile has one level of {aspect} with this encoder")
        wide = part.pivot(index=["mouse", "trial"], columns="level", values="video_correlation")
        return pairs(wide[levels[first]], wide[levels[second]])

    return values


QUESTIONS: tuple[Question, ...] = tuple(
    Question(f"{finding}: {encoder}", FIGURE, compared, _compared(encoder, aspect, *places))
    for finding, aspect, compared, places in (
        ("ensembling helps", "instances", "video correlation of all instances − of one", (0, -1)),
        ("more neurons help", "neurons", "video correlation of all neurons − of the fewest", (0, -1)),
        ("knowing the behaviour helps", "behaviour", "video correlation with own behaviour − with its mean", (1, -1)),
        ("wrong behaviour harms", "behaviour", "video correlation with mean behaviour − with another trial's", (0, 1)),
    )
    for encoder in ENCODERS
)
"""Each of both encoders."""
