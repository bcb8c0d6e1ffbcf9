"""Figures draw what their source data say, and the same data give the same bytes."""

import base64
from itertools import combinations
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import PIL.Image
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from movrecon_core import plotting
from movrecon_core.errors import NothingToShowError
from movrecon_core.figures.images import image_table, labelled
from movrecon_core.plotting.images import draw_eccentricity

matplotlib.use("agg")
RANDOM = np.random.default_rng(0)


def saved(figure: Figure, folder: Path, table: pd.DataFrame) -> pd.DataFrame:
    plotting.save_figure(figure, "f", folder, {"A": table}, alt="Points.")
    return pd.read_csv(folder / "f_A.csv")


def performance_table() -> pd.DataFrame:
    rows = [
        (f"mouse {mouse}", trial, "video correlation", against, RANDOM.random())
        for mouse in (1, 2)
        for trial in (3, 4, 8)
        for against in ("own movie", "random movie")
    ]
    return pd.DataFrame(rows, columns=["mouse", "trial", "metric", "against", "correlation"])


def summary_of(table: pd.DataFrame) -> pd.DataFrame:
    grouped = table.groupby(["metric", "against"], sort=False)["correlation"]
    mean = grouped.mean().reset_index(name="mean")
    return mean.assign(low_t=mean["mean"] - 0.1, high_t=mean["mean"] + 0.1, n=6)


def test_correlations_are_drawn_as_in_the_csv(tmp_path: Path) -> None:
    table = performance_table()
    figure = plotting.new_figure(3, 3, False)
    axes = figure.subplots()
    plotting.plot_against_random(axes, table, summary_of(table), "video correlation")
    csv = saved(figure, tmp_path, table)
    points = np.concatenate([dots.get_offsets() for dots in axes.collections if isinstance(dots, PathCollection)])
    assert sorted(points[:, 1]) == sorted(csv["correlation"])
    pairs = csv.pivot(index=["mouse", "trial"], columns="against", values="correlation")
    lines = {tuple(line.get_ydata()) for line in axes.lines if line.get_color() in plotting.MOUSE_COLOURS}
    lines -= {()}  # entries of the legend
    assert lines == set(map(tuple, pairs[["own movie", "random movie"]].to_numpy()))
    assert "n = 6 movies, 2 mice" in axes.get_title()


def test_frames_are_drawn_as_in_the_csv(tmp_path: Path) -> None:
    images = RANDOM.uniform(0, 255, (2, 2, 3, 36, 64))
    images[..., :5, :] = np.nan
    table = image_table(
        labelled(images, movie=["a, b", "c"], kind=["truth", "reconstructed"], seconds=[1.0, 2.0, 3.5]), "grey"
    )
    figure = plotting.new_figure(7, 4, False)
    plotting.plot_example_frames(figure.subfigures(), table)
    csv = saved(figure, tmp_path, table)
    drawn = [axes.images[0].get_array() for axes in figure.findobj(plt.Axes)]
    expected = csv["grey"].to_numpy().reshape(12, 36, 64)
    np.testing.assert_array_equal(np.ma.filled(np.ma.stack(drawn), np.nan), expected)
    np.testing.assert_allclose(expected, images.reshape(12, 36, 64), atol=5e-4)


def test_maps_are_drawn_as_in_the_csv(tmp_path: Path) -> None:
    table = image_table(labelled(RANDOM.random((2, 2, 36, 64)), mouse=["mouse 1", "mouse 2"], row=["x", "y"]), "alpha")
    figure = plotting.new_figure(7, 4, False)
    plotting.plot_maps(figure.subfigures(), table, (0, 1), "gray", "α")
    csv = saved(figure, tmp_path, table)
    drawn = [axes for axes in figure.findobj(plt.Axes) if axes.images and axes.images[0].get_array().shape == (36, 64)]
    expected = [
        csv[(csv["mouse"] == m) & (csv["row"] == r)]["alpha"] for r in ("x", "y") for m in ("mouse 1", "mouse 2")
    ]
    for axes, values in zip(drawn, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(axes.images[0].get_array()).ravel(), values)


def test_curves_and_points_are_drawn_as_in_the_csv(tmp_path: Path) -> None:
    history = pd.DataFrame(
        {"instance": [0, 0, 1, 1], "step": [5, 10] * 2, "epoch": [1.0, 2.0] * 2, "loss": RANDOM.random(4)}
    )
    figure = plotting.new_figure(3, 3, False)
    axes = figure.subplots()
    plotting.plot_training(axes, history)
    csv = saved(figure, tmp_path, history)
    np.testing.assert_array_equal(np.concatenate([line.get_ydata() for line in axes.lines]), csv["loss"])

    neurons = pd.DataFrame({"mouse": ["mouse 1"] * 5, "neuron": range(5), "correlation": RANDOM.random(5)})
    figure = plotting.new_figure(3, 3, False)
    axes = figure.subplots()
    plotting.plot_neuron_correlations(axes, neurons)
    csv = saved(figure, tmp_path, neurons)
    np.testing.assert_array_equal(axes.lines[0].get_xdata()[1:], np.sort(csv["correlation"]))
    np.testing.assert_allclose(axes.lines[0].get_ydata()[1:], np.arange(1, 6) / 5)


def test_same_data_same_bytes(tmp_path: Path) -> None:
    table = performance_table()
    for folder in ("a", "b"):
        figure = plotting.new_figure(3, 3, True)
        plotting.plot_against_random(figure.subplots(), table, summary_of(table), "video correlation")
        plotting.save_figure(figure, "f", tmp_path / folder, {"B": table}, alt="Points.")
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["f.pdf", "f.png", "f.svg", "f_B.csv"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_alternative_text_is_shown_and_written(tmp_path: Path) -> None:
    figure = plotting.new_figure(2, 2, False)
    shown = plotting.save_figure(figure, "f", tmp_path, {"A": performance_table()}, alt="Two curves over time.")
    data, metadata = shown._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == "Two curves over time."
    assert base64.b64decode(data["image/png"]) == (tmp_path / "f.png").read_bytes()
    assert PIL.Image.open(tmp_path / "f.png").text["Description"] == "Two curves over time."
    assert ">Two curves over time.<" in (tmp_path / "f.svg").read_text()
    assert b"Two curves over time." in (tmp_path / "f.pdf").read_bytes()


@pytest.mark.parametrize("simulated", [True, False])
def test_simulated_data_are_stamped(tmp_path: Path, simulated: bool) -> None:
    figure = plotting.new_figure(2, 2, simulated)
    plotting.save_figure(figure, "f", tmp_path, {"A": performance_table()}, alt="Points.")
    assert ("simulated data" in (tmp_path / "f.svg").read_text()) == simulated


def test_no_figure_without_data(tmp_path: Path) -> None:
    table = performance_table().iloc[:0]
    with pytest.raises(NothingToShowError, match="f: the run holds nothing"):
        plotting.save_figure(plotting.new_figure(2, 2, False), "f", tmp_path, {"A": table}, alt="Nothing.")
    assert not list(tmp_path.iterdir())


def test_a_panel_without_data_says_so(tmp_path: Path) -> None:
    figure, table = plotting.new_figure(4, 2, False), performance_table()
    full, empty = figure.subplots(1, 2)
    full.plot(table["correlation"])
    plotting.plot_steps(empty, pd.DataFrame(columns=["from", "to", "difference", "low", "high"]), ("size", "gain"))
    plotting.save_figure(figure, "f", tmp_path, {"A": table, "B": table.iloc[:0]}, alt="Points.")
    assert (tmp_path / "f.svg").read_text().count("nothing to show") == 1
    assert (tmp_path / "f_B.csv").read_text().splitlines() == [",".join(table.columns)]


# Machado, Oliveira & Fernandes (2009), severity 1: linear RGB as it is seen.
VISION = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TOLD_APART = 15.0
"""CIE 1976 difference; just noticeable side by side is 2.3."""


def lightness_and_hue(colour: str, vision: str) -> np.ndarray:
    """CIE L*a*b* of a colour as it is seen, white point D65."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(VISION[vision]) @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ seen / [0.9505, 1.0, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISION)
def test_colours_are_told_apart_with_any_vision(vision: str) -> None:
    for colours in (plotting.COLOURS, dict(enumerate(plotting.MOUSE_COLOURS))):
        seen = {name: lightness_and_hue(colour, vision) for name, colour in colours.items()}
        for first, second in combinations(seen, 2):
            assert np.linalg.norm(seen[first] - seen[second]) > TOLD_APART, (first, second)


def test_colours_that_are_too_alike_are_noticed() -> None:
    """The measure itself: red and green of one lightness are alike without the cones for red or green."""
    red, green = "#D0592E", "#8B8B29"
    normal, blind = (
        np.linalg.norm(lightness_and_hue(red, vision) - lightness_and_hue(green, vision))
        for vision in ("normal", "deuteranopia")
    )
    assert normal > 2 * TOLD_APART
    assert blind < TOLD_APART


def test_rings_are_ten_degrees_apart() -> None:
    axes = plotting.new_figure(4, 3, False).subplots()
    draw_eccentricity(axes)
    contours = next(iter(axes.collections))
    levels = contours.levels
    np.testing.assert_allclose(np.diff(levels), 10)
    # A ring of d degrees is 15 cm · tan(d) from the centre of a screen whose 64 pixels are 56.5 cm wide.
    x, y = contours.get_paths()[0].vertices.T
    radius = np.hypot(x - 31.5, y - 17.5) * 56.5 / 64
    np.testing.assert_allclose(radius, 15 * np.tan(np.radians(levels[0])), rtol=0.03)


def test_a_few_values_far_beyond_do_not_hide_a_distribution() -> None:
    values = np.concatenate([np.linspace(0, 2, 199), [1800.0]])
    table = pd.DataFrame({"mouse": "mouse 1", "quantity": "F1/F0", "value": values, "x_label": "F1/F0"})
    axes = plotting.new_figure(3, 3, False).subplots()
    plotting.plot_distributions(axes, table)
    assert -0.5 < axes.get_xlim()[0] < 0 < 2 < axes.get_xlim()[1] < 4
    plotting.plot_distributions(all_of_it := plotting.new_figure(3, 3, False).subplots(), table[:-1])
    assert all_of_it.get_xlim()[1] == pytest.approx(2, abs=0.2)
