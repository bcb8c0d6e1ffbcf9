"""Panels of the summary: findings as they were decided, and this run's numbers against the article's."""

import textwrap
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from movrecon_core.plotting.mice import error_bars
from movrecon_core.plotting.style import COLOURS, MOUSE_COLOURS

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")


def plot_findings(axes: Axes, table: pd.DataFrame) -> None:
    """The difference that decides each finding, with its 95 % interval; filled where the finding is seen.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``finding``, ``figure``, ``difference``, ``low``, ``high``, ``effect_size``, ``p``, ``mice``,
        ``movies``, ``over``, ``decision``.
    """
    beside = axes.get_yaxis_transform()
    for place, row in enumerate(table.itertuples()):
        seen = row.decision == "seen"
        colour = COLOURS["reconstructed"] if seen else "0.45"
        if np.isfinite(row.difference):
            spread = [[row.difference - row.low], [row.high - row.difference]]
            fill = colour if seen else "white"
            axes.errorbar(row.difference, place, xerr=spread, fmt="o", color=colour, mfc=fill, ms=4, capsize=2, lw=1)
        tested = f", d = {row.effect_size:.1f}, p = {row.p:.2g}" if np.isfinite(row.p) else ""
        mice = "1 mouse" if row.mice == 1 else f"{row.mice:.0f} mice"
        counted = f"{mice}, n = {row.movies:.0f}" if row.movies else ""
        decision = "left out" if row.decision.startswith("left out") else row.decision.replace(":", ",")
        text = f"{decision}{tested}\n{counted}"
        axes.text(1.02, place, text, transform=beside, va="center", fontsize=5.5, color=colour)
    axes.axvline(0, color="0.7", lw=0.6, zorder=0)
    axes.set_yticks(range(len(table)), [_wrapped(f"{row.finding} ({row.figure})") for row in table.itertuples()])
    axes.set(ylim=(len(table) - 0.5, -0.5), xlabel="difference of correlations (mean over mice, 95 % interval)")


def plot_beside_published(axes: Axes, table: pd.DataFrame) -> None:
    """This run's correlations against the article's, each with its 95 % interval.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``figure``, ``quantity``, ``published``, ``ours``, ``low``, ``high``.
    """
    figures = table.groupby("figure", sort=False)
    for (figure, rows), marker, colour in zip(figures, cycle(_MARKERS), cycle(MOUSE_COLOURS), strict=False):
        spread = error_bars(rows["ours"], rows["low"], rows["high"])
        label = f"Fig. {figure}, n = {len(rows)}"
        style: dict[str, Any] = {"color": colour, "ms": 3, "lw": 0.4, "alpha": 0.7, "label": label}
        axes.errorbar(rows["published"], rows["ours"], np.nan_to_num(spread), fmt=marker, **style)
    ends = (float(np.nanmin(table[["published", "ours"]])), 1.0)
    axes.plot(ends, ends, color="0.6", lw=0.6, ls="--", zorder=0)
    axes.axhline(0, color="0.85", lw=0.5, zorder=0)
    axes.set(xlabel="article (Pearson's r)", ylabel="this run (Pearson's r)")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))


def _wrapped(text: str, width: int = 42) -> str:
    return "\n".join(textwrap.wrap(text, width))
