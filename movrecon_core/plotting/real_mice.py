"""One small panel a statistic: ten real mice as grey dots, this run's mice among them in their colours."""

import numpy as np
import pandas as pd
from matplotlib.figure import SubFigure

from movrecon_core.plotting.style import mouse_colours

COLUMNS = 3


def plot_beside_real_mice(panel: SubFigure, table: pd.DataFrame) -> None:
    """Every statistic on an axis of its own; the range of the real mice is shaded.

    Parameters
    ----------
    panel
        Part of a figure.
    table
        Columns ``statistic``, ``mouse``, ``real``, ``value``, ``low``, ``high``, ``inside``.
    """
    names = list(table["statistic"].unique())
    grid = panel.subplots(-(-len(names) // COLUMNS), COLUMNS, squeeze=False).ravel()
    colours = mouse_colours(list(table.loc[~table["real"], "mouse"].unique()))
    for axes, name in zip(grid, names, strict=False):
        rows = table[table["statistic"] == name]
        real, ours = rows[rows["real"]], rows[~rows["real"]]
        axes.axvspan(real["low"].iloc[0], real["high"].iloc[0], color="0.92", lw=0)
        axes.plot(real["value"], np.linspace(0.6, 0.9, len(real)), "o", color="0.55", ms=2.5)
        for place, row in enumerate(ours.itertuples()):
            colour = colours[str(row.mouse)]
            height = 0.4 - 0.3 * place / max(len(ours) - 1, 1)
            axes.plot([row.value], [height], "o", color=colour, ms=4, mfc=colour if row.inside else "white")
        axes.set(ylim=(0, 1), yticks=[])
        axes.set_title(name, fontsize=6)
    for axes in grid[len(names) :]:
        axes.set_axis_off()
    handles = [*(axes.plot([], [], "o", color=c, ms=4, label=m)[0] for m, c in colours.items())]
    handles.append(axes.plot([], [], "o", color="0.55", ms=2.5, label="real mice")[0])
    panel.suptitle("shaded: the range of the ten real mice; open circles lie outside", x=0.01, ha="left", fontsize=7.5)
    panel.legend(handles=handles, loc="outside lower center", ncol=len(handles), frameon=False)
