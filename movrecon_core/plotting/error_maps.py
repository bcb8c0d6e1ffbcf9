"""Panels of the error maps: what was reconstructed other than expected, hot and cold over the movie."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import SubFigure
from numpy.typing import NDArray

from movrecon_core.analysis import ERROR_RANGE, shown_error
from movrecon_core.plotting.images import show_frame
from movrecon_core.plotting.mice import count_title, plot_movies
from movrecon_core.plotting.style import COLOURS

RESPONSE_LIMIT = 3.0
"""Standard deviations at which the colours of the response matrices end."""
SOURCE_COLOURS = {"recorded responses": COLOURS["recorded"], "expected responses": COLOURS["predicted"]}


def error_colours(truth: NDArray[np.floating], error: NDArray[np.floating]) -> NDArray[np.float64]:
    """Errors in hot (too bright) and cold (too dark) added to a grey movie, as the article's composites are.

    Parameters
    ----------
    truth
        (..., H, W), grey levels.
    error
        (..., H, W), grey levels, NaN outside the mask.

    Returns
    -------
    NDArray
        (..., H, W, 3), 0..1.
    """
    shown = shown_error(error)
    hot, cold = (np.clip(sign * shown, 0, 1)[..., None] for sign in (1, -1))
    # Red to yellow to white, and blue to cyan to white: red hot and cyan hot.
    warm = np.clip(3 * hot - np.array([0, 1, 2]), 0, 1)
    cool = np.clip(3 * cold - np.array([2, 1, 0]), 0, 1)
    return np.clip(truth[..., None] / 255 + warm + cool, 0, 1)


def plot_expected_correlation(axes: Axes, table: pd.DataFrame) -> None:
    """Correlation of each frame with the true one.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``reconstructed from``, ``seconds``, ``correlation``.
    """
    for source, rows in table.groupby("reconstructed from", sort=False):
        axes.plot(rows["seconds"], rows["correlation"], color=SOURCE_COLOURS[str(source)], label=f"from {source}")
    axes.axhline(0, color="0.7", lw=0.5, zorder=0)
    axes.set(xlabel="time (s)", ylabel="frame correlation\n(Pearson's r)", xlim=_ends(table["seconds"]))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1))


def plot_response_matrices(panel: SubFigure, table: pd.DataFrame) -> None:
    """Responses of the same neurons: recorded, and evoked in the encoders.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns ``responses``, ``neuron``, ``seconds``, ``z`` (standard deviations of each neuron).
    """
    kinds = list(table["responses"].unique())
    grid = panel.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    for axes, kind in zip(grid, kinds, strict=True):
        rows = table[table["responses"] == kind]
        image = rows["z"].to_numpy().reshape(rows["neuron"].nunique(), -1)
        extent = (*_ends(rows["seconds"]), len(image) + 0.5, 0.5)
        drawn = axes.imshow(
            image, aspect="auto", cmap="RdBu_r", vmin=-RESPONSE_LIMIT, vmax=RESPONSE_LIMIT, extent=extent
        )
        axes.set(title=kind, xlabel="time (s)")
    grid[0].set_ylabel(f"neuron (n = {len(image)} shown)")
    panel.colorbar(drawn, ax=list(grid), label="response (s.d.)", fraction=0.03, pad=0.01)


def plot_evoked_difference(axes: Axes, table: pd.DataFrame) -> None:
    """How much better the true movie explains the recorded responses than its reconstruction, each movie a dot.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``trial``, ``difference`` of two correlations.
    """
    shown = table.assign(**{"true − reconstructed": "true movie −\nreconstruction"})
    kinds = list(shown["true − reconstructed"].unique())
    plot_movies(axes, shown, "true − reconstructed", "difference", kinds)
    axes.axhline(0, color="0.7", lw=0.5, zorder=0)
    axes.plot(0, table["difference"].mean(), "_", color=COLOURS["reconstructed"], ms=18, mew=2)
    axes.set(
        xlim=(-0.5, 0.5), xticks=[0], xticklabels=kinds, ylabel="difference of correlations\nwith recorded responses"
    )


def plot_evoked_correlations(axes: Axes, table: pd.DataFrame) -> None:
    """Correlation with the recorded responses of what each movie and its reconstruction evoke.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Columns ``mouse``, ``trial``, ``evoked by``, ``with``, ``correlation``.
    """
    recorded = table[table["with"] == "recorded"]
    kinds = list(recorded["evoked by"].unique())
    plot_movies(axes, recorded, "evoked by", "correlation", kinds)
    mean = recorded.groupby("evoked by")["correlation"].mean()[kinds]
    axes.plot(range(len(kinds)), mean, "_", color=COLOURS["reconstructed"], ms=18, mew=2, label="mean")
    axes.set(xlim=(-0.5, len(kinds) - 0.5), ylabel="correlation with recorded\nresponses (Pearson's r)")
    names = [kind.replace(", ", "\n").replace(" ", "\n") for kind in kinds]
    axes.set_xticks(range(len(kinds)), names, fontsize=4.5)
    axes.set_title(count_title(len(recorded) // len(kinds), recorded["mouse"].nunique()))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))


def plot_error_frames(panel: SubFigure, table: pd.DataFrame) -> None:
    """Frames of one movie: both reconstructions, and the truth with their difference in colours.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns ``seconds``, ``y``, ``x``, ``recorded``, ``expected``, ``truth``, ``error``.
    """
    frames = dict(tuple(table.groupby("seconds", sort=False)))
    names = ("from recorded\nresponses", "from expected\nresponses", "truth and error")
    grid = panel.subplots(3, len(frames), squeeze=False, gridspec_kw={"wspace": 0.04, "hspace": 0.08})
    for column, (seconds, frame) in zip(grid.T, frames.items(), strict=True):
        show_frame(column[0], _image(frame, "recorded"))
        show_frame(column[1], _image(frame, "expected"))
        _show_errors(column[2], frame)
        column[0].set_title(f"{seconds:.1f} s")
    for axes, name in zip(grid[:, 0], names, strict=True):
        axes.set_ylabel(name, rotation=0, ha="right", va="center")
    _error_bar(panel, list(grid.ravel()))


def plot_error_overview(panel: SubFigure, table: pd.DataFrame) -> None:
    """One frame of every movie with its error map, one row a mouse; colours as in `plot_error_frames`.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns ``mouse``, ``trial``, ``seconds``, ``y``, ``x``, ``truth``, ``error``.
    """
    rows = {mouse: dict(tuple(part.groupby("trial", sort=False))) for mouse, part in table.groupby("mouse", sort=False)}
    columns = max(map(len, rows.values()))
    gaps = {"wspace": 0.04, "hspace": 0.08}
    grid = panel.subplots(len(rows), columns, squeeze=False, gridspec_kw=gaps)
    for line, (mouse, movies) in zip(grid, rows.items(), strict=True):
        for axes in line[len(movies) :]:
            axes.set_axis_off()
        for axes, (trial, frame) in zip(line, movies.items(), strict=False):
            _show_errors(axes, frame)
            axes.set_xlabel(f"trial {trial}", fontsize=5, labelpad=1)
        line[0].set_ylabel(mouse, rotation=0, ha="right", va="center")


def _show_errors(axes: Axes, frame: pd.DataFrame) -> None:
    show_frame(axes, error_colours(_image(frame, "truth"), _image(frame, "error")))


def _image(frame: pd.DataFrame, value: str) -> NDArray[np.floating]:
    return frame.pivot(index="y", columns="x", values=value).to_numpy()


def _error_bar(panel: SubFigure, axes: list[Axes]) -> None:
    limit = ERROR_RANGE[1]
    levels = np.linspace(-limit, limit, 256)
    colours = ListedColormap(error_colours(np.zeros((1, 256)), levels[None])[0])
    scale = ScalarMappable(Normalize(-limit, limit), colours)
    ticks = [-limit, -ERROR_RANGE[0], ERROR_RANGE[0], limit]
    bar = panel.colorbar(scale, ax=axes, fraction=0.02, pad=0.01, ticks=ticks)
    bar.set_label("recorded − expected\n(grey levels)")


def _ends(values: pd.Series) -> tuple[float, float]:
    return float(values.min()), float(values.max())
