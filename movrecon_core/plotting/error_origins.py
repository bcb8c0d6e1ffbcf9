"""Panels of where errors come from: their power by cause, and what they go with."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from movrecon_core.plotting.mice import error_bars
from movrecon_core.plotting.style import COLOURS

CAUSES = {
    "whole": COLOURS["truth"],
    "noise": COLOURS["recorded"],
    "encoder": COLOURS["predicted"],
    "inversion": COLOURS["reconstructed"],
}
"""Colours of what errors are due to."""


def plot_part_spectra(axes: Axes, table: pd.DataFrame) -> None:
    """Power of the error by cause over octaves of spatial frequency, stacked to the whole: mean over movies.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``part``, ``frequency`` (cycles a pixel, lower ends of octaves), ``power`` relative to the truth's.
    """
    means = table.groupby(["part", "frequency"], sort=False)["power"].mean().unstack("frequency")
    places, bottom = np.arange(means.shape[1]), np.zeros(means.shape[1])
    for part, power in means.iterrows():
        axes.bar(places, power, bottom=bottom, width=0.7, color=CAUSES[str(part)], alpha=0.6, label=str(part))
        bottom += power.to_numpy()
    axes.axhline(1, color="0.4", lw=0.5, ls=":")
    axes.set_xticks(places, [f"{frequency:.2g}" for frequency in means.columns])
    axes.set(xlabel="spatial frequency from (cycles/px)", ylabel="power of the error\n(relative to the truth's)")
    axes.legend()


def plot_slopes(axes: Axes, table: pd.DataFrame) -> None:
    """How errors of each cause go with each feature beside the others, with 95 % intervals.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``part``, ``feature``, ``slope``, ``low``, ``high``.
    """
    features = list(table["feature"].unique())
    for shift, (part, colour) in zip(np.linspace(-0.24, 0.24, len(CAUSES)), CAUSES.items(), strict=True):
        rows = table[table["part"] == part]
        places = [features.index(name) + shift for name in rows["feature"]]
        spread = error_bars(rows["slope"], rows["low"], rows["high"])
        axes.errorbar(places, rows["slope"], spread, fmt="o", color=colour, ms=3, capsize=2, lw=0.8, label=part)
    axes.axhline(0, color="0.4", lw=0.5)
    axes.set_xticks(range(len(features)), features, rotation=30, ha="right", rotation_mode="anchor")
    axes.set(ylabel="slope of the error\n(s.d. for each s.d. of ranks)")
    axes.legend(ncols=len(CAUSES), fontsize=5)
