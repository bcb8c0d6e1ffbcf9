"""Panels of what limits resolution: coherence by frequency, synthetic movies by responses and by microscope."""

import re
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib import colormaps
from matplotlib.axes import Axes

from movrecon_core.plotting.mice import movies_title


def plot_coherence(axes: Axes, table: pd.DataFrame, label: str) -> None:
    """Coherence over octaves of frequency, one colour a kind of reconstruction: mean over movies, mice dashed.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``trial``, ``kind``, ``frequency`` (lower ends of octaves), ``coherence``.
    label
        Of the frequency, with its unit.
    """
    axes.set(xlabel=f"{label}, from", ylabel="coherence", ylim=(0, 1))
    if table.empty:
        return
    octaves = sorted(table["frequency"].unique())
    kinds = table.groupby("kind", sort=False)
    for (kind, rows), colour in zip(kinds, colormaps["tab10"](range(10)), strict=False):
        for _, mouse in rows.groupby("mouse"):
            axes.plot(range(len(octaves)), _means(mouse, octaves), "--", color=colour, lw=0.4, alpha=0.6)
        axes.plot(range(len(octaves)), _means(rows, octaves), "o-", color=colour, ms=2.5, lw=1.2, label=str(kind))
    axes.set_xticks(range(len(octaves)), [f"{frequency:.2g}" for frequency in octaves])
    axes.set_title(movies_title(table))
    axes.legend(fontsize=5)


def plot_by_responses(axes: Axes, table: pd.DataFrame, measure: str, label: str) -> None:
    """A measure of every synthetic movie, one colour for the responses that it was found from; lines: means.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``sample``, ``stimulus``, ``responses`` and the measure; rows without it are left out.
    measure
        Name of its column.
    label
        Of the measure, with its unit.
    """
    known = table.dropna(subset=[measure])
    if known.empty:
        axes.set(ylabel=label)
        return
    style: dict[str, Any] = {"x": "stimulus", "y": measure, "hue": "responses", "palette": "tab10", "ax": axes}
    sns.stripplot(known, dodge=True, size=2.5, jitter=False, legend=False, **style)
    sns.pointplot(known, dodge=0.6, errorbar=None, markers="_", linestyles="none", **style)
    stimuli = list(known["stimulus"].unique())
    broken = [re.sub(r" (?!px|frames|Hz)", "\n", name) for name in stimuli]
    axes.set_xticks(range(len(stimuli)), broken)
    axes.tick_params(axis="x", labelsize=5)
    axes.axhline(0, color="0.7", lw=0.5, zorder=0)
    axes.set(xlabel="", ylabel=label, title=movies_title(known, "sample"))
    axes.legend(fontsize=5, title=None)


def plot_by_microscope(axes: Axes, table: pd.DataFrame, label: str) -> None:
    """Video correlation of synthetic movies along what is varied of a microscope: a line a stimulus, noise-free dashed.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``sample``, ``stimulus``, ``responses`` (``noisy``, ``noise-free``), ``level``, ``own``
        (whether it is that of the recording, which is named so), ``video_correlation``; levels are drawn in their
        order.
    label
        Of the levels.
    """
    axes.set(xlabel=label, ylabel="video correlation (Pearson's r)")
    if table.empty:
        return
    levels = list(table["level"].unique())
    own = set(table.loc[table["own"], "level"])
    colours = dict(zip(table["stimulus"].unique(), colormaps["tab10"](range(10)), strict=False))
    for (stimulus, responses), rows in table.groupby(["stimulus", "responses"], sort=False):
        line, name = ("o-", stimulus) if responses == "noisy" else ("o--", None)
        values = rows.groupby("level")["video_correlation"].mean().reindex(levels)
        axes.plot(range(len(levels)), values, line, color=colours[stimulus], ms=2.5, lw=0.8, label=name)
    axes.set_xticks(range(len(levels)), [f"{level}\n(recording)" if level in own else level for level in levels])
    axes.axhline(0, color="0.7", lw=0.5, zorder=0)
    axes.set_title(movies_title(table, "sample"))
    low, high = axes.get_ylim()
    axes.set(xlim=(-0.4, len(levels) - 0.6), ylim=(low, high + 0.35 * (high - low)))  # room for the legend
    axes.legend(fontsize=5, title=None, ncols=2, loc="upper center")


def _means(rows: pd.DataFrame, octaves: list[float]) -> pd.Series:
    return rows.groupby("frequency")["coherence"].mean().reindex(octaves)
