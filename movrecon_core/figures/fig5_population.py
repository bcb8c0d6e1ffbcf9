"""Population sizes: reconstruction from fewer neurons, in both readings (Fig. 5)."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from movrecon_core.analysis import match_mean_image, video_correlation
from movrecon_core.errors import NothingToShowError
from movrecon_core.figures.images import image_table, labelled, shown_frames
from movrecon_core.figures.levels import level_statistics
from movrecon_core.figures.published import published
from movrecon_core.figures.rows import NAN, Row, anova_rows, change_row, compared, mean_row
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.study.conditions import RECORDED, Condition
from movrecon_core.study.study import Study

SILENT = "silent"
"""What becomes of dropped neurons in the scripts, and so in the published values; in the article's text: missing."""


def population_sizes(study: Study) -> pd.DataFrame:
    """Video correlation of movies found from a part of the population, and from all of it.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``dropped`` (``silent`` or ``missing``), ``percent`` of the neurons that are kept,
        ascending, ``neurons`` of the whole population, ``video_correlation``. With all neurons both readings are one.

    Raises
    ------
    NothingToShowError
        If the profile reconstructs from no part of a population.
    """
    found = []
    for mouse in study.reconstructed_mice:
        for trial in study.asked.population_trials(mouse):
            for dropped, kept in product(study.profile.population.dropped, (*sorted(study.fractions), 1.0)):
                condition = Condition(neurons=kept, dropped=dropped) if kept < 1 else RECORDED
                value = video_correlation(*study.results.judged(mouse, trial, condition).evaluated)
                neurons = study.recordings[mouse].neurons
                found.append((study.label(mouse), trial, dropped, 100 * kept, neurons, value))
    if not found:
        raise NothingToShowError(
            "the profile reconstructs from no part of a population; give `population` 1 or more `trials_per_mouse` and "
            "at least one of `dropped`"
        )
    return pd.DataFrame(found, columns=["mouse", "trial", "dropped", "percent", "neurons", "video_correlation"])


def by_number(sizes: pd.DataFrame) -> pd.DataFrame:
    """Mean over movies by how many neurons are kept: ``mouse``, ``dropped``, ``neurons``, ``video_correlation``.

    Parameters
    ----------
    sizes
        Of `population_sizes`.
    """
    kept = sizes.assign(neurons=(sizes["neurons"] * sizes["percent"] / 100).round().astype(int))
    return kept.groupby(["mouse", "dropped", "neurons"], sort=False)["video_correlation"].mean().reset_index()


def size_frames(study: Study, frames: int) -> pd.DataFrame:
    """Frames of the first mouse's first movie, found from ever more neurons (Author response image 1).

    Parameters
    ----------
    study
        With reconstructions from parts of the population.
    frames
        How many.

    Returns
    -------
    DataFrame
        ``found from``, ``seconds``, ``y``, ``x``, ``grey``; contrast and luminance are the truth's, NaN outside the
        evaluation mask.
    """
    mouse = study.reconstructed_mice[0]
    trial, neurons = study.asked.population_trials(mouse)[0], study.recordings[mouse].neurons
    dropped, shown = study.profile.population.dropped[0], shown_frames(len(study.movie(mouse, trial)), frames)
    images: dict[str, NDArray[np.floating]] = {}
    for kept in (*sorted(study.fractions), 1.0):
        condition = Condition(neurons=kept, dropped=dropped) if kept < 1 else RECORDED
        truth, found, pixels = study.results.judged(mouse, trial, condition)
        images.setdefault("truth", np.where(pixels, truth[shown], np.nan))
        name = f"{round(kept * neurons)} neurons"
        images[name] = np.where(pixels, match_mean_image(found, truth, pixels)[shown], np.nan)
    seconds = np.round(shown / FRAME_RATE, 3)
    stacked = np.stack(list(images.values()))
    return image_table(labelled(stacked, **{"found from": list(images), "seconds": seconds}), "grey")


def published_sizes() -> dict[float, float]:
    """The article's video correlation by percentage of the neurons, the others silent."""
    return dict(zip(published("figure_5.population_percent"), published("figure_5.video_correlation"), strict=True))


def rows(sizes: pd.DataFrame, seed: int) -> Iterator[Row]:
    """Video correlation at every size, what it loses, and whether sizes differ.

    Parameters
    ----------
    sizes
        Of `population_sizes`.
    seed
        Of the bootstraps.
    """
    for dropped, found in sizes.groupby("dropped", sort=False):
        theirs = published_sizes() if dropped == SILENT else {}
        changes = dict(zip(list(theirs)[:-1], published("figure_5.change_from_full_percent"), strict=False))
        by_size = dict(tuple(found.groupby("percent")))
        for percent in sorted({*theirs, *by_size}):
            label = f"{percent:g} % of the neurons, others {dropped}"
            name, value = f"video correlation, {label}", theirs.get(percent, NAN)
            if percent not in by_size:
                yield Row("5", name, "correlation", value, note="left out: not in the profile")
                continue
            values = by_size[percent]
            yield mean_row("5", name, value, values["video_correlation"], values["mouse"], seed)
            if percent < 100:
                pair = compared(found, "percent", "video_correlation", 100.0, percent, seed)
                yield change_row("5", f"change (%), {label}", changes.get(percent, NAN), pair)
        test = level_statistics(found, "percent", seed=seed).tests.iloc[0]
        f, p = (published(f"figure_5.anova.{name}") if dropped == SILENT else NAN for name in ("F", "p"))
        yield from anova_rows("5", f"neurons, others {dropped}", p, f, test)
