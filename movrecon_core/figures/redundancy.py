"""Why more neurons gain so little: what they tell twice, noise that they share, or the method's own limit."""

from collections.abc import Callable, Iterator

import pandas as pd

from movrecon_core.analysis import video_correlation
from movrecon_core.errors import NothingToShowError
from movrecon_core.figures.findings import LeftOutError, Question, choose, decide, pairs
from movrecon_core.figures.measured import Measured
from movrecon_core.figures.rows import NAN, Row, mean_row
from movrecon_core.study.study import Study

FIGURE = "beyond 4"
WHOLE = 100.0
PANELS = {
    "A": ("random", "independent", "redundant"),
    "B": ("random", "spread", "clustered"),
    "C": ("random", "diverse", "alike"),
    "D": ("random", "unshared", "noise-free"),
}
"""Curves that are drawn together; the last two are of neurons at random, and of simulated recordings alone."""


def chosen_populations(study: Study) -> pd.DataFrame:
    """Video correlation of movies that the first instance found from neurons chosen in several ways.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``chosen`` (as `Condition.chosen`; of neurons at random also from ``noise-free`` and
        ``unshared`` responses, where the truth is known), ``percent`` of the neurons that are kept, ascending to 100,
        ``video_correlation``.

    Raises
    ------
    NothingToShowError
        If the profile chooses no neurons.
    """
    rows = []
    for mouse in study.reconstructed_mice:
        conditions = study.asked.redundancy_conditions(mouse)
        for trial in study.asked.redundancy_trials(mouse):
            judged = {
                c: study.results.judged(mouse, trial, c, instances=[0]) for c in dict.fromkeys(conditions.values())
            }
            qualities = {condition: video_correlation(*found.evaluated) for condition, found in judged.items()}
            rows += [
                (study.label(mouse), trial, name, 100 * kept, qualities[c]) for (name, kept), c in conditions.items()
            ]
    if not rows:
        raise NothingToShowError(
            "the profile chooses no neurons; give it `redundancy: {trials_per_mouse: 1}` or more, and run it again"
        )
    return pd.DataFrame(rows, columns=["mouse", "trial", "chosen", "percent", "video_correlation"])


def curves(table: pd.DataFrame, panel: str) -> pd.DataFrame:
    """What a panel of `PANELS` shows: `chosen_populations`, as means over so many ``movies`` of each mouse."""
    parts = [table[table["chosen"] == name] for name in PANELS[panel]]
    of_mice = pd.concat(parts).groupby(["mouse", "chosen", "percent"], sort=False)
    return of_mice.agg(video_correlation=("video_correlation", "mean"), movies=("trial", "nunique")).reset_index()


def kept_neurons(study: Study) -> pd.DataFrame:
    """What the neurons that are kept have in common, and how predictable they are.

    Returns
    -------
    DataFrame
        ``mouse``, ``chosen``, ``percent``, ``signal_correlation`` (mean over pairs, of responses that the first encoder
        predicts for training movies), ``predictability`` (mean correlation of its predictions with recorded ones);
        last, of all neurons, which those at random are like on average.
    """
    rows = []
    for mouse in study.reconstructed_mice:
        if study.asked.redundancy_trials(mouse):
            orders = study.results.orders(mouse)
            numbers = {kept: round(kept * orders.sizes["kept"]) for kept in study.profile.redundancy.fractions}
            parts = [(way, kept, number) for way in orders.attrs["ways"] for kept, number in numbers.items()]
            for chosen, kept, number in (*parts, ("all", 1.0, orders.sizes["kept"])):
                way = orders.isel(way=0) if chosen == "all" else orders.sel(way=chosen)
                found = way.isel(kept=number - 1)
                values = (float(found[name]) for name in ("signal_correlation", "predictability"))
                rows.append((study.label(mouse), chosen, 100 * kept, *values))
    return pd.DataFrame(rows, columns=["mouse", "chosen", "percent", "signal_correlation", "predictability"])


def rows(table: pd.DataFrame, seed: int) -> Iterator[Row]:
    """Mean video correlation of every way of choosing, at every size.

    Parameters
    ----------
    table
        Of `chosen_populations`.
    seed
        Of the bootstrap.
    """
    for (chosen, percent), part in table.groupby(["chosen", "percent"], sort=False):
        name = f"video correlation, {percent:g} % of the neurons, {chosen}"
        yield mean_row(FIGURE, name, NAN, part["video_correlation"], part["mouse"], seed)


def redundancy_answer(measured: Measured) -> str:
    """Why more neurons gain so little, in one sentence."""
    table = measured.of(chosen_populations)
    told = (question for question in QUESTIONS if question.finding in (INDEPENDENT, SHARED, NOISE))
    decided = {question.finding: decide(question, measured)["decision"] for question in told}
    mean = table[table["chosen"] == "random"].groupby("percent")["video_correlation"].mean()
    fewest = mean.index.min()
    reasons = [
        choose(
            decided[INDEPENDENT],
            "as many that tell different things do better than neurons at random, so neurons tell things twice",
            "as many that tell different things do worse than neurons at random, so redundancy is not the reason",
            "that as many that tell different things do better than neurons at random is not certain",
        )
    ]
    if "noise-free" in set(table["chosen"]):
        reasons += [
            choose(
                decided[SHARED],
                "noise that neurons share costs quality",
                "without noise that neurons share it is worse",
                "that noise which neurons share costs anything is not certain",
            ),
            choose(
                decided[NOISE],
                "with all neurons noise costs more than the method and what no neuron sees",
                "with all neurons the method and what no neuron sees cost more than noise",
                "which of noise and the method costs more with all neurons is not decided",
            ),
        ]
    else:
        reasons.append("what noise costs only a simulation can tell")
    return (
        f"From {fewest:g} to 100 % of the neurons {mean[fewest]:.3f} becomes {mean[WHOLE]:.3f}; {'; '.join(reasons)}."
    )


def _below(first: str, second: str) -> Callable[[Measured], pd.DataFrame]:
    """Two ways of choosing, each movie's mean over all sizes below the whole."""

    def values(measured: Measured) -> pd.DataFrame:
        table = measured.of(chosen_populations)
        parts = table[table["percent"] < WHOLE]
        wide = parts.pivot_table(index=["mouse", "trial"], columns="chosen", values="video_correlation")
        return pairs(wide[first], wide[second])

    return values


def _qualities(measured: Measured) -> pd.DataFrame:
    """Of each movie by what is known of the noise and percent: needs a simulation."""
    table = measured.of(chosen_populations)
    if "noise-free" not in set(table["chosen"]):
        raise LeftOutError("this needs noise-free responses, which only `movrecon simulate` knows")
    return table.pivot(index=["mouse", "trial"], columns=["chosen", "percent"], values="video_correlation")


def _shared(measured: Measured) -> pd.DataFrame:
    wide = _qualities(measured)
    return pairs(wide["random", WHOLE], wide["unshared", WHOLE])


def _noise_or_method(measured: Measured) -> pd.DataFrame:
    wide = _qualities(measured)
    noise_free = wide["noise-free", WHOLE]
    return pairs(1 - noise_free, noise_free - wide["random", WHOLE])


def _averaged(measured: Measured) -> pd.DataFrame:
    wide = _qualities(measured)
    by_noise = wide["noise-free"] - wide["random"]
    return pairs(by_noise[WHOLE], by_noise[by_noise.columns.min()])


INDEPENDENT = "the least redundant neurons tell more than neurons at random"
REDUNDANT = "the most redundant neurons tell less than neurons at random"
SPREAD = "neurons spread in visual space tell more than clustered ones"
DIVERSE = "neurons with diverse receptive fields tell more than those with alike ones"
SHARED = "noise that neurons share costs quality"
AVERAGED = "more neurons average noise out"
NOISE = "with all neurons, noise costs more quality than the method"

QUESTIONS: tuple[Question, ...] = (
    Question(INDEPENDENT, FIGURE, "video correlation, independent − random", _below("random", "independent")),
    Question(REDUNDANT, FIGURE, "video correlation, random − redundant", _below("redundant", "random")),
    Question(SPREAD, FIGURE, "video correlation, spread − clustered", _below("clustered", "spread")),
    Question(DIVERSE, FIGURE, "video correlation, diverse − alike", _below("alike", "diverse")),
    Question(SHARED, FIGURE, "video correlation of all neurons, noise of their own − shared", _shared),
    Question(AVERAGED, FIGURE, "loss by noise with the fewest neurons − with all", _averaged),
    Question(NOISE, FIGURE, "loss of all neurons by noise − loss without noise", _noise_or_method),
)
"""Ways of choosing are compared over all sizes below the whole; the last three are of neurons at random."""
