"""Panels of parts of a population, and of two encoders, draw what their tables hold."""

import pandas as pd
import pytest

from movrecon_core import plotting


def test_one_curve_for_each_way_of_choosing() -> None:
    rows = [
        (mouse, chosen, percent, 0.5 + 0.001 * percent + 0.1 * (mouse == "mouse 2"), 3)
        for mouse in ("mouse 1", "mouse 2")
        for chosen in ("random", "spread")
        for percent in (12.5, 25.0, 100.0)
    ]
    table = pd.DataFrame(rows, columns=["mouse", "chosen", "percent", "video_correlation", "movies"])
    axes = plotting.new_figure(3, 3, simulated=True).subplots()
    plotting.plot_part_curves(axes, table, "chosen", "r")
    means = [line for line in axes.lines if line.get_linestyle() == "-"]
    assert [line.get_label() for line in means] == ["random", "spread"]
    assert means[0].get_ydata() == pytest.approx([0.5625, 0.575, 0.65])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["12.5", "25", "100"]
    assert axes.get_title() == "n = 6 movies, 2 mice"


def test_one_plot_for_each_encoder() -> None:
    rows = [
        ("mouse 1", 3, encoder, level, value)
        for encoder in ("study's encoder", "other encoder")
        for level, value in (("1", 0.5), ("3", 0.6))
    ]
    table = pd.DataFrame(rows, columns=["mouse", "trial", "encoder", "level", "video_correlation"])
    figure = plotting.new_figure(5, 3, simulated=True)
    plotting.plot_families(figure.subfigures(1, 1), table, "r")
    assert [axes.get_title() for axes in figure.axes] == ["study's encoder", "other encoder"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["n = 1 movies,\n1 mouse"] * 2
    assert [axes.get_ylabel() for axes in figure.axes] == ["r", ""]
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["1", "3"]
