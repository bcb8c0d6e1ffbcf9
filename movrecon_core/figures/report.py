"""What a run shows of the article: every figure's rows and the findings, counted once and kept beside its results."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from movrecon_core.errors import MovreconError
from movrecon_core.figures import (
    architectures,
    baselines,
    encoders,
    error_origins,
    fig1_method,
    fig1s1_ethogram,
    fig1s2_variations,
    fig1s3_masks,
    fig2_performance,
    fig2s1_correlates,
    fig3_ensembling,
    fig4_gaussian_noise,
    fig4s1_gratings,
    fig5_population,
    fig6_error_maps,
    microscopes,
    planning,
    quality_loss,
    real_mice,
    recordings,
    redundancy,
    resolution,
    same_neurons,
)
from movrecon_core.figures.beyond import beyond_findings
from movrecon_core.figures.findings import qualitative_findings
from movrecon_core.figures.measured import TARGET, Measured
from movrecon_core.figures.rows import Row, rows_table
from movrecon_core.storage.files import read_json, write_json
from movrecon_core.storage.paths import REPORT_FILE
from movrecon_core.study.conditions import PREDICTED
from movrecon_core.study.sources import code_of
from movrecon_core.study.study import Study

FIGURES: dict[str, Callable[[Measured], Iterable[Row]]] = {
    "data": lambda m: [
        *recordings.rows(m.study, recordings.near_duplicates(m.study)),
        *real_mice.rows(real_mice.beside_real_mice(m.study), real_mice.selectivity_beside_real_mice(m.study)),
    ],
    "1": lambda m: encoders.rows(m.single_trials, m.seed),
    "1C–D": lambda m: fig1_method.rows(
        fig1_method.optimisation_curves(m.study),
        fig1_method.whole_losses(m.study),
        fig1_method.reconstruction_minutes(m.study),
        m.seed,
    ),
    "1–S1": lambda m: fig1s1_ethogram.rows(m.fit, m.seed),
    "1–S2": lambda m: fig1s2_variations.rows(m.variants, m.fit, m.seed),
    "1–S3": lambda m: fig1s3_masks.rows(m.study, fig1s3_masks.mask_sizes(m.study), m.seed),
    "2": lambda m: [
        *fig2_performance.rows(m.performance, m.seed),
        *fig2_performance.method_rows(fig2_performance.methods_beside(m.study), m.seed),
    ],
    "2–S1": lambda m: fig2s1_correlates.rows(m.correlates),
    "3": lambda m: fig3_ensembling.rows(m.ensembles, m.seed),
    "4": lambda m: fig4_gaussian_noise.rows(*m.noise, TARGET, m.seed),
    "4–S1": lambda m: fig4s1_gratings.rows(m.study, m.gratings, TARGET),
    "5": lambda m: fig5_population.rows(m.populations, m.seed),
    "6": lambda m: fig6_error_maps.rows(m.evoked, m.seed),
    "baselines": lambda m: baselines.rows(baselines.qualities(m.study), m.seed),
    quality_loss.FIGURE: lambda m: quality_loss.rows(m.ways, quality_loss.encoder_correlations(m.study), m.seed),
    same_neurons.FIGURE: lambda m: same_neurons.rows(m.showings, m.seed),
    error_origins.FIGURE: lambda m: error_origins.rows(m.of(error_origins.error_tables), m.seed),
    resolution.FIGURE: lambda m: resolution.rows(
        m.of(resolution.coherences),
        m.of(resolution.synthetic_qualities),
        m.of(microscopes.microscope_qualities),
        m.seed,
    ),
    redundancy.FIGURE: lambda m: redundancy.rows(m.of(redundancy.chosen_populations), m.seed),
    "planning": lambda m: planning.rows(m.of(planning.planned_correlations), m.seed),
    architectures.FIGURE: lambda m: architectures.rows(m.of(architectures.families), m.seed),
}
"""Figure of the article, or beyond it → its rows, each stated in the figure's own file; videos, which are drawn at the
end, state theirs there alone."""


@dataclass(frozen=True)
class Report:
    """What a run shows of the article.

    Attributes
    ----------
    findings
        As `qualitative_findings` makes them.
    beyond
        Those that only a simulation decides, as `beyond_findings` makes them.
    numbers
        The rows of all figures, as `rows_table` makes them.
    mice
        One row a mouse, means over its movies: ``mouse``, ``movies``, ``video_correlation``,
        ``mean_frame_correlation``, ``video_correlation_from_predicted`` (NaN where there is none), and the encoders'
        single-trial correlation, ``single`` and of their ``ensemble``.
    """

    findings: pd.DataFrame
    beyond: pd.DataFrame
    numbers: pd.DataFrame
    mice: pd.DataFrame


def report(study: Study) -> Report:
    """Count a study's findings, unless that was done for the same results with the same code."""
    content = study.content_fingerprint(code_of(qualitative_findings, beyond_findings, all_rows, by_mouse))
    kept = read_json(study.out / REPORT_FILE)
    if not isinstance(kept, dict) or kept.get("content") != content:
        measured = Measured(study)
        made = {"findings": qualitative_findings(measured), "beyond": beyond_findings(measured)}
        made |= {"numbers": rows_table(all_rows(measured)), "mice": by_mouse(measured)}
        kept = {"content": content, **{name: _plain(table) for name, table in made.items()}}
        write_json(study.out / REPORT_FILE, kept)
    return Report(*(_table(kept[name]) for name in ("findings", "beyond", "numbers", "mice")))


def all_rows(measured: Measured) -> Iterator[Row]:
    """The rows of every figure; of one that this run has no results for, a row that says why."""
    for figure, rows in FIGURES.items():
        try:
            yield from list(rows(measured))
        except MovreconError as error:
            yield Row(figure, "all", "count", note=f"left out: {error}")


def by_mouse(measured: Measured) -> pd.DataFrame:
    """Means over the movies of each reconstructed mouse, as in `Report.mice`."""
    columns = ["video_correlation", "mean_frame_correlation"]
    movies = measured.recorded.groupby("mouse", sort=False)
    found = movies[columns].mean().assign(movies=movies.size())
    predicted = measured.performance[measured.performance["condition"] == PREDICTED.name]
    found["video_correlation_from_predicted"] = predicted.groupby("mouse")["video_correlation"].mean()
    encoded = encoders.mouse_correlations(measured.single_trials).set_index("mouse")
    return encoded.join(found, how="left").rename_axis("mouse").reset_index()


def _plain(table: pd.DataFrame) -> dict[str, list[Any]]:
    """A table as JSON, missing numbers as null."""
    cells = table.astype(object).where(table.notna(), None)
    return {"columns": list(table.columns), "rows": cells.to_numpy().tolist()}


def _table(plain: dict[str, list[Any]]) -> pd.DataFrame:
    table = pd.DataFrame(plain["rows"], columns=plain["columns"])
    texts = [name for name in table if table[name].map(lambda value: isinstance(value, str)).any()]
    return table.astype(dict.fromkeys(table.columns.difference(texts), float))
