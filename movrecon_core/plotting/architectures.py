"""Panels of the same comparison with two encoders."""

import pandas as pd
from matplotlib.figure import SubFigure

from movrecon_core.plotting.comparisons import name_group, plot_conditions


def plot_families(panel: SubFigure, table: pd.DataFrame, label: str) -> None:
    """Video correlation by level, one pair of axes for each encoder.

    Parameters
    ----------
    panel
        Where to draw.
    table
        Columns ``mouse``, ``trial``, ``encoder``, ``level``, ``video_correlation``.
    label
        Of the video correlation.
    """
    groups = list(table.groupby("encoder", sort=False))
    for place, (axes, (name, rows)) in enumerate(zip(panel.subplots(1, len(groups), sharey=True), groups, strict=True)):
        plot_conditions(axes, rows, "level", "video_correlation", label if place == 0 else "")
        name_group(axes, str(name))
