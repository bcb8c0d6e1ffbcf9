"""What limits resolution: noise, neurons, encoders, how instances are joined, indicator, or scan rate."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pandas as pd

from movrecon_core.analysis import Judged, bands, phase_parts, video_correlation
from movrecon_core.analysis.metrics import SKIPPED_FRAMES
from movrecon_core.analysis.spectra import SPATIAL, TEMPORAL
from movrecon_core.errors import NothingToShowError
from movrecon_core.figures.findings import LeftOutError, Question, choose, decide, pairs
from movrecon_core.figures.measured import Measured
from movrecon_core.figures.microscopes import (
    INDICATOR,
    SCAN_RATE,
    microscope_qualities,
    microscope_rows,
    microscopes_answer,
    with_faster,
)
from movrecon_core.figures.quality_loss import CAUSES, WAYS
from movrecon_core.figures.rows import NAN, Row, mean_row
from movrecon_core.figures.synthetic import in_words
from movrecon_core.stimuli import NoiseStimulus, SyntheticStimulus
from movrecon_core.study.conditions import (
    NOISE_FREE,
    NOISE_FREE_THROUGH_NEURONS,
    NOISY,
    OWN_PREDICTION,
    Condition,
)
from movrecon_core.study.study import Study

FIGURE = "beyond 5"
RESPONSES: dict[str, Condition] = {
    "predicted": OWN_PREDICTION,
    "noise-free": NOISE_FREE,
    "noisy": NOISY,
    "noise-free, through neurons": NOISE_FREE_THROUGH_NEURONS,
}
"""To synthetic movies; all but the last are inverted through the encoders."""
ONE, AVERAGED, SMOOTHED, GRADIENTS = "one instance", "instances averaged", "averaged, smoothed", "gradients averaged"
METHODS = {"published": "published, one instance", "fast": "gradients smoothed, one instance"}
"""Names of a profile's `baselines.methods`, and what the published method and that of smoothed gradients are here."""
FINE = 1 / 8
"""Cycles a pixel from which detail counts as fine: structure of 4 pixels and less."""
JOINED, WAY = "joined", "way"
"""Kinds of reconstructions of natural movies: by how instances are joined, and by responses and what is inverted."""


def coherences(study: Study) -> pd.DataFrame:
    """Coherence of natural movies with their reconstructions by spatial, and by temporal, frequency.

    Movies that were also found with gradient ensembling stand for how instances are joined, on any recording; those of
    them that the profile also finds by both `METHODS` for gradients that are smoothed or not. Movies whose truth is
    known stand for the responses and what is inverted. All instances' movies are averaged where nothing else is said,
    and smoothed in the latter.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``compared`` (``joined`` or ``way``), ``kind``, ``axis`` (``space``, in cycles a pixel, or
        ``time``, in Hz), ``frequency`` (lower ends of octaves), ``coherence`` (squared, 0..1).

    Raises
    ------
    NothingToShowError
        If there is no such movie.
    """
    rows = []
    compared = set(study.asked.baseline_movies()) if set(METHODS) <= set(study.profile.baselines.methods) else set()
    for mouse in study.reconstructed_mice:
        for trial in study.asked.variation_trials(mouse):
            for kind, arguments in _JOINED.items():
                rows += _rows(study, mouse, trial, (JOINED, kind), study.results.judged(mouse, trial, **arguments))
            if (mouse, trial) in compared:
                own, movies = (
                    study.results.judged(mouse, trial),
                    study.results.other_movies(mouse, trial, smoothed=False),
                )
                for method, kind in METHODS.items():
                    found = own._replace(reconstruction=movies[method])
                    rows += _rows(study, mouse, trial, (JOINED, kind), found)
        for trial in study.asked.truth_trials(mouse):
            for kind in CAUSES:
                rows += _rows(study, mouse, trial, (WAY, kind), study.results.judged(mouse, trial, WAYS[kind]))
    if not rows:
        raise NothingToShowError(
            "the profile varies no movie; give `variations: {trials_per_mouse: 1}` or, of a simulation, "
            "`truth: {trials_per_mouse: 1}` or more"
        )
    return pd.DataFrame(rows, columns=["mouse", "trial", "compared", "kind", "axis", "frequency", "coherence"])


_JOINED: dict[str, dict[str, Any]] = {
    ONE: {"instances": [0], "smoothed": False},
    AVERAGED: {"smoothed": False},
    SMOOTHED: {},
    GRADIENTS: {"condition": Condition(gradients="ensemble"), "smoothed": False},
}


def _rows(study: Study, mouse: int, trial: int, kind: tuple[str, str], judged: Judged) -> list[tuple]:
    found = bands(*judged.evaluated)
    key = (study.label(mouse), trial, *kind)
    along = {"space": (SPATIAL, 0), "time": (TEMPORAL, 1)}
    return [
        (*key, axis, frequency, coherence)
        for axis, (lower, over) in along.items()
        for frequency, coherence in zip(lower, found.over(over).coherence.tolist(), strict=True)
    ]


def synthetic_qualities(study: Study) -> pd.DataFrame:
    """How well synthetic movies are found from predicted and from the simulated neurons' own responses.

    Returns
    -------
    DataFrame
        ``mouse``, ``stimulus``, ``sample`` (stimulus and its phase), ``responses`` (`RESPONSES`),
        ``video_correlation`` without Gaussian filter, ``phase_correlation`` of the reconstructions of both phases
        (noise alone; −1 where the phase is kept). Empty where the profile asks for none, or no neurons are known.
    """
    rows = []
    for mouse in study.reconstructed_mice:
        stimuli = study.asked.resolution_stimuli(mouse)
        asked = {(movie, condition) for other, movie, condition in study.asked.reconstructions() if other == mouse}
        for stimulus, (name, condition) in product(stimuli, RESPONSES.items()):
            if (stimulus, condition) not in asked:
                continue
            judged = study.results.judged(mouse, stimulus, condition).evaluated
            inverted = _inverted(stimulus)
            phase = NAN
            if inverted in stimuli:
                other = study.results.reconstruction(mouse, inverted, condition)[SKIPPED_FRAMES:]
                phase = phase_parts(judged.truth, judged.reconstruction, other, judged.pixels).correlation
            rows.append(
                (study.label(mouse), in_words(stimulus), stimulus.name, name, video_correlation(*judged), phase)
            )
    columns = ["mouse", "stimulus", "sample", "responses", "video_correlation", "phase_correlation"]
    return pd.DataFrame(rows, columns=columns)


def _inverted(stimulus: SyntheticStimulus) -> SyntheticStimulus | None:
    return replace(stimulus, inverted=not stimulus.inverted) if isinstance(stimulus, NoiseStimulus) else None


def panels(found: pd.DataFrame, synthetic: pd.DataFrame, microscopes: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What the figure draws.

    Parameters
    ----------
    found
        Of `coherences`.
    synthetic
        Of `synthetic_qualities`.
    microscopes
        Of `microscope_qualities`.

    Returns
    -------
    dict
        ``A`` and ``B`` coherence over space and over time by responses and what is inverted, ``C`` and ``D`` by how
        instances are joined; ``E`` all synthetic movies, ``F`` those of both phases; ``G`` by indicator, ``H`` by scan
        rate.
    """
    shown = {
        letter: found[(found["compared"] == compared) & (found["axis"] == axis)]
        for letter, (compared, axis) in zip("ABCD", product((WAY, JOINED), ("space", "time")), strict=True)
    }
    shown |= {"E": synthetic, "F": synthetic.dropna(subset=["phase_correlation"])}
    by_varied = zip("GH", (INDICATOR, SCAN_RATE), strict=True)
    return shown | {letter: microscopes[microscopes["varied"] == varied] for letter, varied in by_varied}


def rows(found: pd.DataFrame, synthetic: pd.DataFrame, microscopes: pd.DataFrame, seed: int) -> Iterator[Row]:
    """Coherence in every band, and the quality of synthetic movies by responses and by microscope.

    Parameters
    ----------
    found
        Of `coherences`.
    synthetic
        Of `synthetic_qualities`.
    microscopes
        Of `microscope_qualities`.
    seed
        Of the bootstraps.
    """
    known = found.dropna(subset=["coherence"])
    for (compared, kind, axis, lower), part in known.groupby(["compared", "kind", "axis", "frequency"], sort=False):
        unit = "cycles/px" if axis == "space" else "Hz"
        which = "movies of variations" if compared == JOINED else "truth known"
        name = f"coherence from {lower:.3g} {unit}, {kind} ({which})"
        yield mean_row(FIGURE, name, NAN, part["coherence"], part["mouse"], seed, kind="statistic")
    for (stimulus, responses), part in synthetic.groupby(["stimulus", "responses"], sort=False):
        name, mice = f"from {responses} responses", part["mouse"]
        yield mean_row(
            FIGURE, f"video correlation {name}", NAN, part["video_correlation"], mice, seed, stimulus=str(stimulus)
        )
    yield from microscope_rows(microscopes, FIGURE, seed)


def resolution_answer(measured: Measured) -> str:
    """What limits the detail that comes back, where speckle is, and what another microscope would change."""
    decisions = {question.finding: decide(question, measured)["decision"] for question in QUESTIONS}
    found, microscopes = measured.of(coherences), measured.of(microscope_qualities)
    faster = {key: decisions[finding] for key, finding in FASTER.items()}
    sentences = [_limits(found, decisions), _speckle(found, decisions), microscopes_answer(microscopes, faster)]
    return " ".join(sentence for sentence in sentences if sentence)


def _limits(found: pd.DataFrame, decisions: dict[str, object]) -> str:
    fine = fine_coherences(found).groupby(["compared", "kind"], sort=False)["coherence"].mean()
    noise = choose(
        decisions[NOISE_LIMITS], "noise hides it", "noise does not hide it", "whether noise hides it is not decided"
    )
    encoders = choose(
        decisions[ENCODERS_LIMIT],
        "the encoders lose what the neurons tell",
        "the encoders lose nothing that the neurons tell",
        "whether the encoders lose some is not decided",
    )
    known = fine[WAY] if WAY in fine.index else fine[JOINED]
    values = ", ".join(f"{kind} {value:.2f}" for kind, value in known.items())
    return f"Of detail from {FINE:g} cycles/px on (coherence: {values}): {noise}; {encoders}."


def _speckle(found: pd.DataFrame, decisions: dict[str, object]) -> str:
    """Where speckle, which instances do not share, is, and what removes it; empty where no movie tells."""
    joined = found[(found["compared"] == JOINED) & found["kind"].isin([ONE, AVERAGED])]
    if joined.empty:
        return ""
    means = joined.groupby(["axis", "frequency", "kind"])["coherence"].mean().unstack("kind")
    most = (means[AVERAGED] - means[ONE]).groupby("axis").idxmax()
    gains = [
        f"from {place[1]:.3g} {unit} ({means.loc[place, ONE]:.2f} to {means.loc[place, AVERAGED]:.2f})"
        for place, unit in ((most["space"], "cycles/px"), (most["time"], "Hz"))
    ]
    words = {"seen": "removed by", "not seen: the opposite": "made worse by"}
    told: dict[str, list[str]] = {}
    for finding, remedy in REMEDIES.items():
        if not str(decisions[finding]).startswith("left out"):
            told.setdefault(words.get(str(decisions[finding]), "not for certain removed by"), []).append(remedy)
    removed = "; ".join(f"{word} {', '.join(remedies)}" for word, remedies in told.items())
    where = f"Speckle is where averaging instances raises the coherence most, {' and '.join(gains)}"
    return f"{where}; among fine detail it is {removed}." if removed else f"{where}."


def fine_coherences(found: pd.DataFrame) -> pd.DataFrame:
    """Mean coherence of each movie over the octaves from `FINE` on: ``mouse``, ``trial``, ``compared``, ``kind``."""
    fine = found[(found["axis"] == "space") & (found["frequency"] >= FINE)]
    return fine.groupby(["mouse", "trial", "compared", "kind"], sort=False)["coherence"].mean().reset_index()


NOISE_LIMITS = "less noise brings back finer detail"
ENCODERS_LIMIT = "the neurons tell finer detail than the encoders bring back"
AVERAGING_HELPS = "averaging instances brings back finer detail than one instance"
GRADIENTS_HELP = "averaging gradients brings back finer detail than one instance"
SMOOTHING_HELPS = "smoothed gradients bring back finer detail than the published method, of one instance"
REMEDIES = {
    AVERAGING_HELPS: "averaging instances",
    GRADIENTS_HELP: "averaging gradients",
    SMOOTHING_HELPS: "smoothing gradients",
}
"""Against speckle, by the question that decides each."""
FASTER = {
    (INDICATOR, "noisy"): "a faster indicator brings synthetic movies back better",
    (SCAN_RATE, "noisy"): "a faster scan brings synthetic movies back better",
    (SCAN_RATE, "noise-free"): "without noise, a faster scan brings synthetic movies back better",
}
"""By what is varied of the microscope, and responses."""


def _fine(compared: str, first: str, second: str) -> Callable[[Measured], pd.DataFrame]:
    def values(measured: Measured) -> pd.DataFrame:
        found = fine_coherences(measured.of(coherences))
        wide = found[found["compared"] == compared].pivot(index=["mouse", "trial"], columns="kind", values="coherence")
        for name in (first, second):
            if name not in wide:
                raise LeftOutError(f"the profile has none that are {name}, or their truth is not known")
        return pairs(wide[first], wide[second])

    return values


def _synthetic(first: str, second: str) -> Callable[[Measured], pd.DataFrame]:
    def values(measured: Measured) -> pd.DataFrame:
        found = measured.of(synthetic_qualities)
        wide = found.pivot(index=["mouse", "sample"], columns="responses", values="video_correlation")
        if not {first, second} <= set(wide):
            raise LeftOutError("needs `resolution` in the profile, and neurons that are known")
        return pairs(wide[first], wide[second])

    return values


_COHERENCE = "coherence of fine detail: "
_STIMULI = "video correlation of synthetic movies: "
QUESTIONS: tuple[Question, ...] = (
    Question(
        NOISE_LIMITS,
        FIGURE,
        f"{_COHERENCE}noise-free − recorded responses, encoders",
        _fine(WAY, "recorded, encoders", "noise-free, encoders"),
    ),
    Question(
        ENCODERS_LIMIT,
        FIGURE,
        f"{_COHERENCE}neurons − encoders, noise-free responses",
        _fine(WAY, "noise-free, encoders", "noise-free, neurons"),
    ),
    Question(AVERAGING_HELPS, FIGURE, f"{_COHERENCE}instances averaged − one instance", _fine(JOINED, ONE, AVERAGED)),
    Question(GRADIENTS_HELP, FIGURE, f"{_COHERENCE}gradients averaged − one instance", _fine(JOINED, ONE, GRADIENTS)),
    Question(
        SMOOTHING_HELPS,
        FIGURE,
        f"{_COHERENCE}gradients smoothed − published, one instance",
        _fine(JOINED, METHODS["published"], METHODS["fast"]),
    ),
    Question(
        "averaging gradients brings back finer detail than averaging movies",
        FIGURE,
        f"{_COHERENCE}gradients averaged − instances averaged",
        _fine(JOINED, AVERAGED, GRADIENTS),
    ),
    Question(
        "the encoders' own predictions promise more resolution than the neurons' responses without noise",
        FIGURE,
        f"{_STIMULI}predicted − noise-free responses",
        _synthetic("noise-free", "predicted"),
        "stimuli",
    ),
    Question(
        "noise costs synthetic movies their resolution",
        FIGURE,
        f"{_STIMULI}noise-free − noisy responses",
        _synthetic("noisy", "noise-free"),
        "stimuli",
    ),
    *(
        Question(
            finding,
            FIGURE,
            f"{_STIMULI}fastest {varied} − the recording's, {responses} responses through neurons",
            with_faster(varied, responses),
            "stimuli",
        )
        for (varied, responses), finding in FASTER.items()
    ),
)
