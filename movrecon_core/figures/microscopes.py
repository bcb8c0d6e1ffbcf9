"""Synthetic movies by the microscope that saw simulated neurons respond: its indicator, its frames a second."""

from collections.abc import Callable, Iterator
from itertools import product

import pandas as pd

from movrecon_core.analysis import video_correlation
from movrecon_core.figures.findings import LeftOutError, choose, pairs
from movrecon_core.figures.measured import Measured
from movrecon_core.figures.rows import NAN, Row, mean_row
from movrecon_core.figures.synthetic import in_words
from movrecon_core.simulation import ImagingConfig
from movrecon_core.simulation.indicators import KINETICS
from movrecon_core.study.conditions import NOISE_FREE_THROUGH_NEURONS, NOISY_THROUGH_NEURONS, Condition
from movrecon_core.study.microscopes import imaging_of
from movrecon_core.study.study import Study

INDICATOR, SCAN_RATE = "indicator", "scan rate"
KEYS = {INDICATOR: "indicators", SCAN_RATE: "scan_rates"}
"""Where a profile's section `resolution` lists what is varied."""
RESPONSES = {condition.target: condition for condition in (NOISY_THROUGH_NEURONS, NOISE_FREE_THROUGH_NEURONS)}
"""Under the recording's own microscope."""


def microscope_qualities(study: Study) -> pd.DataFrame:
    """How well synthetic movies are found from responses that other microscopes saw, through the neurons themselves.

    Returns
    -------
    DataFrame
        ``mouse``, ``stimulus``, ``sample``, ``responses`` (`RESPONSES`), ``varied``
        (`INDICATOR`, `SCAN_RATE`), ``level`` in words, ``speed`` (1 / decay in 1/s, or Hz), ``own`` (whether the level
        is the recording's), and ``video_correlation`` without Gaussian filter; by ascending speed. Empty where the
        profile lists no other microscope, or no neurons are known.
    """
    rows = []
    for mouse in study.reconstructed_mice:
        if not (stimuli := study.asked.microscope_stimuli(mouse)):
            continue
        for varied, condition, imaging in _microscopes(study, mouse):
            speed = 1 / imaging.decay if varied == INDICATOR else imaging.sampling_rate
            level, own = _level(varied, imaging), not condition.other_microscope
            for stimulus in stimuli:
                found = video_correlation(*study.results.judged(mouse, stimulus, condition).evaluated)
                named = (study.label(mouse), in_words(stimulus), stimulus.name, condition.target)
                rows.append((*named, varied, level, speed, own, found))
    columns = ["mouse", "stimulus", "sample", "responses", "varied", "level", "speed", "own", "video_correlation"]
    return pd.DataFrame(rows, columns=columns).sort_values(["varied", "speed"], kind="stable", ignore_index=True)


def _microscopes(study: Study, mouse: int) -> Iterator[tuple[str, Condition, ImagingConfig]]:
    """What is varied, and every level of it for either kind of responses, the recording's own among them and once."""
    recording = study.recordings[mouse]
    own = imaging_of(recording, NOISY_THROUGH_NEURONS)
    for varied, base in product(KEYS, RESPONSES.values()):
        others = []
        for condition in study.profile.resolution.microscopes:
            level = condition.indicator if varied == INDICATOR else condition.scan_rate
            known = level is not None and condition.target == base.target
            if known and (imaging := imaging_of(recording, condition)) != own:
                others.append((varied, condition, imaging))
        if others:
            yield from ((varied, base, own), *others)


def _level(varied: str, imaging: ImagingConfig) -> str:
    if varied == SCAN_RATE:
        return f"{imaging.sampling_rate:g} Hz"
    known = (name for name, kinetics in KINETICS.items() if kinetics == (imaging.rise, imaging.decay))
    return next(known, f"decay {imaging.decay:g} s")


def microscope_rows(found: pd.DataFrame, figure: str, seed: int) -> Iterator[Row]:
    """Quality of synthetic movies under every microscope.

    Parameters
    ----------
    found
        Of `microscope_qualities`.
    figure
        Where it is drawn.
    seed
        Of the bootstraps.
    """
    for key, part in found.groupby(["stimulus", "responses", "varied", "level"], sort=False):
        stimulus, responses, varied, level = key
        name = f"video correlation from {responses} responses, through neurons, {varied} {level}"
        yield mean_row(figure, name, NAN, part["video_correlation"], part["mouse"], seed, stimulus=str(stimulus))


def with_faster(varied: str, responses: str) -> Callable[[Measured], pd.DataFrame]:
    """Table of a question: the recording's own microscope, and the fastest one that is faster."""

    def values(measured: Measured) -> pd.DataFrame:
        table = measured.of(microscope_qualities)
        table = table[(table["varied"] == varied) & (table["responses"] == responses)]
        if table.empty:
            raise LeftOutError(f"needs `resolution.{KEYS[varied]}` in the profile, and neurons that are known")
        wide = {own: part.set_index(["mouse", "sample"]) for own, part in table.groupby("own")}
        own, others = wide[True], wide[False]
        fastest = others[others["speed"] == others["speed"].max()]
        if not (fastest["speed"] > own["speed"].reindex(fastest.index)).all():
            raise LeftOutError(f"none of `resolution.{KEYS[varied]}` is faster than the recording's")
        return pairs(own["video_correlation"], fastest["video_correlation"])

    return values


def microscopes_answer(found: pd.DataFrame, decisions: dict[tuple[str, str], object]) -> str:
    """What a faster indicator and a faster scan change, in one sentence; empty where neither is known.

    Parameters
    ----------
    found
        Of `microscope_qualities`.
    decisions
        By what is varied and responses, of the question that `with_faster` answers.
    """
    parts = []
    for (varied, responses), decision in decisions.items():
        part = found[(found["varied"] == varied) & (found["responses"] == responses)]
        if part.empty:
            continue
        means = part.groupby("level", sort=False)["video_correlation"].mean()
        named = ", ".join(f"{level} {value:.2f}" for level, value in means.items())
        faster = f"a faster {varied}"
        changed = choose(
            decision,
            f"{faster} brings them back better",
            f"{faster} brings them back worse",
            f"whether {faster} changes them is not decided",
        )
        parts.append(f"from {responses} responses {changed} ({named})")
    return f"Of noise and gratings, through the simulated neurons: {'; '.join(parts)}." if parts else ""
