"""Panels of a recording: what was shown, what the animal did, what its neurons did."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.patches import Rectangle

from movrecon_core.plotting.images import image_of, show_frame
from movrecon_core.plotting.style import COLOURS, mouse_colours

SIGNAL_LABELS = {"pupil dilation": "pupil dilation\n(a.u.)", "running speed": "running speed\n(a.u.)"}


def plot_movie(panel: SubFigure, table: pd.DataFrame) -> None:
    """Frames of one movie in a row.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns ``seconds``, ``y``, ``x``, ``grey``.
    """
    times = list(table["seconds"].unique())
    grid = panel.subplots(1, len(times), squeeze=False)
    for axes, seconds in zip(grid[0], times, strict=True):
        show_frame(axes, image_of(table, seconds=seconds))
        axes.set_title(f"{seconds:.1f} s")


def plot_behaviour(panel: SubFigure, table: pd.DataFrame) -> None:
    """Behaviour over time, one row a signal.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns ``signal``, ``seconds``, ``value``.
    """
    signals = list(table["signal"].unique())
    grid = panel.subplots(len(signals), 1, squeeze=False, sharex=True)
    for axes, signal in zip(grid[:, 0], signals, strict=True):
        rows = table[table["signal"] == signal]
        axes.plot(rows["seconds"], rows["value"], color="0.25", lw=0.8)
        axes.set_ylabel(SIGNAL_LABELS.get(signal, signal))
    grid[-1, 0].set_xlabel("time (s)")


def plot_responses(axes: Axes, table: pd.DataFrame) -> None:
    """Responses of some neurons over time, each divided by its maximum.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``neuron``, ``seconds``, ``response`` (0..1).
    """
    image = table.pivot(index="neuron", columns="seconds", values="response")
    extent = (float(image.columns.min()), float(image.columns.max()), len(image) + 0.5, 0.5)
    drawn = axes.imshow(image.to_numpy(), aspect="auto", cmap="Greys", vmin=0, vmax=1, extent=extent)
    axes.set(xlabel="time (s)", ylabel=f"neuron (n = {len(image)} shown)")
    axes.figure.colorbar(drawn, ax=axes, label="response / its maximum", fraction=0.04, pad=0.02)


def plot_trial_use(axes: Axes, table: pd.DataFrame) -> None:
    """How many movies of each mouse are in each fold, the held-out ones marked.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``fold``, ``use``, ``movies``.
    """
    mice = list(table["mouse"].unique())
    fill = {
        "training": "0.8",
        "held-out": COLOURS["reconstructed"],
        "excluded": COLOURS["published"],
        "not used": "white",
    }
    width = 0.8 / len(mice)
    for i, mouse in enumerate(mice):
        bottom = pd.Series(0.0, index=range(7))
        for use, colour in fill.items():
            rows = table[(table["mouse"] == mouse) & (table["use"] == use)].set_index("fold")["movies"]
            height = rows.reindex(range(7), fill_value=0)
            label = use if i == 0 and height.any() else None
            place = [fold - 0.4 + (i + 0.5) * width for fold in range(7)]
            axes.bar(place, height, width * 0.9, bottom=bottom, color=colour, edgecolor="0.3", lw=0.4, label=label)
            bottom = bottom + height
    axes.set(xlabel="hash fold (one bar a mouse)", ylabel="movies", xticks=range(7))
    axes.legend()


def plot_closest_movies(axes: Axes, table: pd.DataFrame, threshold: float) -> None:
    """Correlation of each held-out movie's first frame with the closest one in training.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``trial``, ``closest_trial``, ``correlation``, ``use``.
    threshold
        Above it a held-out movie is excluded.
    """
    mice = list(table["mouse"].unique())
    for place, (mouse, colour) in enumerate(mouse_colours(mice).items()):
        values = table.loc[table["mouse"] == mouse, "correlation"].sort_values()
        spread = [place + 0.5 * (i + 0.5) / len(values) - 0.25 for i in range(len(values))]
        axes.plot(spread, values, "o", color=colour, ms=3)
    axes.axhline(threshold, color="0.3", lw=0.7, ls="--", label=f"excluded above {threshold:g}")
    axes.set(ylabel="closest first frame in training\n(Pearson's r)", xticks=range(len(mice)), ylim=(None, 1.03))
    axes.set_xticklabels(mice, rotation=20, ha="right")
    axes.legend()


def plot_clip_pairs(panel: SubFigure, table: pd.DataFrame) -> None:
    """Held-out movies, one row a mouse, each above its closest training movie; a red box marks what is excluded.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns ``clip``, ``mouse``, ``use``, ``kind``, ``y``, ``x``, ``grey``.
    """
    by_mouse = table.groupby("mouse", sort=False)
    mice = {mouse: [clip for _, clip in rows.groupby("clip", sort=False)] for mouse, rows in by_mouse}
    grid = panel.subplots(len(mice), max(map(len, mice.values())), squeeze=False, gridspec_kw={"wspace": 0.06})
    for line, (mouse, clips) in zip(grid, mice.items(), strict=True):
        for axes in line[len(clips) :]:
            axes.set_axis_off()
        for axes, clip in zip(line, clips, strict=False):
            frames = [image_of(clip, kind=kind) for kind in clip["kind"].unique()]
            show_frame(axes, np.concatenate([frames[0], np.full((2, frames[0].shape[1]), np.nan), frames[1]]))
            axes.set_title(str(clip["clip"].iloc[0]).split(", ")[1], fontsize=5, pad=1)
            if clip["use"].iloc[0] == "excluded":
                height, width = 2 * len(frames[0]) + 2, frames[0].shape[1]
                axes.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, ec="red", lw=1.2, clip_on=False))
        line[0].set_ylabel(str(mouse), rotation=0, ha="right", va="center")


def plot_closest_pairs(panel: SubFigure, table: pd.DataFrame) -> None:
    """First frames of held-out movies above the closest first frames in training.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns ``pair``, ``kind``, ``y``, ``x``, ``grey``.
    """
    pairs, kinds = list(table["pair"].unique()), list(table["kind"].unique())
    grid = panel.subplots(len(kinds), len(pairs), squeeze=False)
    for row, kind in enumerate(kinds):
        for axes, pair in zip(grid[row], pairs, strict=True):
            show_frame(axes, image_of(table, pair=pair, kind=kind))
            if row == 0:
                axes.set_title(pair.replace(", r", "\nr"))
        grid[row, 0].set_ylabel(kind.replace(" in ", "\nin "))
