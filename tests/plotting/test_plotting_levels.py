"""What the panels of levels draw is what their tables hold."""

import numpy as np
import pandas as pd
import pytest

from movrecon_core import plotting

LABELS = ("neurons kept (%)", "video correlation (Pearson's r)")


@pytest.fixture
def table() -> pd.DataFrame:
    random = np.random.default_rng(0)
    rows = [
        (f"mouse {m}", trial, percent, random.random())
        for m in (1, 2)
        for trial in (3, 4, 5)
        for percent in (12.5, 50.0, 100.0)
    ]
    return pd.DataFrame(rows, columns=["mouse", "trial", "percent", "video_correlation"])


@pytest.fixture
def levels(table: pd.DataFrame) -> pd.DataFrame:
    mean = table.groupby("percent")["video_correlation"].mean().to_numpy()
    columns = {"percent": [12.5, 50.0, 100.0], "mean": mean, "low": mean - 0.1, "high": mean + 0.2}
    return pd.DataFrame(columns).assign(mice=2, movies=6)


def test_every_mouse_the_mean_and_the_article(table: pd.DataFrame, levels: pd.DataFrame) -> None:
    axes = plotting.new_figure(3, 3, simulated=True).subplots()
    plotting.plot_level_means(axes, table, levels, "percent", LABELS, {12.5: 0.34, 25: 0.43, 100: 0.57})
    drawn = {line.get_label(): line for line in axes.get_lines()}
    dashed = [line.get_ydata() for line in axes.get_lines() if line.get_linestyle() == "--" and len(line.get_xdata())]
    means = table.groupby(["mouse", "percent"])["video_correlation"].mean().unstack()
    np.testing.assert_allclose(dashed, means)
    assert {"mouse 1", "mouse 2"} <= set(drawn)
    bar = axes.containers[0]
    np.testing.assert_allclose(bar.lines[0].get_ydata().astype(float), levels["mean"])
    ends = np.array(bar.lines[2][0].get_segments())[:, :, 1]
    assert ends == pytest.approx(levels[["low", "high"]].to_numpy())
    assert list(drawn["article"].get_xdata()) == [0, 2]
    assert list(drawn["article"].get_ydata()) == [0.34, 0.57]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["12.5", "50", "100"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == LABELS
    assert axes.get_title() == "n = 6 movies, 2 mice"


def test_steps() -> None:
    pairs = pd.DataFrame({"from": [1, 2], "to": [2, 3], "difference": [0.05, -0.01], "low": [0.04, -0.03]})
    pairs["high"] = pairs["difference"] + 0.02
    axes = plotting.new_figure(3, 3, simulated=False).subplots()
    plotting.plot_steps(axes, pairs, ("encoders", "gain (Pearson's r)"))
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([0.05, -0.01])
    ends = np.array(axes.containers[1].lines[2][0].get_segments())[:, :, 1]
    assert ends == pytest.approx(pairs[["low", "high"]].to_numpy())
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1 → 2", "2 → 3"]


def test_an_interval_over_mice_need_not_hold_a_mean_over_movies(table: pd.DataFrame, levels: pd.DataFrame) -> None:
    beside = levels.assign(low=levels["mean"] + 0.03)
    axes = plotting.new_figure(3, 3, False).subplots()
    plotting.plot_level_means(axes, table, beside, "percent", LABELS)
    assert axes.containers
