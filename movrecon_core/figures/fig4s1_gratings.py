"""Gratings, and what an encoder that skips frames makes of them (Fig. 4–S1)."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from movrecon_core.analysis import SKIPPED_FRAMES, apparent_frequency, video_correlation
from movrecon_core.figures.published import published, published_grid
from movrecon_core.figures.rows import Row, mean_row
from movrecon_core.figures.synthetic import example_frames, of_one_mouse, shown_stimuli
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.stimuli import GratingStimulus, grating_movie
from movrecon_core.study.study import Study

GRID = ["spatial_frequency", "temporal_frequency"]
FLICKER, BELOW = 15.0, 7.5
"""Hz: every frame the opposite of the one before, and half of that."""
SKIPPING = 2
"""DwiseNeuro sees every second frame."""
RIGHTWARDS = 0.0
SHOWN_FRAME = 30  # article, Fig. 4–S1: the 31st
_PUBLISHED, _MEASURE = "figure_4_supplement_1", "video_correlation"


def grating_measures(study: Study) -> pd.DataFrame:
    """Video correlation of every grating's reconstruction, without Gaussian filter.

    Returns
    -------
    DataFrame
        ``mouse``, ``target`` (``same instance`` or ``ensemble``), ``direction`` in degrees, ``spatial_frequency`` in
        cycles a pixel, ``temporal_frequency`` in Hz, ``video_correlation``.
    """
    rows = []
    for one in shown_stimuli(study, GratingStimulus):
        mouse, stimulus, condition = one
        value = video_correlation(*study.results.judged(mouse, stimulus, condition).evaluated)
        key = {name: getattr(stimulus, name) for name in ("direction", *GRID)}
        rows.append({"mouse": study.label(mouse), "target": one.target, **key, "video_correlation": value})
    return pd.DataFrame(rows)


def grating_panels(measures: pd.DataFrame, target: str) -> dict[str, pd.DataFrame]:
    """What the gratings figure draws, besides the examples.

    Parameters
    ----------
    measures
        As `grating_measures` makes them.
    target
        Whose predictions are the target: ``same instance`` (scripts) or ``ensemble`` (article).

    Returns
    -------
    dict
        ``C`` video correlation, mean over movies, with the article's as ``beside``; ``D`` the same of each
        mouse by temporal frequency; ``E`` grey of one pixel over time as an encoder sees it that takes every second
        frame; ``F`` the frequency that is left then; ``G`` video correlation under both readings of the targets.
    """
    shown = measures[measures["target"] == target]
    mean = shown.groupby(GRID)["video_correlation"].mean().reset_index(name="value")
    grid = mean.merge(published_gratings().rename("beside").reset_index(), on=GRID, how="left")
    along = shown.groupby(["mouse", GRID[1]])["video_correlation"].mean().reset_index(name="value")
    readings = measures.groupby(["mouse", "target"], sort=False)["video_correlation"].mean().reset_index()
    return {
        "C": grid,
        "D": along.merge(grid.groupby(GRID[1])["beside"].mean().reset_index(), on=GRID[1]),
        "E": _one_pixel(sorted(shown["temporal_frequency"].unique(), reverse=True)),
        "F": _apparent_frequencies(sorted(shown["temporal_frequency"].unique())),
        "G": readings.set_axis(["mouse", "reading", "value"], axis=1),
    }


def rows(study: Study, measures: pd.DataFrame, target: str) -> Iterator[Row]:
    """Every grating that the article shows, and means by temporal frequency.

    Parameters
    ----------
    study
        Whose encoders are asked for how many frames they skip, and whose seed the bootstraps take.
    measures
        As `grating_measures` makes them.
    target
        As for `grating_panels`.
    """
    found, name = measures[measures["target"] == target], "video correlation"
    cells, theirs = dict(tuple(found.groupby(GRID))), published_gratings()
    shared = pd.DataFrame(
        [(*key, value, cells[key][_MEASURE].mean()) for key, value in theirs.items() if key in cells],
        columns=[*GRID, "published", "ours"],
    )
    for frequency, at in shared.groupby(GRID[1]):
        note = "mean over spatial frequencies, n: gratings"
        means = (float(at["published"].mean()), float(at["ours"].mean()))
        yield Row("4–S1", f"{name} at {frequency:g} Hz", "mean", *means, n=len(at), note=note)
    for spatial, temporal, value, _ in shared.itertuples(index=False):
        values, stimulus = cells[spatial, temporal], f"grating of {spatial:g} cycles/px, {temporal:g} Hz"
        yield mean_row("4–S1", name, value, values[_MEASURE], values["mouse"], study.profile.seed, stimulus=stimulus)
    counts = {"mice": found["mouse"].nunique(), "directions": found["direction"].nunique()}
    for what, count in counts.items():
        yield Row("4–S1", what, "count", published(f"{_PUBLISHED}.{what}"), count)
    step = "frames between two that the encoder takes"
    yield Row("4–S1", step, "count", published("encoder.frame_step"), frame_step(study))


def grating_examples(study: Study, target: str, mouse: int) -> dict[str, pd.DataFrame]:
    """The 31st frame of each grating that moves right, and of its reconstruction, in one mouse's mask.

    Parameters
    ----------
    study
        With reconstructions of gratings.
    target
        As for `grating_panels`.
    mouse
        Place among the mice that gratings were reconstructed for.

    Returns
    -------
    dict
        ``A`` stimuli, ``B`` reconstructions with the stimulus's contrast and luminance: ``spatial_frequency``,
        ``temporal_frequency``, ``y``, ``x``, ``grey``.
    """
    shown = of_one_mouse(shown_stimuli(study, GratingStimulus), target, mouse)
    first = min(one.stimulus.direction for one in shown)  # rightwards is 0
    rightwards = [one for one in shown if one.stimulus.direction == first]
    return example_frames(study, rightwards, GRID, SHOWN_FRAME - SKIPPED_FRAMES, slice(None))


def flicker_pairs(measures: pd.DataFrame) -> pd.DataFrame:
    """Correlations at 15 and at 7.5 Hz of gratings that are equal but for that, of each mouse.

    Returns
    -------
    DataFrame
        ``mouse``, ``direction``, ``spatial_frequency``, ``flicker`` (15 Hz), ``below`` (7.5 Hz); empty where one was
        not shown.
    """
    names = ["mouse", "direction", "spatial_frequency"]
    wide = measures.pivot(index=names, columns="temporal_frequency", values="video_correlation")
    if not {FLICKER, BELOW} <= set(wide.columns):
        return pd.DataFrame(columns=[*names, "flicker", "below"])
    pairs = wide[[FLICKER, BELOW]].dropna().set_axis(["flicker", "below"], axis=1)
    return pairs.reset_index()


def frame_step(study: Study) -> int:
    """How many frames lie between two that the study's encoders take: 1 sees all, 2 every second one."""
    return int(study.profile.encoder.parameters["stack_step"])


def grating_units() -> pd.DataFrame:
    """What the article's and the scripts' axes call each spatial frequency.

    Returns
    -------
    DataFrame
        ``cycles/px``; ``cycles/degree``, with 3.38° a pixel as at the screen's centre; ``article's axis``;
        ``scripts' axis``, cycles a pixel under the name cycles a degree.
    """
    pixels = np.array(published(f"{_PUBLISHED}.spatial_frequency_cycles_per_px"))
    degrees = pixels / published("data_set.degrees_per_pixel_centre")
    article = published(f"{_PUBLISHED}.spatial_frequency_cycles_per_deg")
    names = ("cycles/px", "cycles/degree", "article's axis", "scripts' axis")
    return pd.DataFrame(dict(zip(names, (pixels, degrees.round(4), article, pixels), strict=True)))


def published_gratings() -> pd.Series:
    """The article's video correlations, by spatial and temporal frequency."""
    rows, columns = f"{_PUBLISHED}.spatial_frequency_cycles_per_px", f"{_PUBLISHED}.temporal_frequency_hz"
    return published_grid(f"{_PUBLISHED}.video_correlation", rows, columns).rename_axis(GRID)


def _one_pixel(frequencies: list[float]) -> pd.DataFrame:
    """Grey of a pixel of gratings that move right, over the first frames, even and odd ones apart."""
    tables = []
    for frequency in frequencies[:3]:
        grey = grating_movie(GratingStimulus(RIGHTWARDS, 0.0625, frequency))[:SHOWN_FRAME, 0, 0]
        frames = np.arange(SHOWN_FRAME)
        columns = {"temporal_frequency": frequency, "frame": frames, "seconds": (frames / FRAME_RATE).round(4)}
        tables.append(pd.DataFrame({**columns, "stack": np.where(frames % SKIPPING, "odd", "even"), "grey": grey}))
    return pd.concat(tables, ignore_index=True)


def _apparent_frequencies(shown: list[float]) -> pd.DataFrame:
    frequencies = np.unique(np.concatenate([np.linspace(0, FLICKER, 61), shown]))
    tables = [
        pd.DataFrame(
            {
                "step": step,
                "temporal_frequency": frequencies,
                "apparent": apparent_frequency(frequencies, step).round(4),
                "shown": np.isin(frequencies, shown),
            }
        )
        for step in (1, SKIPPING)
    ]
    return pd.concat(tables, ignore_index=True)
