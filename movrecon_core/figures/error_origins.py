"""Where errors come from and what they go with: noise, encoders, inversion, pixel by pixel (simulated recordings)."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from movrecon_core.analysis import (
    PARTS,
    SKIPPED_FRAMES,
    Judged,
    bands,
    bonferroni,
    mouse_means,
    paired_t,
    rank_correlations,
    shifts_along_motion,
    split_loss,
    standardised,
    standardised_error,
)
from movrecon_core.analysis.spectra import SPATIAL
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.figures.comparisons import T_TEST_LEFT_OUT
from movrecon_core.figures.fig1s3_masks import field_coverage
from movrecon_core.figures.findings import LeftOutError, Question, choose, decide, pairs
from movrecon_core.figures.images import image_table, labelled
from movrecon_core.figures.measured import Measured
from movrecon_core.figures.quality_loss import CAUSES, WAYS, truth_movies
from movrecon_core.figures.quality_loss import shares as loss_shares
from movrecon_core.figures.rows import NAN, Row, estimate, mean_row
from movrecon_core.study.conditions import NOISE_FREE, PREDICTED, RECORDED
from movrecon_core.study.study import Study

FIGURE = "beyond 3"
WHOLE = "whole"
FEATURES = ("contrast edges", "luminance", "motion energy", "eccentricity", "receptive fields", "gaze displacement")
"""Of the movie, of the place on the screen, and of the animal."""
STEP = 3
"""Every so many frames errors are compared with features; those between are much alike."""


class ErrorTables(NamedTuple):
    """What is measured of the errors inside the evaluation mask, from frame 30 on, of standardised movies.

    Errors are half the squared difference of two movies in their standard deviations, whose mean is 1 − video
    correlation; ``part`` is a cause as in `split_loss`, or ``whole``, their sum.

    Attributes
    ----------
    maps
        Mean over frames and movies: ``mouse``, ``row`` (the part), ``y``, ``x``, ``error``; NaN outside the mask.
    parts
        Mean over pixels and frames: ``mouse``, ``trial``, ``part``, ``loss``.
    spectra
        Power of the difference by ``frequency`` (cycles a pixel, lower ends of octaves), relative to the truth's:
        ``mouse``, ``trial``, ``part``, ``frequency``, ``power``; it adds up over the causes, too.
    correlates
        How errors go with each of `FEATURES` over pixels and frames: ``mouse``, ``trial``, ``part``, ``feature``,
        ``correlation`` and ``slope``, as `RankCorrelation` alone and beside the others.
    shifts
        Of the reconstruction along what moves: ``mouse``, ``trial``, ``way``, ``pixels`` ahead, ``frames`` late.
    shown
        What the article's error map, recorded minus expected reconstruction, shows: ``mouse``, ``trial``, ``origin``,
        ``share`` of its variance in percent. Both add up to 100; empty where nothing was found from predicted ones.
    """

    maps: pd.DataFrame
    parts: pd.DataFrame
    spectra: pd.DataFrame
    correlates: pd.DataFrame
    shifts: pd.DataFrame
    shown: pd.DataFrame


def error_tables(study: Study) -> ErrorTables:
    """Measure the errors of every movie whose truth is known.

    Raises
    ------
    NothingToShowError
        As `truth_movies`.
    """
    maps: dict[int, list[NDArray[np.float64]]] = {}
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in ErrorTables._fields[1:]}
    for mouse, trial in truth_movies(study):
        found = {name: study.results.judged(mouse, trial, WAYS[name]).evaluated for name in CAUSES}
        truth, _, pixels = found[CAUSES[0]]
        errors = split_loss(*(standardised_error(*judged) for judged in found.values()))
        errors[WHOLE] = np.sum([errors[part] for part in PARTS], axis=0)
        maps.setdefault(mouse, []).append(np.stack([error.mean(axis=0) for error in errors.values()]))
        movies = np.stack([judged.reconstruction for judged in found.values()])
        shifts = shifts_along_motion(truth, movies, pixels)
        rows = {
            "parts": [(part, errors[part].mean()) for part in PARTS],
            "spectra": _spectra(found),
            "correlates": _correlates(errors, _features(study, mouse, trial, pixels)),
            "shifts": [(way, *shift) for way, shift in zip(CAUSES, shifts, strict=True)],
            "shown": _shown(study, mouse, trial),
        }
        for name, columns in COLUMNS.items():
            table = pd.DataFrame(rows[name], columns=columns)
            table.insert(0, "mouse", study.label(mouse))
            table.insert(1, "trial", trial)
            tables[name].append(table)
    images = [_map(study, mouse, np.mean(means, axis=0)) for mouse, means in maps.items()]
    labels = {"mouse": [study.label(mouse) for mouse in maps], "row": [*PARTS, WHOLE]}
    drawn = image_table(labelled(np.stack(images), **labels), "error")
    return ErrorTables(drawn, **{name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()})


COLUMNS = {
    "parts": ["part", "loss"],
    "spectra": ["part", "frequency", "power"],
    "correlates": ["part", "feature", "correlation", "slope"],
    "shifts": ["way", "pixels", "frames"],
    "shown": ["origin", "share"],
}
"""Of the tables of `ErrorTables`, after ``mouse`` and ``trial``."""


def _spectra(found: Mapping[str, Judged]) -> list[tuple[str, float, float]]:
    powers = []
    for truth, movie, pixels in found.values():
        shown, error = np.zeros((2, *truth.shape))
        shown[:, pixels] = standardised(truth, pixels)
        error[:, pixels] = standardised(movie, pixels) - shown[:, pixels]
        both = bands(shown, error, pixels)
        powers.append(both.over(0).found / both.over(0).truth)
    parts = split_loss(*powers)
    return [(part, at, power) for part in PARTS for at, power in zip(SPATIAL, parts[part].tolist(), strict=True)]


def _features(study: Study, mouse: int, number: int, pixels: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
    """Each of `FEATURES` at every `STEP`-th evaluated frame and pixel of the mask, flat."""
    trial = study.trial(mouse, number)
    truth = trial.movie.astype(np.float64)
    evaluated = slice(SKIPPED_FRAMES, None, STEP)
    down, right = (gaussian_filter(truth, (0, 1, 1), order=order) for order in ((0, 1, 0), (0, 0, 1)))
    changes = np.abs(np.diff(truth, axis=0, prepend=truth[:1]))
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    middle = y[pixels].mean(), x[pixels].mean()
    gaze = np.hypot(*(trial.pupil_center - study.trials.mean_behavior(mouse)[1][:, None]))
    shape = (len(truth[evaluated]), int(pixels.sum()))
    found = {
        "contrast edges": np.hypot(down, right)[evaluated][:, pixels],
        "luminance": truth[evaluated][:, pixels],
        "motion energy": changes[evaluated][:, pixels],
        "eccentricity": np.hypot(y - middle[0], x - middle[1])[pixels],
        "receptive fields": field_coverage(study, mouse)[pixels],
        "gaze displacement": gaze[evaluated][:, None],
    }
    return {name: np.broadcast_to(values, shape).ravel() for name, values in found.items()}


def _correlates(
    errors: Mapping[str, NDArray[np.float64]], features: Mapping[str, NDArray[np.float64]]
) -> list[tuple[str, str, float, float]]:
    return [
        (part, name, *one)
        for part, error in errors.items()
        for name, one in rank_correlations(error[::STEP].ravel(), features).items()
    ]


def _shown(study: Study, mouse: int, trial: int) -> list[tuple[str, float]]:
    if PREDICTED not in study.conditions:
        return []
    pixels = crop_movie(study.results.evaluation_mask(mouse))
    recorded, noise_free, expected = (
        study.results.reconstruction(mouse, trial, way)[SKIPPED_FRAMES:, pixels].astype(np.float64)
        for way in (RECORDED, NOISE_FREE, PREDICTED)
    )
    error = recorded - expected
    error -= error.mean()
    origins = {"noise": recorded - noise_free, "encoder": noise_free - expected}
    variance = max(float((error**2).sum()), np.finfo(float).tiny)
    return [(name, 100 * float((error * origin).sum()) / variance) for name, origin in origins.items()]


def _map(study: Study, mouse: int, means: NDArray[np.float64]) -> NDArray[np.float64]:
    pixels = crop_movie(study.results.evaluation_mask(mouse))
    image = np.full((len(means), *pixels.shape), np.nan)
    image[:, pixels] = means
    return image


def correlate_statistics(correlates: pd.DataFrame, seed: int) -> pd.DataFrame:
    """How errors go with each feature beside the others: means over mice and their movies.

    Parameters
    ----------
    correlates
        Of `ErrorTables`.
    seed
        Of the bootstrap.

    Returns
    -------
    DataFrame
        ``part``, ``feature``, ``correlation`` (alone), ``slope`` (beside the others) with ``low`` and ``high`` (95 %,
        bootstrap over mice and then their movies), ``p`` of a t-test over mice of the slope, Bonferroni-corrected for
        the features of a part, ``mice``, ``movies``, ``left_out``.
    """
    rows = []
    for (part, feature), movies in correlates.dropna().groupby(["part", "feature"], sort=False):
        found = estimate(movies["slope"], movies["mouse"], seed)
        mice = mouse_means(movies["slope"], movies["mouse"])
        p = paired_t(mice, np.zeros_like(mice)).p if mice.size > 1 else NAN
        left_out = "" if mice.size > 1 else T_TEST_LEFT_OUT
        means = (movies["correlation"].mean(), found.mean, found.low, found.high)
        rows.append((part, feature, *means, p, found.mice, found.n, left_out))
    names = ["part", "feature", "correlation", "slope", "low", "high", "p", "mice", "movies", "left_out"]
    table = pd.DataFrame(rows, columns=names)
    for _, part in table[table["p"].notna()].groupby("part"):
        table.loc[part.index, "p"] = bonferroni(part["p"])
    return table


def rows(tables: ErrorTables, seed: int) -> Iterator[Row]:
    """Error by cause and frequency, what it goes with, how far moving edges are shifted, what the article's map shows.

    Parameters
    ----------
    tables
        Of `error_tables`.
    seed
        Of the bootstraps.
    """
    for (part, lower), movies in tables.spectra.groupby(["part", "frequency"], sort=False):
        name = f"power of the error by {part} from {lower:.3g} cycles/px"
        yield mean_row(FIGURE, name, NAN, movies["power"], movies["mouse"], seed, kind="statistic")
    for row in correlate_statistics(tables.correlates, seed).itertuples():
        name = f"error ({row.part}) by {row.feature}, slope"
        yield Row(FIGURE, name, "statistic", NAN, row.slope, row.low, row.high, n=row.movies)
    for unit, moved in (("pixels", "pixels ahead along the motion"), ("frames", "frames late")):
        for way, movies in tables.shifts.dropna(subset=[unit]).groupby("way", sort=False):
            yield mean_row(FIGURE, f"{moved}, {way}", NAN, movies[unit], movies["mouse"], seed, kind="statistic")
    for origin, movies in tables.shown.groupby("origin", sort=False):
        name = f"the article's error map: share of {origin} (%)"
        yield mean_row(FIGURE, name, NAN, movies["share"], movies["mouse"], seed, kind="percent")


def errors_answer(measured: Measured) -> str:
    """What errors come from and go with, in one sentence."""
    tables = measured.of(error_tables)
    decisions = {question.finding: decide(question, measured)["decision"] for question in QUESTIONS}
    of_loss = loss_shares(tables.parts, measured.seed).set_index("part")["share"]
    parts = ", ".join(f"{part} {round(of_loss[part])} %" for part in PARTS)
    shares = tables.shown.groupby("origin")["share"].mean()
    named = f" ({', '.join(f'{name} {round(share)} %' for name, share in shares.items())})"
    map_shows = choose(
        decisions[NOISE_SHOWN],
        "what the article's error maps show is noise of the trial more than the encoders' error",
        "what the article's error maps show is the encoders' error more than noise of the trial",
        "whether the article's error maps show noise of the trial or the encoders' error is not decided",
    )
    at_edges = choose(decisions[AT_EDGES], "larger", "smaller", "not for certain larger or smaller")
    behind = choose(decisions[BEHIND], "behind", "ahead of", "not for certain behind or ahead of")
    moved = tables.shifts[tables.shifts["way"] == CAUSES[0]][["pixels", "frames"]].mean()
    by = f" (by {abs(moved['pixels']):.2f} px, {abs(moved['frames']):.2f} frames)" if moved.notna().all() else ""
    return (
        f"Of the error inside the mask: {parts}; {map_shows}{named if len(shares) else ''}; errors are {at_edges} at "
        f"contrast edges; what moves comes back {behind} its place{by}."
    )


_MOVIE = ["mouse", "trial"]

NOISE_SHOWN = "the article's error maps show noise of the trial more than the encoders' error"
AT_EDGES = "errors are larger at contrast edges"
BEHIND = "what moves comes back behind its place"


def _noise_shown(measured: Measured) -> pd.DataFrame:
    shown = measured.of(error_tables).shown
    if shown.empty:
        raise LeftOutError("the profile reconstructs nothing from predicted responses")
    wide = shown.pivot(index=_MOVIE, columns="origin", values="share")
    return pairs(wide["encoder"], wide["noise"])


def _goes_with(feature: str, sign: int = 1) -> Callable[[Measured], pd.DataFrame]:
    def values(measured: Measured) -> pd.DataFrame:
        table = measured.of(error_tables).correlates
        found = table[(table["part"] == WHOLE) & (table["feature"] == feature)].set_index(_MOVIE)["slope"]
        return pairs(0 * found, sign * found)

    return values


def _behind(measured: Measured) -> pd.DataFrame:
    table = measured.of(error_tables).shifts
    found = table[table["way"] == CAUSES[0]].set_index(_MOVIE)["pixels"]
    return pairs(0 * found, -found)


QUESTIONS: tuple[Question, ...] = (
    Question(NOISE_SHOWN, FIGURE, "share of the error map (%) by noise − by the encoder", _noise_shown),
    Question(AT_EDGES, FIGURE, "slope of the error on the rank of the contrast − 0", _goes_with("contrast edges")),
    Question(
        "errors are larger where fewer receptive fields are",
        FIGURE,
        "0 − slope of the error on the rank of the receptive fields",
        _goes_with("receptive fields", -1),
    ),
    Question(BEHIND, FIGURE, "pixels behind along the motion − 0", _behind),
)
