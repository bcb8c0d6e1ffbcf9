"""Panels of where errors come from draw what their tables hold."""

import numpy as np
import pandas as pd
import pytest

from movrecon_core import plotting


def test_power_is_stacked_by_cause() -> None:
    rows = [
        (part, at, power * scale)
        for part, power in (("noise", 0.2), ("encoder", 0.1))
        for at, scale in ((0.0, 1.0), (0.25, 3.0))
        for _ in range(2)
    ]
    axes = plotting.new_figure(3, 3, simulated=True).subplots()
    plotting.plot_part_spectra(axes, pd.DataFrame(rows, columns=["part", "frequency", "power"]))
    bars = [(bar.get_y(), bar.get_height()) for bar in axes.patches]
    assert bars == [pytest.approx(x) for x in ((0.0, 0.2), (0.0, 0.6), (0.2, 0.1), (0.6, 0.3))]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "0.25"]


def test_slopes_with_their_intervals() -> None:
    table = pd.DataFrame(
        [("whole", "edges", 0.3, 0.2, 0.5), ("noise", "edges", 0.1, 0.0, 0.2), ("whole", "gaze", 0.0, -0.1, 0.1)],
        columns=["part", "feature", "slope", "low", "high"],
    )
    axes = plotting.new_figure(3, 3, simulated=True).subplots()
    plotting.plot_slopes(axes, table)
    whole = axes.containers[0]
    assert list(whole.lines[0].get_ydata()) == [0.3, 0.0]
    drawn = np.array(whole.lines[2][0].get_segments(), dtype=float)[..., 1]
    np.testing.assert_allclose(drawn, [[0.2, 0.5], [-0.1, 0.1]])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["edges", "gaze"]
