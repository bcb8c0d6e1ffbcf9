"""Panels of noise, gratings, error maps and the summary draw what their tables, and so their CSV, say."""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from movrecon_core import plotting
from movrecon_core.figures.images import image_table, labelled
from movrecon_core.plotting.error_maps import error_colours

matplotlib.use("agg")
RANDOM = np.random.default_rng(0)
SIZES = (0.5, 4.0, 32.0)


def grid_table() -> pd.DataFrame:
    cells = [(length, duration) for length in SIZES for duration in SIZES[:2]]
    table = pd.DataFrame(cells, columns=["length", "duration"])
    return table.assign(value=RANDOM.uniform(-1, 1, len(table)), beside=[0.25, np.nan] * 3)


def texts(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_grids_are_drawn_as_in_the_csv(tmp_path: Path):
    table = grid_table()
    figure = plotting.new_figure(3, 3, False)
    axes = figure.subplots()
    plotting.plot_value_grid(axes, table.sample(frac=1, random_state=0), "length", "duration", "value", (-1, 1), "r")
    plotting.save_figure(figure, "f", tmp_path, {"C": table}, alt="grid")
    csv = pd.read_csv(tmp_path / "f_C.csv")
    np.testing.assert_array_equal(np.asarray(axes.collections[0].get_array()).ravel(), csv["value"])
    written = [f"{value:.2f}".replace("-", "−") for value in csv["value"]]
    assert texts(axes) == [text + "\n$\\it{0.25}$" * (place % 2 == 0) for place, text in enumerate(written)]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0.5\n1.7°", "4\n13.5°", "32\n108.2°"]


def test_frequencies_fall_along_the_axes():
    table = pd.DataFrame({"spatial_frequency": [0.25, 0.5], "temporal_frequency": [7.5, 7.5], "value": [0.2, -0.001]})
    axes = plotting.new_figure(3, 3, False).subplots()
    plotting.plot_value_grid(axes, table, "spatial_frequency", "temporal_frequency", "value", (-1, 1), "r")
    np.testing.assert_array_equal(np.asarray(axes.collections[0].get_array()).ravel(), [-0.001, 0.2])
    assert texts(axes) == ["0.00", "0.20"]


def test_stimuli_are_drawn_in_their_cells():
    images = RANDOM.uniform(0, 255, (2, 2, 36, 36))
    images[..., :4, :] = np.nan
    table = image_table(labelled(images, length=list(SIZES[:2]), duration=list(SIZES[:2])), "grey")
    figure = plotting.new_figure(4, 4, False)
    plotting.plot_stimulus_grid(figure.subfigures(), table, "length", "duration")
    drawn = [np.ma.filled(axes.images[0].get_array(), np.nan) for axes in figure.findobj(plt.Axes)]
    np.testing.assert_allclose(drawn, images.reshape(4, 36, 36), atol=1e-3)
    assert all(axes.get_ylim() == (36.0, 3.0) for axes in figure.findobj(plt.Axes))


def test_lines_show_every_mouse_their_mean_and_the_article():
    table = pd.DataFrame(
        [(mouse, length, RANDOM.random(), 0.5) for mouse in ("mouse 1", "mouse 2") for length in SIZES],
        columns=["mouse", "length", "value", "beside"],
    )
    axes = plotting.new_figure(3, 3, False).subplots()
    plotting.plot_along(axes, table, "length", "r")
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    dashed = [line.get_ydata() for line in axes.lines if line.get_linestyle() == "--" and len(line.get_xdata())]
    np.testing.assert_array_equal(np.concatenate(dashed), table["value"])
    mean = (table["value"].to_numpy()[:3] + table["value"].to_numpy()[3:]) / 2
    np.testing.assert_allclose(lines["mean, n = 2 mice"], mean)
    np.testing.assert_array_equal(lines["article"], [0.5] * 3)


def test_error_maps_are_drawn_over_the_movie():
    images = RANDOM.uniform(0, 255, (2, 36, 64))
    error = RANDOM.uniform(-100, 100, (2, 36, 64))
    columns = {"truth": images, "error": error, "recorded": images / 2, "expected": images / 3}
    tables = {name: image_table(labelled(values, seconds=[1.0, 2.0]), name) for name, values in columns.items()}
    table = tables["truth"].assign(**{name: tables[name][name] for name in columns})
    figure = plotting.new_figure(7, 3, False)
    plotting.plot_error_frames(figure.subfigures(), table)
    drawn = [axes.images[0].get_array() for axes in figure.findobj(plt.Axes) if axes.images]
    np.testing.assert_allclose(drawn[0], images[0] / 2, atol=1e-3)
    np.testing.assert_allclose(drawn[4], error_colours(images[0], error[0]), atol=1e-4)


@pytest.mark.parametrize(
    ("decision", "p", "shown"),
    [
        ("seen", 0.01, "seen, d = 2.0, p = 0.01"),
        ("not seen: the opposite", 0.02, "not seen, the opposite, d = 2.0, p = 0.02"),
        ("left out: needs more", np.nan, "left out"),
    ],
)
def test_findings_say_how_they_were_decided(decision: str, p: float, shown: str):
    row = {"finding": "x", "figure": "3", "difference": 0.2, "low": 0.1, "high": 0.3, "effect_size": 2.0, "p": p}
    table = pd.DataFrame([{**row, "mice": 3.0, "movies": 9.0, "over": "mice", "decision": decision}])
    axes = plotting.new_figure(5, 2, False).subplots()
    plotting.plot_findings(axes, table)
    assert texts(axes)[0].split("\n") == [shown, "3 mice, n = 9"]
    interval = axes.containers[0].lines[2][0].get_segments()[0]
    np.testing.assert_allclose(interval, [[0.1, 0], [0.3, 0]])


def test_correlations_stand_beside_the_article():
    table = pd.DataFrame(
        {
            "figure": ["2", "4"],
            "published": [0.5, 0.9],
            "ours": [0.4, 0.7],
            "low": [0.3, np.nan],
            "high": [0.5, np.nan],
        }
    )
    axes = plotting.new_figure(4, 3, False).subplots()
    plotting.plot_beside_published(axes, table)
    points = [container.lines[0].get_xydata()[0] for container in axes.containers]
    np.testing.assert_array_equal(points, [[0.5, 0.4], [0.9, 0.7]])


def test_same_tables_same_bytes(tmp_path: Path):
    for folder in ("a", "b"):
        figure = plotting.new_figure(3, 3, True)
        plotting.plot_value_grid(
            figure.subplots(), grid_table().assign(value=0.5), "length", "duration", "value", (0, 1), "r"
        )
        plotting.save_figure(figure, "f", tmp_path / folder, {"A": grid_table().assign(value=0.5)}, alt="grid")
    for name in ("f.svg", "f.png", "f.pdf", "f_A.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
