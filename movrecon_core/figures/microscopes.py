"""Synthetic movies by the microscope that saw simulated neurons respond: its indicator, its frames a second."""

from collections.abc import Callable, Iterator

import pandas as pd

from movrecon_core.analysis import video_correlation
from movrecon_core.figures.findings import LeftOutError, choose, pairs
from movrecon_core.figures.measured import Measured
from movrecon_core.figures.rows import NAN, Row, mean_row
from movrecon_core.figures.synthetic import in_words
from movrecon_core.simulation import ImagingConfig
from movrecon_core.simulation.indicators import KINETICS
from movrecon_core.study.conditions import NOISY_THROUGH_NEURONS, Condition
from movrecon_core.study.microscopes import imaging_of
from movrecon_core.study.study import Study

INDICATOR, SCAN_RATE = "indicator", "scan rate"
KEYS = {INDICATOR: "indicators", SCAN_RATE: "scan_rates"}
"""Where a profile's section `resolution` lists what is varied."""


def microscope_qualities(study: Study) -> pd.DataFrame:
    """How well synthetic movies are found from noisy responses that other microscopes saw, through the neurons.

    Returns
    -------
    DataFrame
        ``mouse``, ``stimulus``, ``sample`` (stimulus and its phase), ``varied`` (`INDICATOR`, `SCAN_RATE`), ``level``
        in words, ``speed`` (1 / decay in 1/s, or Hz), ``own`` (whether the level is the recording's), and
        ``video_correlation`` without Gaussian filter; by ascending speed. Empty where the profile lists no other
        microscope, or no neurons are known.
    """
    rows = []
    for mouse in study.reconstructed_mice:
        if not (stimuli := study.resolution_stimuli(mouse)):
            continue
        for varied, condition, imaging in _microscopes(study, mouse):
            speed = 1 / imaging.decay if varied == INDICATOR else imaging.sampling_rate
            level, own = _level(varied, imaging), condition == NOISY_THROUGH_NEURONS
            for stimulus in stimuli:
                found = video_correlation(*study.judged(mouse, stimulus, condition).evaluated)
                rows.append((study.label(mouse), in_words(stimulus), stimulus.name, varied, level, speed, own, found))
    columns = ["mouse", "stimulus", "sample", "varied", "level", "speed", "own", "video_correlation"]
    return pd.DataFrame(rows, columns=columns).sort_values(["varied", "speed"], kind="stable", ignore_index=True)


def _microscopes(study: Study, mouse: int) -> Iterator[tuple[str, Condition, ImagingConfig]]:
    """What is varied, and every level of it, the recording's own among them and once."""
    recording = study.recordings[mouse]
    own = imaging_of(recording, NOISY_THROUGH_NEURONS)
    for varied in KEYS:
        others = []
        for condition in study.profile.resolution.microscopes:
            level = condition.indicator if varied == INDICATOR else condition.scan_rate
            if level is not None and (imaging := imaging_of(recording, condition)) != own:
                others.append((varied, condition, imaging))
        if others:
            yield from ((varied, NOISY_THROUGH_NEURONS, own), *others)


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
    for (stimulus, varied, level), part in found.groupby(["stimulus", "varied", "level"], sort=False):
        name = f"video correlation from noisy responses, through neurons, {varied} {level}"
        yield mean_row(figure, name, NAN, part["video_correlation"], part["mouse"], seed, stimulus=str(stimulus))


def with_faster(varied: str) -> Callable[[Measured], pd.DataFrame]:
    """Table of a question: the recording's own microscope, and the fastest one that is faster."""

    def values(measured: Measured) -> pd.DataFrame:
        table = measured.of(microscope_qualities)
        table = table[table["varied"] == varied]
        if table.empty:
            raise LeftOutError(f"needs `resolution.{KEYS[varied]}` in the profile, and neurons that are known")
        wide = {own: part.set_index(["mouse", "sample"]) for own, part in table.groupby("own")}
        own, others = wide[True], wide[False]
        fastest = others[others["speed"] == others["speed"].max()]
        if not (fastest["speed"] > own["speed"].reindex(fastest.index)).all():
            raise LeftOutError(f"none of `resolution.{KEYS[varied]}` is faster than the recording's")
        return pairs(own["video_correlation"], fastest["video_correlation"])

    return values


def microscopes_answer(found: pd.DataFrame, decisions: dict[str, object]) -> str:
    """What a faster indicator and a faster scan change, in one sentence; empty where neither is known.

    Parameters
    ----------
    found
        Of `microscope_qualities`.
    decisions
        By what is varied, of the question that `with_faster` answers.
    """
    parts = []
    for varied, part in found.groupby("varied", sort=False):
        means = part.groupby("level", sort=False)["video_correlation"].mean()
        named = ", ".join(f"{level} {value:.2f}" for level, value in means.items())
        changed = choose(
            decisions[str(varied)],
            f"a faster {varied} brings them back better",
            f"a faster {varied} brings them back worse",
            f"that a faster {varied} changes them is not decided",
        )
        parts.append(f"{changed} ({named})")
    if not parts:
        return ""
    return f"Of noise and gratings from noisy responses, through the simulated neurons: {'; '.join(parts)}."
