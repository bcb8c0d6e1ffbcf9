"""Table of population sizes: reconstruction from fewer neurons, in both readings (Fig. 5)."""

from itertools import product

import pandas as pd

from movrecon_core.analysis import SKIPPED_FRAMES, video_correlation
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.figures.fig2_performance import reconstructed_movie
from movrecon_core.figures.levels import LevelStatistics
from movrecon_core.figures.published import published
from movrecon_core.study.conditions import RECORDED, Condition
from movrecon_core.study.study import Study


def population_sizes(study: Study) -> pd.DataFrame:
    """Video correlation of movies found from a part of the population, and from all of it.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``dropped`` (``silent`` or ``missing``), ``percent`` of the neurons that are kept,
        ascending, ``neurons`` of the whole population, ``video_correlation``. With all neurons both readings are one.
    """
    rows = []
    parts = list(product(study.profile.population.dropped, (*sorted(study.fractions), 1.0)))
    for mouse in study.reconstructed_mice:
        pixels = crop_movie(study.evaluation_mask(mouse))
        for trial in study.population_trials(mouse):
            truth = study.trial(mouse, trial).movie[SKIPPED_FRAMES:]
            conditions = [Condition(neurons=kept, dropped=dropped) if kept < 1 else RECORDED for dropped, kept in parts]
            values = {
                condition: video_correlation(
                    truth, reconstructed_movie(study, mouse, trial, condition)[SKIPPED_FRAMES:], pixels
                )
                for condition in dict.fromkeys(conditions)
            }
            for (dropped, kept), condition in zip(parts, conditions, strict=True):
                neurons = study.recordings[mouse].neurons
                rows.append((study.label(mouse), trial, dropped, 100 * kept, neurons, values[condition]))
    return pd.DataFrame(rows, columns=["mouse", "trial", "dropped", "percent", "neurons", "video_correlation"])


def population_beside_article(statistics: LevelStatistics) -> dict[str, tuple[object, object]]:
    """Rows for `beside_published`: the article's values, which are those of silent neurons, and both readings here.

    Parameters
    ----------
    statistics
        Of `population_sizes` over ``percent``, by ``dropped``.
    """
    article = dict(zip(published("figure_5.population_percent"), published("figure_5.video_correlation"), strict=True))
    change = dict(zip(article, published("figure_5.change_from_full_percent"), strict=False))
    rows: dict[str, tuple[object, object]] = {}
    for dropped, levels in statistics.levels.groupby("dropped", sort=False):
        scripts = dropped == "silent"
        full = levels["mean"].iloc[-1]
        for percent, mean in zip(levels["percent"], levels["mean"], strict=True):
            kept = f"{percent:g} % of the neurons, others {dropped}"
            rows[f"video correlation, {kept}"] = (article.get(percent) if scripts else None, mean)
            if percent < 100:
                ours = 100 * (mean / full - 1)
                rows[f"change from all neurons in %, {kept}"] = (change.get(percent) if scripts else None, ours)
        anova = statistics.tests[statistics.tests["dropped"] == dropped].iloc[0]
        f, p = published("figure_5.anova.F"), published("figure_5.anova.p")
        rows[f"repeated-measures ANOVA, F and p, others {dropped}"] = (
            f"{f:.1f}, {p:.2e}" if scripts else None,
            f"{anova['value']:.1f}, {anova['p']:.2e}" if not anova["left_out"] else anova["left_out"],
        )
    return rows
