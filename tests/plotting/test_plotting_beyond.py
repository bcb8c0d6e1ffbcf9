"""Panels of what only a simulation can tell draw what their tables hold."""

import pandas as pd
import pytest

from movrecon_core import plotting


def test_parts_are_stacked_to_the_whole() -> None:
    table = pd.DataFrame({"part": ["noise", "encoder"], "loss": [0.3, 0.1], "low": [0.2, 0.05], "high": [0.35, 0.2]})
    axes = plotting.new_figure(3, 3, simulated=True).subplots()
    plotting.plot_parts(axes, table.assign(share=[75.0, 25.0]))
    bars = [(bar.get_y(), bar.get_height()) for bar in axes.patches]
    assert bars == [pytest.approx(x) for x in ((0.0, 0.3), (0.3, 0.1), (0.0, 0.4))]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["noise\n75 %", "encoder\n25 %", "whole"]


def test_one_plot_for_each_that_responds() -> None:
    rows = [
        (mouse, trial, responding, shown, value)
        for mouse in ("mouse 1", "mouse 2")
        for trial in (3, 4)
        for responding in ("encoders", "neurons")
        for shown, value in (("true movie", 0.5), ("reconstruction", 0.6))
    ]
    table = pd.DataFrame(rows, columns=["mouse", "trial", "responding", "shown", "correlation"])
    figure = plotting.new_figure(5, 3, simulated=True)
    plotting.plot_evoked(figure.subfigures(1, 1), table, "r")
    assert [axes.get_title() for axes in figure.axes] == ["encoders", "neurons"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["n = 4 movies,\n2 mice"] * 2
    assert figure.axes[0].get_ylabel() == "r"
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["true movie", "reconstruction"]
