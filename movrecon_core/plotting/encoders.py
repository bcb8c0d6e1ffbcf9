"""Panels of how encoders learn and predict."""

from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib import colormaps
from matplotlib.axes import Axes

from movrecon_core.plotting.style import COLOURS, mouse_colours


def plot_training(axes: Axes, table: pd.DataFrame) -> None:
    """Loss over training, one curve an instance.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``instance``, ``epoch``, ``loss``.
    """
    shades = colormaps["viridis"].resampled(table["instance"].nunique() + 1)
    for instance, curve in table.groupby("instance"):
        axes.plot(curve["epoch"], curve["loss"], color=shades(int(instance)), label=f"instance {instance}")
    axes.set(xlabel="epoch", ylabel="Poisson loss\n(sum over neurons and frames)")
    if table.empty:
        axes.text(0.5, 0.5, "trained elsewhere", ha="center", va="center", transform=axes.transAxes)
    else:
        axes.legend()


def plot_single_trial_correlation(axes: Axes, table: pd.DataFrame, published: dict[str, float]) -> None:
    """Correlation of predicted with recorded responses, each mouse and instance, and the ensemble.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``encoder`` (``instance 0`` …, ``ensemble``), ``windows``, the correlation measured as the
        published ones.
    published
        Values drawn as lines, name → correlation.
    """
    mice = list(table["mouse"].unique())
    style: dict[str, Any] = {"x": "mouse", "y": "windows", "hue": "mouse", "palette": mouse_colours(mice)}
    mean = table["encoder"] == "ensemble"
    sns.stripplot(table[~mean], **style, order=mice, jitter=False, size=3, legend=False, ax=axes)
    sns.stripplot(table[mean], **style, order=mice, jitter=False, size=4, marker="$\\diamond$", legend=False, ax=axes)
    for i, (name, value) in enumerate(published.items()):
        axes.axhline(value, color=COLOURS["published"], lw=0.7, ls=("--", ":", "-.")[i % 3], label=name)
    axes.plot([], [], "o", color="0.4", ms=3, label="one instance")
    axes.plot([], [], "D", color="0.4", mfc="white", ms=4, label="ensemble's mean prediction")
    axes.set(xlabel="", xlim=(-0.5, len(mice) - 0.5), ylabel="single-trial correlation (Pearson's r)")
    axes.set_xticks(range(len(mice)), mice, rotation=20, ha="right")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


def plot_neuron_correlations(axes: Axes, table: pd.DataFrame) -> None:
    """Distribution over neurons of the correlation of the ensemble's prediction.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``neuron``, ``correlation``.
    """
    counts = table["mouse"].value_counts(sort=False)
    labelled = table.assign(mouse=table["mouse"].map(lambda mouse: f"{mouse} (n = {counts[mouse]})"))
    colours = mouse_colours(list(labelled["mouse"].unique()))
    sns.ecdfplot(labelled, x="correlation", hue="mouse", palette=colours, ax=axes)
    axes.set(xlabel="correlation of a neuron (Pearson's r)", ylabel="share of neurons")
    sns.move_legend(axes, "best", title="")
