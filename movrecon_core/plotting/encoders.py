"""Panels of how encoders learn and predict."""

import pandas as pd
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
    axes.legend()


def plot_single_trial_correlation(axes: Axes, table: pd.DataFrame, published: dict[str, float]) -> None:
    """Correlation of predicted with recorded responses, each mouse and instance, and the ensemble.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``encoder`` (``instance 0`` …, ``ensemble``), ``correlation``.
    published
        Values drawn as lines, name → correlation.
    """
    mice = list(table["mouse"].unique())
    colours = mouse_colours(mice)
    for place, mouse in enumerate(mice):
        rows = table[table["mouse"] == mouse]
        single = rows[rows["encoder"] != "ensemble"]
        mean = rows[rows["encoder"] == "ensemble"]
        axes.plot([place] * len(single), single["correlation"], "o", color=colours[mouse], ms=3)
        axes.plot([place] * len(mean), mean["correlation"], "D", color=colours[mouse], mfc="white", ms=4)
    for i, (name, value) in enumerate(published.items()):
        axes.axhline(value, color=COLOURS["published"], lw=0.7, ls=("--", ":", "-.")[i % 3], label=name)
    axes.plot([], [], "o", color="0.4", ms=3, label="one instance")
    axes.plot([], [], "D", color="0.4", mfc="white", ms=4, label="ensemble's mean prediction")
    axes.set(xticks=range(len(mice)), xlim=(-0.5, len(mice) - 0.5), ylabel="single-trial correlation (Pearson's r)")
    axes.set_xticklabels(mice, rotation=20, ha="right")
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
    mice = list(table["mouse"].unique())
    for mouse, colour in mouse_colours(mice).items():
        values = table.loc[table["mouse"] == mouse, "correlation"].sort_values()
        share = pd.Series(range(1, len(values) + 1)) / len(values)
        axes.plot(values, share, color=colour, label=f"{mouse} (n = {len(values)})")
    axes.set(xlabel="correlation of a neuron (Pearson's r)", ylabel="share of neurons", ylim=(0, 1))
    axes.legend()
