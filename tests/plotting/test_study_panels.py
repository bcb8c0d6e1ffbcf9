"""The panels of the method, its variations, the ethogram and the correlates draw the values of their CSV."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from movrecon_core import plotting
from movrecon_core.figures.images import image_table, labelled

RANDOM = np.random.default_rng(0)


def saved(figure: Figure, folder: Path, table: pd.DataFrame) -> pd.DataFrame:
    plotting.save_figure(figure, "f", folder, {"A": table}, alt="A panel of a test.")
    return pd.read_csv(folder / "f_A.csv", keep_default_na=False, na_values=[""])


def solid(axes: Axes, style: str) -> list[np.ndarray]:
    """Values of the axes' curves of one line style."""
    return [
        np.asarray(line.get_ydata()) for line in axes.lines if line.get_linestyle() == style and len(line.get_xdata())
    ]


def dots(axes: Axes) -> np.ndarray:
    """Places of the axes' scattered points."""
    return np.concatenate([c.get_offsets() for c in axes.collections if isinstance(c, PathCollection)])


def movies_table(columns: dict[str, list[str]]) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([["mouse 1", "mouse 2"], [3, 4, 9], *columns.values()])
    return index.to_frame(index=False, name=["mouse", "trial", *columns])


def test_optimisation(tmp_path: Path) -> None:
    rows = [
        (kind, line, mouse, iteration, RANDOM.random())
        for kind, line, mouse in [("movies", "mouse 1, trial 3", "mouse 1"), ("instances", "instance 0", "")]
        for iteration in range(1, 6)
    ]
    table = pd.DataFrame(rows, columns=["curves", "line", "mouse", "iteration", "loss"])
    figure = plotting.new_figure(6, 3, False)
    panel = figure.subfigures()
    plotting.plot_optimisation(panel, table, "loss")
    csv = saved(figure, tmp_path, table)
    for axes, kind in zip(panel.axes, ("movies", "instances"), strict=True):
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), csv.loc[csv["curves"] == kind, "loss"])
        np.testing.assert_array_equal(axes.lines[0].get_xdata(), range(1, 6))


def test_conditions_are_means_over_movies(tmp_path: Path) -> None:
    table = movies_table({"variant": ["standard", "other"]})
    table["video_correlation"] = RANDOM.random(len(table))
    figure = plotting.new_figure(3, 3, False)
    axes = figure.subplots()
    plotting.plot_conditions(axes, table, "variant", "video_correlation", "r", {"standard": 0.5, "unknown": 1.0})
    csv = saved(figure, tmp_path, table)
    mice = csv.groupby(["mouse", "variant"])["video_correlation"].mean().unstack()[["standard", "other"]]
    np.testing.assert_allclose(solid(axes, "--"), mice)
    np.testing.assert_allclose(solid(axes, "-"), [mice.mean()])
    published = next(line for line in axes.lines if line.get_marker() == "D")
    assert (list(published.get_xdata()), list(published.get_ydata())) == ([0], [0.5])
    assert axes.get_title() == "n = 6 movies, 2 mice"


def test_levels(tmp_path: Path) -> None:
    index = pd.MultiIndex.from_product([["mouse 1", "mouse 2"], ["none", "strict"], [0.0, 0.5, 1.0]])
    table = index.to_frame(index=False, name=["mouse", "training mask", "threshold"])
    table["video_correlation"] = RANDOM.random(len(table))
    figure = plotting.new_figure(3, 3, False)
    axes = figure.subplots()
    plotting.plot_levels(axes, table, "threshold", "training mask", "video_correlation", ("α", "r"))
    csv = saved(figure, tmp_path, table)
    drawn = {tuple(values) for values in solid(axes, "--")}
    assert drawn == {tuple(rows["video_correlation"]) for _, rows in csv.groupby(["mouse", "training mask"])}
    means = csv.groupby(["training mask", "threshold"])["video_correlation"].mean().unstack()
    np.testing.assert_allclose(solid(axes, "-"), means)


def test_variant_frames(tmp_path: Path) -> None:
    images = RANDOM.uniform(0, 255, (3, 2, 36, 64))
    images[:, :, :4] = np.nan
    table = image_table(labelled(images, variant=["truth", "a", "b"], seconds=[1.0, 2.0]), "grey")
    figure = plotting.new_figure(6, 3, False)
    panel = figure.subfigures()
    plotting.plot_variant_frames(panel, table, "variant")
    csv = saved(figure, tmp_path, table)
    drawn = np.ma.filled(np.ma.stack([axes.images[0].get_array() for axes in panel.axes]), np.nan)
    expected = csv["grey"].to_numpy().reshape(3, 2, 36, 64).swapaxes(0, 1)
    np.testing.assert_array_equal(drawn.reshape(expected.shape), expected)


def test_ethogram(tmp_path: Path) -> None:
    names, signals, seconds = (
        ["mouse 1, trial 3", "mouse 2, trial 4"],
        ["motion energy", "running speed"],
        [0.0, 0.5, 1.0],
    )
    table = pd.MultiIndex.from_product([names, signals, seconds]).to_frame(
        index=False, name=["movie", "signal", "seconds"]
    )
    table["value"] = RANDOM.random(len(table))
    figure = plotting.new_figure(6, 3, False)
    grid = figure.subplots(2, 2)
    plotting.plot_signals(grid, table)
    plotting.letter_axes(grid[0, 0], "A", "title")
    csv = saved(figure, tmp_path, table)
    for row, signal in zip(grid, signals, strict=True):
        for axes, name in zip(row, names, strict=True):
            rows = csv[(csv["movie"] == name) & (csv["signal"] == signal)]
            np.testing.assert_array_equal(axes.lines[0].get_ydata(), rows["value"])
    assert grid[0, 0].get_title(loc="left").endswith("title\n")

    table = pd.MultiIndex.from_product([names, [2, 7, 11], seconds]).to_frame(
        index=False, name=["movie", "neuron", "seconds"]
    )
    table["response"] = RANDOM.random(len(table))
    figure = plotting.new_figure(6, 3, False)
    row = figure.subplots(1, 2)
    plotting.plot_response_images(row, table)
    csv = saved(figure, tmp_path, table)
    drawn = np.stack([axes.images[0].get_array() for axes in row])
    np.testing.assert_array_equal(drawn.ravel(), csv["response"])

    table = pd.DataFrame({"movie": names * 3, "seconds": [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]})
    table["frame_correlation"] = RANDOM.random(6)
    figure = plotting.new_figure(6, 3, False)
    row = figure.subplots(1, 2)
    plotting.plot_frame_correlation(row, table)
    csv = saved(figure, tmp_path, table)
    for axes, name in zip(row, names, strict=True):
        rows = csv[csv["movie"] == name]
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), rows["frame_correlation"])
        assert axes.texts[0].get_text() == f"mean {rows['frame_correlation'].mean():.2f}"


def test_features_and_predictability(tmp_path: Path) -> None:
    table = movies_table({"feature": ["contrast", "luminance"]})
    table["value"], table["mean frame correlation"] = RANDOM.random((2, len(table)))
    result = {"r": -0.5, "p_bonferroni": 0.004, "r_within": np.nan, "p_within_bonferroni": np.nan}
    results = {"contrast": result, "luminance": {**result, "r": np.nan}, "response correlation": result}
    figure = plotting.new_figure(6, 3, False)
    panel = figure.subfigures()
    grid = panel.subplots(1, 2, squeeze=False)
    plotting.plot_features(grid, table, results)
    csv = saved(figure, tmp_path, table)
    for axes, feature in zip(grid[0], ("contrast", "luminance"), strict=True):
        rows = csv[csv["feature"] == feature]
        np.testing.assert_array_equal(dots(axes), rows[["value", "mean frame correlation"]])
    first = csv[csv["feature"] == "contrast"]
    slope, intercept = np.polyfit(first["value"], first["mean frame correlation"], 1)
    (line,) = [line for line in grid[0][0].lines if len(line.get_xdata()) > 1]
    np.testing.assert_allclose(line.get_ydata(), slope * np.asarray(line.get_xdata()) + intercept)
    assert not any(len(line.get_xdata()) for line in grid[0][1].lines)  # no line where nothing was correlated
    assert grid[0][0].get_title() == "n = 6 movies: r = −0.50, p = 0.004\nwithin mice: r = –, p = –"

    table = movies_table({})
    table["response correlation"], table["mean frame correlation"] = RANDOM.random((2, len(table)))
    axes = plotting.new_figure(3, 3, False).subplots()
    plotting.plot_predictability(axes, table, results)
    np.testing.assert_array_equal(dots(axes), table[["response correlation", "mean frame correlation"]])


def test_lags_and_moments(tmp_path: Path) -> None:
    index = pd.MultiIndex.from_product([["mouse 2", "mouse 10"], [3, 4], [-0.5, 0.0, 0.5]])
    table = index.to_frame(index=False, name=["mouse", "trial", "lag"])
    table["correlation"] = RANDOM.random(len(table))
    figure = plotting.new_figure(3, 3, False)
    axes = figure.subplots()
    plotting.plot_lags(axes, table)
    csv = saved(figure, tmp_path, table)
    mice = csv.groupby(["mouse", "lag"])["correlation"].mean().unstack().loc[["mouse 2", "mouse 10"]]
    np.testing.assert_allclose(solid(axes, "--"), mice)
    np.testing.assert_allclose(solid(axes, "-")[0], csv.groupby("lag")["correlation"].mean())

    table = movies_table({"feature": ["contrast", "running speed"]})
    table["correlation"] = RANDOM.random(len(table))
    summary = pd.DataFrame({"feature": ["contrast"], "mean": [0.4], "low": [0.1], "high": [0.9]})
    figure = plotting.new_figure(3, 3, False)
    axes = figure.subplots()
    plotting.plot_moments(axes, table, summary)
    csv = saved(figure, tmp_path, table)
    means = csv[csv["feature"] == "contrast"].groupby("mouse")["correlation"].mean()
    np.testing.assert_allclose(dots(axes)[:, 1], means)
    (bars,) = [artist for artist in axes.collections if hasattr(artist, "get_segments")]
    np.testing.assert_allclose(bars.get_segments()[0][:, 1], [0.1, 0.9])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["contrast"]


@pytest.mark.parametrize("mice", [1, 5, 10])
def test_any_number_of_mice(tmp_path: Path, mice: int) -> None:
    table = pd.DataFrame(
        {"mouse": [f"mouse {i}" for i in range(mice)], "trial": 1, "stimulus": "full video", "loss": 1.0}
    )
    figure = plotting.new_figure(3, 3, False)
    axes = figure.subplots()
    plotting.plot_conditions(axes, table, "stimulus", "loss", "Poisson loss")
    assert len(solid(axes, "--")) == mice
    assert len(saved(figure, tmp_path, table)) == mice
