"""Gaussian noise: which spatial and temporal detail comes back (Fig. 4, 4–S2)."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from movrecon_core.analysis import (
    SKIPPED_FRAMES,
    PhaseParts,
    entropy,
    match_contrast_luminance,
    motion_energy,
    phase_parts,
    video_correlation,
)
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.errors import ProfileError
from movrecon_core.figures.published import published, published_grid
from movrecon_core.figures.rows import Kind, Row, mean_row
from movrecon_core.figures.synthetic import TARGETS, Shown, example_frames, of_one_mouse, shown_stimuli
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_RATE, FRAME_WIDTH
from movrecon_core.stimuli import NoiseStimulus
from movrecon_core.study.study import Study

SQUARE = slice((FRAME_WIDTH - FRAME_HEIGHT) // 2, (FRAME_WIDTH + FRAME_HEIGHT) // 2)
"""Columns of the square of noise, between the grey ones."""
GRID = ["length", "duration"]
PHASE_COLUMNS = [
    *("mouse", "target", *GRID, "sample"),
    *("phase_correlation", "insensitive_share", "flipping_correlation", "constant_correlation"),
]
MASKS = {"video_correlation": "own mask", "neighbour_correlation": "mask one mouse off"}
"""In whose evaluation mask: the article's reading, the scripts'."""
SHORTEST = 0.5
"""What the article labels 0, in pixels and frames."""
SCRIPTS_PIXELS = 3.4
"""By which the scripts divide pixels for their axes in degrees; they should multiply."""


class Published(NamedTuple):
    """Where the article states a measure: figure, name, kind of number, path among the published values."""

    figure: str
    name: str
    kind: Kind
    path: str


PUBLISHED = {
    "video_correlation": Published("4", "video correlation", "correlation", "figure_4.video_correlation"),
    "phase_correlation": Published(
        "4",
        "correlation of reconstructions of inverted stimuli",
        "correlation",
        "figure_4.phase_inverted_reconstruction_correlation",
    ),
    "ensembling_gain": Published("4–S2", "gain by ensembling", "statistic", "figure_4_supplement_2.ensembling_gain"),
    "entropy": Published("4–S2", "entropy (bits)", "bits", "figure_4_supplement_2.entropy_bits_reconstruction"),
    "motion_energy": Published(
        "4–S2", "motion energy", "grey levels", "figure_4_supplement_2.motion_energy_reconstruction"
    ),
}
"""Of the reconstructions."""


class NoiseTables(NamedTuple):
    """What is measured of the noise movies, without Gaussian filter and from frame 30 on.

    Attributes
    ----------
    measures
        One row a mouse, ``target`` (``same instance`` or ``ensemble``) and stimulus (``length`` in pixels,
        ``duration`` in frames, ``sample``, ``inverted``): ``video_correlation``; ``neighbour_correlation``, in the
        previous mouse's mask; ``ensembling_gain``, over the mean of the single instances; ``entropy`` in bits and
        ``motion_energy`` in grey levels of the reconstruction with its stimulus's contrast and luminance (scripts), and
        with ``true_`` of the stimulus in the mask, with ``square_`` of the stimulus in the whole square.
    phases
        One row a mouse, ``target``, ``length``, ``duration``, ``sample``, where both phases were reconstructed:
        ``phase_correlation``, ``insensitive_share``, ``flipping_correlation``, ``constant_correlation``, as
        `PhaseParts`.
    """

    measures: pd.DataFrame
    phases: pd.DataFrame


def noise_tables(study: Study, targets: Collection[str] = tuple(TARGETS.values())) -> NoiseTables:
    """Measure every noise movie and its reconstruction, reading each once.

    Parameters
    ----------
    study
        With reconstructions of noise.
    targets
        Whose predictions: ``same instance``, ``ensemble``, or both.
    """
    masks = {mouse: crop_movie(study.results.evaluation_mask(mouse)) for mouse in study.reconstructed_mice}
    before = dict(zip(study.reconstructed_mice, np.roll(study.reconstructed_mice, 1).tolist(), strict=True))
    measures, phases = [], []
    waiting: dict[Shown[NoiseStimulus], NDArray[np.floating]] = {}  # the reconstruction of one phase, until the other
    for one in shown_stimuli(study, NoiseStimulus):
        if one.target not in targets:
            continue
        mouse, stimulus, condition = one
        # Not `judged`, which would read the thousands of movies a second time.
        single = crop_movie(study.results.instance_movies(mouse, stimulus, condition))[:, SKIPPED_FRAMES:]
        truth, found, mask = study.movie(mouse, stimulus)[SKIPPED_FRAMES:], single.mean(axis=0), masks[mouse]
        key = {"mouse": study.label(mouse), "target": one.target, **{name: getattr(stimulus, name) for name in GRID}}
        key |= {"sample": stimulus.sample}
        # In the published analysis masks were stored one mouse off: each mouse got the one before, the first the last.
        together = video_correlation(truth, found, mask)
        alone = float(np.mean([video_correlation(truth, one, mask) for one in single]))
        correlations = {
            "video_correlation": together,
            "neighbour_correlation": video_correlation(truth, found, masks[before[mouse]]),
            "ensembling_gain": together - alone,
        }
        measures.append({**key, "inverted": stimulus.inverted, **correlations, **_contents(truth, found, mask)})
        other = waiting.pop(one._replace(stimulus=replace(stimulus, inverted=not stimulus.inverted)), None)
        if other is None:
            waiting[one] = found
        else:
            upright, inverted = (other, found) if stimulus.inverted else (found, other)
            stimulus_truth = 255 - truth if stimulus.inverted else truth
            phases.append({**key, **_phase(phase_parts(stimulus_truth, upright, inverted, mask))})
    return NoiseTables(pd.DataFrame(measures), pd.DataFrame(phases, columns=PHASE_COLUMNS))


def _phase(parts: PhaseParts) -> dict[str, float]:
    return {
        "phase_correlation": parts.correlation,
        "insensitive_share": parts.insensitive_share,
        "flipping_correlation": parts.flipping,
        "constant_correlation": parts.constant,
    }


def noise_panels(measures: pd.DataFrame, phases: pd.DataFrame, target: str) -> dict[str, pd.DataFrame]:
    """What the noise figure and its supplement draw, besides the examples.

    Parameters
    ----------
    measures, phases
        As `noise_tables` makes them.
    target
        Whose predictions are the target: ``same instance`` (scripts) or ``ensemble`` (article).

    Returns
    -------
    dict
        ``C`` video correlation, ``D`` correlation of reconstructions of inverted stimuli, ``E`` and ``F`` video
        correlation of each mouse by length and by time constant, ``G`` video correlation under all readings,
        ``H`` what inversion leaves as it is; of the supplement ``A`` and ``B`` entropy of stimulus and reconstruction,
        ``C`` and ``D`` their motion energy, ``E`` ensembling gain, all with letters after ``S``. Grids have the
        article's value, or the stimulus's in the whole square, as ``beside``.
    """
    shown, inverted = measures[measures["target"] == target], phases[phases["target"] == target]
    return {
        "C": _grid(shown, "video_correlation"),
        "D": _grid(inverted, "phase_correlation"),
        "E": _along(shown, "length"),
        "F": _along(shown, "duration"),
        "G": _readings(measures),
        "H": _grid(inverted, "insensitive_share"),
        "SA": _grid(shown, "true_entropy", shown["square_entropy"]),
        "SB": _grid(shown, "entropy"),
        "SC": _grid(shown, "true_motion_energy", shown["square_motion_energy"]),
        "SD": _grid(shown, "motion_energy"),
        "SE": _grid(shown, "ensembling_gain"),
    }


def rows(measures: pd.DataFrame, phases: pd.DataFrame, target: str, seed: int) -> Iterator[Row]:
    """Every measure of every stimulus that the article shows, and their means.

    Parameters
    ----------
    measures, phases
        As `noise_tables` makes them.
    target
        As for `noise_panels`.
    seed
        Of the bootstraps.
    """
    for value, (figure, name, kind, _) in PUBLISHED.items():
        found = phases if value == "phase_correlation" else measures
        cells = dict(tuple(found[found["target"] == target].groupby(GRID)))
        shared = {key: theirs for key, theirs in published_noise(value).items() if key in cells}
        if shared:
            means = [cells[key][value].mean() for key in shared]
            theirs, note = float(np.mean(list(shared.values()))), "mean over the stimuli of both"
            yield Row(figure, name, "mean", theirs, float(np.mean(means)), n=len(shared), note=f"{note}, n: stimuli")
        for (length, duration), theirs in shared.items():
            values, stimulus = cells[length, duration], f"noise of {length:g} px, {duration:g} frames"
            yield mean_row(figure, name, theirs, values[value], values["mouse"], seed, kind=kind, stimulus=stimulus)
    yield Row("4", "mice", "count", published("figure_4.mice"), measures["mouse"].nunique())
    movies = len(measures[["sample", "inverted"]].drop_duplicates())
    yield Row("4", "movies of each stimulus", "count", published("figure_4.movies_of_each_stimulus"), movies)


def noise_examples(study: Study, target: str, mouse: int, frame: int) -> dict[str, pd.DataFrame]:
    """One frame of each noise movie's first upright sample, and of its reconstruction, in one mouse's mask.

    Parameters
    ----------
    study
        With reconstructions of noise.
    target
        As for `noise_panels`.
    mouse
        Place among the mice that noise was reconstructed for.
    frame
        Of the movie, from 30 on, the first that is evaluated.

    Returns
    -------
    dict
        ``A`` stimuli, ``B`` reconstructions with the stimulus's contrast and luminance: ``length``, ``duration``,
        ``y``, ``x``, ``grey``.

    Raises
    ------
    ProfileError
        If no frame of that number is evaluated.
    """
    shown = of_one_mouse(shown_stimuli(study, NoiseStimulus), target, mouse)
    first = [one for one in shown if one.stimulus == replace(one.stimulus, sample=0, inverted=False)]
    last = len(study.movie(first[0].mouse, first[0].stimulus)) - 1
    if not SKIPPED_FRAMES <= frame <= last:
        raise ProfileError(f"frame {frame}: noise movies are evaluated from frame {SKIPPED_FRAMES} to {last}")
    return example_frames(study, first, GRID, frame - SKIPPED_FRAMES, SQUARE)


def _contents(truth: NDArray, movie: NDArray, mask: NDArray[np.bool_]) -> dict[str, float]:
    square = np.zeros_like(mask)
    square[:, SQUARE] = True
    matched = match_contrast_luminance(movie, truth, mask)
    measured = {"": (matched, mask), "true_": (truth, mask), "square_": (truth, square)}
    return {
        f"{prefix}{name}": float(measure(*shown).mean())
        for name, measure in (("entropy", entropy), ("motion_energy", motion_energy))
        for prefix, shown in measured.items()
    }


def _grid(table: pd.DataFrame, value: str, beside: pd.Series | None = None) -> pd.DataFrame:
    """Mean over movies, for each stimulus."""
    mean = table.groupby(GRID)[value].mean().reset_index(name="value")
    if beside is not None:
        other = table.assign(beside=beside).groupby(GRID)["beside"].mean()
        return mean.merge(other.reset_index(), on=GRID)
    if value in PUBLISHED:
        return mean.merge(published_noise(value).rename("beside").reset_index(), on=GRID, how="left")
    return mean


def noise_units() -> pd.DataFrame:
    """What length and time constants are in degrees and milliseconds, and what the scripts' axes call them.

    Returns
    -------
    DataFrame
        ``px``, ``article's label``, ``degrees`` (3.38° a pixel, at the screen's centre), ``scripts' axis (degrees)``
        (pixels / 3.4); ``frames`` have the same values, and ``ms``.
    """
    labels = np.array(published("figure_4.spatial_length_px"))
    pixels = np.where(labels == 0, SHORTEST, labels)
    return pd.DataFrame(
        {
            "px": pixels,
            "article's label": labels,
            "degrees": (pixels * published("data_set.degrees_per_pixel_centre")).round(2),
            "scripts' axis (degrees)": (pixels / SCRIPTS_PIXELS).round(2),
            "frames": pixels,
            "ms": (1000 * pixels / FRAME_RATE).round(0),
        }
    )


def published_noise(value: str) -> pd.Series:
    """The article's grid of a measure, by length and duration; its label 0 stands for 0.5, with which it was made."""
    found = published_grid(PUBLISHED[value].path, "figure_4.spatial_length_px", "figure_4.temporal_length_frames")
    found.index = found.index.map(lambda pair: tuple(SHORTEST if size == 0 else float(size) for size in pair))
    return found.rename_axis(GRID)


def _along(table: pd.DataFrame, name: str) -> pd.DataFrame:
    mean = table.groupby(["mouse", name])["video_correlation"].mean().reset_index(name="value")
    article = _grid(table, "video_correlation").groupby(name)["beside"].mean()
    return mean.merge(article.reset_index(), on=name)


def _readings(measures: pd.DataFrame) -> pd.DataFrame:
    parts = []
    for target in TARGETS.values():
        for column, mask in MASKS.items():
            if column == "neighbour_correlation" and measures["mouse"].nunique() == 1:
                continue  # the mouse before would be itself
            mean = measures[measures["target"] == target].groupby("mouse", sort=False)[column].mean()
            parts.append(mean.reset_index(name="value").assign(reading=f"{target}, {mask}"))
    return pd.concat(parts, ignore_index=True)[["mouse", "reading", "value"]]
