"""What the article could not know: questions that a simulation decides, and the answers in words."""

from collections.abc import Callable

import pandas as pd

from movrecon_core.figures import architectures, error_origins, redundancy, resolution
from movrecon_core.figures.findings import COLUMNS, LeftOutError, Question, choose, decide, pairs
from movrecon_core.figures.measured import Measured
from movrecon_core.figures.quality_loss import FIGURE as QUALITY_LOSS
from movrecon_core.figures.quality_loss import ORDER, loss_parts, shares
from movrecon_core.figures.same_neurons import FIGURE as SAME_NEURONS


def beyond_findings(measured: Measured, figure: str | None = None) -> pd.DataFrame:
    """Decide every question, or those of one page, as `qualitative_findings` does: the same columns."""
    asked = [question for question in QUESTIONS if figure in (None, question.figure)]
    return pd.DataFrame([decide(question, measured) for question in asked], columns=COLUMNS)


def order_of_ways(measured: Measured) -> pd.DataFrame:
    """Whether less noise, and the neurons in place of the encoders, make reconstructions better: the same columns."""
    questions = [
        Question(f"{better} ≥ {worse}", QUALITY_LOSS, "video correlation", _ways(worse, better))
        for better, worse in ORDER
    ]
    return pd.DataFrame([decide(question, measured) for question in questions], columns=COLUMNS)


def quality_answer(measured: Measured) -> str:
    """Where the quality is lost, in one sentence."""
    found = shares(loss_parts(measured.ways), measured.seed).set_index("part")
    named = [f"{part} {_whole(row['share'])} %{_ends(row)}" for part, row in found.iterrows()]
    decisions = beyond_findings(measured, QUALITY_LOSS).set_index("finding")["decision"]
    larger = choose(
        decisions[NOISE_OVER_ENCODER],
        "noise costs more than the encoder",
        "the encoder costs more than noise",
        "which of noise and encoder costs more is not decided",
    )
    bound = choose(
        decisions[BOUND],
        "the encoders' own predictions promise more than the neurons allow",
        "the encoders' own predictions promise less than the neurons allow",
        "the bound by the encoders' own predictions does not differ for certain from that by the neurons",
    )
    broken = [row.finding for row in order_of_ways(measured).itertuples() if row.decision == "not seen: the opposite"]
    order = f"; against expectation, not: {', '.join(broken)}" if broken else ""
    return f"Of what a movie loses: {', '.join(named)}; {larger}; {bound}{order}."


def same_neurons_answer(measured: Measured) -> str:
    """Whether a reconstruction's closeness to the recorded responses is the brain's or the optimiser's."""
    decisions = beyond_findings(measured, SAME_NEURONS).set_index("finding")["decision"]
    encoders, neurons = decisions[CLOSER_IN["encoders"]], decisions[CLOSER_IN["neurons"]]
    in_encoders = choose(encoders, "closer", "further away", "not for certain closer or further away")
    in_neurons = choose(neurons, "closer", "further away", "not for certain closer or further away")
    if encoders == "seen":
        meaning = choose(
            neurons,
            "so it holds of the neurons, too",
            "so it is the optimiser's doing and holds of the inverted encoders alone",
            "so that it holds of the neurons is not shown",
        )
    else:
        meaning = "so this run does not decide whose doing it would be"
    return (
        f"Than the responses to the true movie, those to the reconstruction are {in_encoders} to the recorded ones in "
        f"the encoders, and {in_neurons} in the neurons themselves: {meaning}."
    )


def _ends(row: pd.Series) -> str:
    return f" ({_whole(row['share_low'])} to {_whole(row['share_high'])})" if row.notna().all() else ""


def _whole(percent: float) -> int:
    return round(float(percent))


def _ways(first: str, second: str) -> Callable[[Measured], pd.DataFrame]:
    def values(measured: Measured) -> pd.DataFrame:
        return _paired(measured.ways, "way", "video_correlation", first, second)

    return values


def _causes(first: str, second: str) -> Callable[[Measured], pd.DataFrame]:
    def values(measured: Measured) -> pd.DataFrame:
        return _paired(loss_parts(measured.ways), "part", "loss", first, second)

    return values


def _closer(responding: str, first: str, second: str, reference: str) -> Callable[[Measured], pd.DataFrame]:
    def values(measured: Measured) -> pd.DataFrame:
        table = measured.showings
        part = table[(table["responding"] == responding) & (table["with"] == reference)]
        return _paired(part, "shown", "correlation", first, second)

    return values


def _paired(table: pd.DataFrame, column: str, measure: str, first: str, second: str) -> pd.DataFrame:
    wide = table.pivot(index=["mouse", "trial"], columns=column, values=measure)
    for name in (first, second):
        if name not in wide:
            raise LeftOutError(f"the profile has none that are {name}")
    return pairs(wide[first], wide[second])


NOISE_OVER_ENCODER = "noise costs more quality than the encoder"
BOUND = "the encoders' own predictions promise more than the neurons allow"
CLOSER_IN = {
    "encoders": "in the encoders, reconstructions are closer to the recorded responses than the true movie",
    "neurons": "in the neurons, reconstructions are closer to the recorded responses than the true movie",
    "second showing": "in a second showing, reconstructions are closer to the recorded responses than the true movie",
}

QUESTIONS: tuple[Question, ...] = (
    Question(NOISE_OVER_ENCODER, QUALITY_LOSS, "loss by noise − by the encoder", _causes("encoder", "noise")),
    Question(
        "the inversion costs more quality than the encoder",
        QUALITY_LOSS,
        "loss by the inversion − by the encoder",
        _causes("encoder", "inversion"),
    ),
    Question(
        BOUND,
        QUALITY_LOSS,
        "video correlation from predicted responses − from noise-free ones through the neurons",
        _ways("noise-free, neurons", "predicted, encoders"),
    ),
    *(
        Question(
            finding,
            SAME_NEURONS,
            "response correlation of reconstruction − of true movie",
            _closer(responding, "true movie", "reconstruction", "recorded"),
        )
        for responding, finding in CLOSER_IN.items()
    ),
    Question(
        "in the neurons, noise in the responses moves reconstructions away from the movie's own responses",
        SAME_NEURONS,
        "correlation with noise-free responses: expected reconstruction − reconstruction",
        _closer("neurons", "reconstruction", "expected reconstruction", "noise-free"),
    ),
    *error_origins.QUESTIONS,
    *redundancy.QUESTIONS,
    *resolution.QUESTIONS,
    *architectures.QUESTIONS,
)
