"""Every published number that a run has a counterpart for, beside the run's own with its uncertainty."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from movrecon_core import figures as tables
from movrecon_core.analysis import (
    Comparison,
    compare_conditions,
    full_screen_diameter,
    hierarchical_bootstrap,
    paired_t,
)
from movrecon_core.analysis.comparisons import by_mouse
from movrecon_core.errors import MovreconError
from movrecon_core.figures.fig4_gaussian_noise import PUBLISHED, published_noise
from movrecon_core.figures.fig4s1_gratings import published_gratings
from movrecon_core.figures.measured import Measured
from movrecon_core.figures.published import published
from movrecon_core.study.conditions import RECORDED
from movrecon_core.study.store import unit_attributes

RESAMPLES = 2000
"""Of each interval; there are hundreds."""


@dataclass(frozen=True)
class Row:
    """One quantity: the article's value, this run's, and the run's 95 % interval where it has one."""

    figure: str
    quantity: str
    published: float
    this_run: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    n: int | None = None
    note: str = ""


def published_table(measured: Measured) -> pd.DataFrame:
    """Published numbers beside this run's.

    Returns
    -------
    DataFrame
        ``figure``, ``quantity``, ``published``, ``this_run``, ``low``, ``high`` (95 %: bootstrap over mice and then
        their movies), ``n`` movies or mice, ``note``: why there is no value, or what differs.
    """
    rows: list[Row] = []
    for figure, section in _SECTIONS:
        try:
            for row in section(measured):
                rows.append(row)
        except MovreconError as error:
            rows.append(Row(figure, "all", float("nan"), note=f"left out: {error}"))
    return pd.DataFrame([asdict(row) for row in rows])


def _nested(figure: str, quantity: str, theirs: float, values: ArrayLike, mice: ArrayLike, note: str = "") -> Row:
    """A mean over mice of their means over movies."""
    found = hierarchical_bootstrap(by_mouse(values, mice), 0, resamples=RESAMPLES)
    certain = found.n > 1
    ends = (found.low, found.high) if certain else (float("nan"), float("nan"))
    return Row(figure, quantity, theirs, found.mean, *ends, found.n, note)


def _recording(measured: Measured) -> Iterator[Row]:
    study = measured.study
    movies = list(study.movies())
    neurons = [study.recordings[mouse].neurons for mouse in study.reconstructed_mice]
    yield Row("data", "mice", 5, len(neurons))
    yield Row("data", "movies", published("figure_2.video_correlation.n_movies"), len(movies))
    yield Row("data", "neurons a mouse", float(np.mean(published("data_set.neurons"))), float(np.mean(neurons)))
    yield Row("data", "frames a movie", published("data_set.frames"), study.trial(*movies[0]).frames)
    duplicates = tables.near_duplicates(study)
    excluded = int((duplicates["use"] == "excluded").sum())
    note = f"of {len(duplicates)} held-out movies; article: of {published('near_duplicates.of')}"
    yield Row("data", "near-duplicates excluded", published("near_duplicates.replaced_movies"), excluded, note=note)


def _encoders(measured: Measured) -> Iterator[Row]:
    found = tables.single_trial_correlations(measured.study)
    single = found[found["encoder"] != "ensemble"].groupby("mouse", sort=False)["correlation"].mean()
    theirs = published("encoder.single_trial_correlation.retrained_validation")
    yield _nested("1", "encoder's single-trial correlation", theirs, single, single.index, "n: mice")
    yield _cost(measured)


def _cost(measured: Measured) -> Row:
    study = measured.study
    units = [unit for mouse, trial in study.movies() for unit in study.reconstruction_units(mouse, trial, RECORDED)]
    found = [unit_attributes(study.store, unit) for unit in units]
    seconds = [attributes["seconds"] for attributes in found if "seconds" in attributes]
    theirs = published("cost.minutes_per_10s_movie_per_instance_1000_epochs")
    note = f"{study.profile.reconstruction.iterations} iterations; article: 1000, DwiseNeuro, RTX 4070"
    minutes = float(np.mean(seconds)) / 60 if seconds else float("nan")
    return Row("1", "minutes a movie and instance", theirs, minutes, n=len(seconds), note=note)


def _variations(measured: Measured) -> Iterator[Row]:
    figure, path = "1–S2", "figure_1_supplement_2"
    found = measured.variations["C"]
    names = {
        "standard": "standard",
        "from predicted responses": "from_predicted_activity",
        "gradient ensembling": "gradient_ensembling",
        "no Gaussian filter": "no_gaussian_smoothing",
        "no training mask": "no_training_mask",
        "strict training mask": "strict_training_mask",
    }
    for variant, key in names.items():
        rows = found[found["variant"] == variant].dropna()
        theirs = published(f"{path}.video_correlation.{key}")
        if rows.empty:
            yield Row(figure, f"video correlation, {variant}", theirs, note="left out: not in the profile")
        else:
            yield _nested(figure, f"video correlation, {variant}", theirs, rows["video_correlation"], rows["mouse"])
    for variant in [name for name in list(names)[1:4] if (found["variant"] == name).any()]:
        compared = _compared(found, "variant", "video_correlation", "standard", variant, measured.study.profile.seed)
        yield _p(figure, f"p of {variant} and standard", published(f"{path}.p_paired_t.{names[variant]}"), compared)
    yield from _response_changes(measured, figure, path)


def _response_changes(measured: Measured, figure: str, path: str) -> Iterator[Row]:
    found = measured.variations["D"]
    kinds = list(found["stimulus"].unique())
    pairs = {"masked_at_0.5": (kinds[0], kinds[1]), "contrast_luminance_matched": (kinds[2], kinds[3])}
    for measure in ("poisson_loss", "response_correlation"):
        for key, (first, second) in pairs.items():
            compared = _compared(found, "stimulus", measure, first, second, measured.study.profile.seed)
            name = f"{measure.replace('_', ' ')}, {key.replace('_', ' ').replace('at ', 'at α ≥ ')}"
            theirs = published(f"{path}.{measure}_change_percent")[key]
            note = "article: its size"
            yield Row(figure, f"{name}, change (%)", theirs, compared.change_percent, n=compared.movies, note=note)
            yield _p(figure, f"{name}, p", published(f"{path}.{measure}_p")[key], compared)


def _masks(measured: Measured) -> Iterator[Row]:
    found = tables.mask_sizes(measured.study)
    for name, path in (("training mask", "training_mask"), ("evaluation mask", "evaluation_mask")):
        rows = found[found["mask"].str.startswith(name)]
        theirs = np.mean(published(f"figure_1_supplement_3.{path}_height_width_deg"), axis=0)
        for side, value in zip(("height", "width"), theirs, strict=True):
            yield _nested("1–S3", f"{name}, {side} (°)", float(value), rows[side], rows["mouse"], "n: mice")
    theirs = published("figure_1_supplement_3.full_screen_equivalent_diameter_deg")
    yield Row("1–S3", "full screen, diameter (°)", theirs, full_screen_diameter())


def _performance(measured: Measured) -> Iterator[Row]:
    recorded = measured.recorded
    for name in ("video_correlation", "mean_frame_correlation"):
        theirs = published(f"figure_2.{name}")
        label = name.replace("_", " ")
        low, high = theirs["ci95"]
        note = f"article: 95 % CI {low} to {high}, movies taken as independent"
        yield _nested("2", label, theirs["mean"], recorded[name], recorded["mouse"], note)
        both = recorded[[name, *recorded.columns.intersection([f"random_{name}"])]].dropna()
        if both.shape[1] == 2 and len(both) > 1:
            p = paired_t(both[name], both[f"random_{name}"]).p
            yield Row("2", f"{label}, p against a random movie", theirs["p_vs_random_video"], p, n=len(both))


def _correlates(measured: Measured) -> Iterator[Row]:
    panels = tables.correlate_panels(tables.frame_features(measured.study), 1.0)
    found = tables.movie_statistics(panels, measured.study.profile.seed).set_index("feature")
    path = "figure_2_supplement_1"
    row = found.loc["motion energy"]
    yield Row("2–S1", "p of motion energy", published(f"{path}.p.motion_energy"), float(row["p"]), n=int(row["movies"]))
    for feature, significant in published(f"{path}.significant").items():
        row = found.loc[feature.replace("_", " ")]
        note = "1: p < 0.05 over movies, 0: not"
        name = f"{feature.replace('_', ' ')} goes with quality"
        yield Row("2–S1", name, float(significant), float(row["p"] < 0.05), n=int(row["movies"]), note=note)


def _ensembling(measured: Measured) -> Iterator[Row]:
    found, seed = measured.ensembles, measured.study.profile.seed
    sizes = set(found["size"])
    for first, second in ((1, 2), (2, 4), (1, 7)):
        theirs = published(f"figure_3.gain_percent.instances_{first}_to_{second}")
        name = f"gain by {first} → {second} instances (%)"
        if second not in sizes:
            yield Row("3", name, theirs, note=f"left out: this run has {max(sizes)} instances")
            continue
        compared = _compared(found, "size", "video_correlation", first, second, seed)
        yield Row("3", name, theirs, compared.change_percent, n=compared.movies)
    yield from _anova("3", "instances, p of the ANOVA", published("figure_3.anova_p"), found, "size", seed)


def _population(measured: Measured) -> Iterator[Row]:
    seed = measured.study.profile.seed
    theirs = dict(zip(published("figure_5.population_percent"), published("figure_5.video_correlation"), strict=True))
    changes = dict(zip(list(theirs)[:3], published("figure_5.change_from_full_percent"), strict=True))
    for dropped, found in measured.populations.groupby("dropped", sort=False):
        note = "the scripts' reading" if dropped == "silent" else "the article's text"
        for percent, value in theirs.items():
            rows = found[found["percent"] == percent]
            if rows.empty:
                yield Row("5", f"{percent:g} % of the neurons, {dropped}", value, note="left out: not in the profile")
                continue
            label = f"{percent:g} % of the neurons, {dropped}"
            yield _nested("5", f"video correlation, {label}", value, rows["video_correlation"], rows["mouse"], note)
            if percent in changes:
                compared = _compared(found, "percent", "video_correlation", 100.0, percent, seed)
                yield Row("5", f"change (%), {label}", changes[percent], compared.change_percent, n=compared.movies)
        name = f"neurons ({dropped}), p of the ANOVA"
        yield from _anova("5", name, published("figure_5.anova.p"), found, "percent", seed)


def _noise(measured: Measured) -> Iterator[Row]:
    for value in PUBLISHED:
        found = measured.noise.phases if value == "phase_correlation" else measured.noise.measures
        figure = "4" if value in ("video_correlation", "phase_correlation") else "4–S2"
        cells = dict(tuple(found.groupby(["length", "duration"]))) if len(found) else {}
        for (length, duration), theirs in published_noise(value).items():
            if (length, duration) in cells:
                rows = cells[length, duration]
                name = f"{value.replace('_', ' ')}, noise of {length:g} px, {duration:g} frames"
                yield _nested(figure, name, theirs, rows[value], rows["mouse"])


def _gratings(measured: Measured) -> Iterator[Row]:
    cells = dict(tuple(measured.gratings.groupby(["spatial_frequency", "temporal_frequency"])))
    for (spatial, temporal), theirs in published_gratings().items():
        if (spatial, temporal) in cells:
            rows = cells[spatial, temporal]
            name = f"video correlation, grating of {spatial:g} cycles/px, {temporal:g} Hz"
            yield _nested("4–S1", name, theirs, rows["video_correlation"], rows["mouse"])


def _evoked(measured: Measured) -> Iterator[Row]:
    names = {
        "predicted_from_movie_vs_recorded": ("true movie", "recorded"),
        "from_reconstruction_vs_recorded": ("reconstruction", "recorded"),
        "from_expected_reconstruction_vs_recorded": ("expected reconstruction", "recorded"),
        "from_expected_reconstruction_vs_predicted": ("expected reconstruction", "predicted"),
    }
    found = measured.evoked
    for key, (movie, responses) in names.items():
        rows = found[(found["evoked by"] == movie) & (found["with"] == responses)]
        theirs = published(f"figure_6.response_correlation.{key}")
        name = f"{responses} responses and those evoked by the {movie}"
        if rows.empty:
            yield Row("6", name, theirs, note="left out: the profile has no reconstructions from predicted responses")
        else:
            yield _nested("6", name, theirs, rows["correlation"], rows["mouse"])


def _compared(table: pd.DataFrame, column: str, measure: str, first: object, second: object, seed: int) -> Comparison:
    """Two conditions on the movies that both have."""
    wide = table.pivot(index=["mouse", "trial"], columns=column, values=measure)
    both = wide[[first, second]].dropna()
    return compare_conditions(both[first], both[second], both.index.get_level_values("mouse").to_numpy(), seed)


def _p(figure: str, quantity: str, theirs: float, compared: Comparison) -> Row:
    if compared.test is None:
        return Row(figure, quantity, theirs, note="left out: one mouse")
    return Row(figure, quantity, theirs, compared.test.p, n=compared.mice, note="paired t-test, n: mice")


def _anova(figure: str, name: str, theirs: float, table: pd.DataFrame, level: str, seed: int) -> Iterator[Row]:
    found = tables.level_statistics(table, level, seed=seed).tests.iloc[0]
    note = f"left out: {found['left_out']}" if found["left_out"] else "n: mice"
    yield Row(figure, name, theirs, float(found["p"]), n=int(found["mice"]), note=note)


_SECTIONS: tuple[tuple[str, Callable[[Measured], Iterator[Row]]], ...] = (
    ("data", _recording),
    ("1", _encoders),
    ("1–S2", _variations),
    ("1–S3", _masks),
    ("2", _performance),
    ("2–S1", _correlates),
    ("3", _ensembling),
    ("4", _noise),
    ("4–S1", _gratings),
    ("5", _population),
    ("6", _evoked),
)
