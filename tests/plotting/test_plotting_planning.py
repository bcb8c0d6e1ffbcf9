"""What the panels of planning draw is what their tables hold."""

import numpy as np
import pandas as pd

from movrecon_core import plotting


def test_every_value_in_its_place_with_mice_and_mean() -> None:
    random = np.random.default_rng(0)
    rows = [(f"mouse {m}", t, d, random.random()) for d in (90.0, 180.0, 360.0) for m in (1, 2, 3) for t in (7, 9)]
    table = pd.DataFrame(rows, columns=["mouse", "trial", "density", "video_correlation"])
    axes = plotting.new_figure(3, 3, simulated=True).subplots()
    plotting.plot_planned(axes, table, "density", "neurons per mm² of a plane")
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["90", "180", "360"]
    assert axes.get_xlabel() == "neurons per mm² of a plane"
    assert axes.get_title() == "n = 6 movies, 3 mice"
    drawn = [np.asarray(line.get_ydata()) for line in axes.get_lines() if len(line.get_xdata())]
    for _, own in table.groupby("mouse"):
        mean = own.groupby("density")["video_correlation"].mean()
        assert any(len(values) == 3 and np.allclose(values, mean) for values in drawn)
    mean = table.groupby("density")["video_correlation"].mean()
    assert any(len(values) == 3 and np.allclose(values, mean) for values in drawn)


def test_gains_from_the_top_with_their_intervals() -> None:
    table = pd.DataFrame({"plan": ["half", "twice"], "gain": [-0.1, 0.2], "low": [-0.2, 0.1], "high": [0.0, 0.4]})
    axes = plotting.new_figure(3, 3, simulated=True).subplots()
    plotting.plot_gains(axes, table)
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["half", "twice"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    (bars,) = axes.containers
    np.testing.assert_allclose(np.asarray(bars.lines[0].get_xdata(), float), [-0.1, 0.2])
    segments = [np.asarray(segment, float)[:, 0] for segment in bars.lines[2][0].get_segments()]
    np.testing.assert_allclose(segments, [[-0.2, 0.0], [0.1, 0.4]])
