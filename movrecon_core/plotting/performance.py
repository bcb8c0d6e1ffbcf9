"""Panels of the reconstruction's performance."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from movrecon_core.plotting.images import image_of, show_frame
from movrecon_core.plotting.mice import count_title, plot_movies
from movrecon_core.plotting.style import COLOURS


def plot_example_frames(panel: SubFigure, table: pd.DataFrame) -> None:
    """Frames of a few movies, the truth above its reconstruction.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns ``movie``, ``kind``, ``seconds``, ``y``, ``x``, ``grey``; NaN outside the evaluation mask.
    """
    movies, kinds, times = (list(table[column].unique()) for column in ("movie", "kind", "seconds"))
    grid = panel.subplots(
        len(movies) * len(kinds), len(times), squeeze=False, gridspec_kw={"wspace": 0.04, "hspace": 0.12}
    )
    for row, (movie, kind) in enumerate((movie, kind) for movie in movies for kind in kinds):
        for axes, seconds in zip(grid[row], times, strict=True):
            show_frame(axes, image_of(table, movie=movie, kind=kind, seconds=seconds))
            if row == 0:
                axes.set_title(f"{seconds:.1f} s")
        name = movie.replace(", ", "\n") if kind == kinds[0] else kind
        grid[row, 0].set_ylabel(name, rotation=0, ha="right", va="center", color=COLOURS[kind])


def plot_against_random(axes: Axes, table: pd.DataFrame, summary: pd.DataFrame, metric: str) -> None:
    """Correlation of every reconstruction with its own movie and with a random other one.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``trial``, ``metric``, ``against`` (``own movie`` or ``random movie``), ``correlation``.
    summary
        Columns ``metric``, ``against``, ``mean``, ``low_t``, ``high_t``: the mean over movies and its 95 % interval.
    metric
        Which of the table's metrics is drawn.
    """
    table, summary = (rows[rows["metric"] == metric] for rows in (table, summary))
    places = {against: place for place, against in enumerate(summary["against"])}
    plot_movies(axes, table, "against", "correlation", list(places))
    for row in summary.itertuples():
        place = places[row.against]
        colour = COLOURS["reconstructed" if row.against == "own movie" else "random movie"]
        side = 1 if place else -1
        errors = [[row.mean - row.low_t], [row.high_t - row.mean]]
        axes.errorbar(place + 0.2 * side, row.mean, errors, fmt="s", color=colour, ms=4, capsize=3, lw=1.2)
        where = "left" if place else "right"
        axes.text(place + 0.3 * side, row.mean, f"{row.mean:.2f}", ha=where, va="center", color=colour)
    axes.axhline(0, color="0.7", lw=0.5, zorder=0)
    axes.set(xlim=(-0.8, len(places) - 0.2), xticks=list(places.values()), ylabel=f"{metric} (Pearson's r)")
    axes.set_xticklabels(list(places))
    axes.set_title(count_title(len(table) // len(places), table["mouse"].nunique()))
    axes.legend()
