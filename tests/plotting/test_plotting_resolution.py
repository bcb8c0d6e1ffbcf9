"""Panels of what limits resolution draw what their tables hold."""

import numpy as np
import pandas as pd

from movrecon_core import plotting


def test_coherence_is_a_mean_over_movies() -> None:
    rows = [
        (mouse, trial, kind, frequency, value + 0.1 * trial)
        for mouse in ("mouse 1", "mouse 2")
        for trial in (1, 2)
        for kind, value in (("one", 0.2), ("all", 0.4))
        for frequency in (0.25, 0.0)
    ]
    table = pd.DataFrame(rows, columns=["mouse", "trial", "kind", "frequency", "coherence"])
    axes = plotting.new_figure(3, 3, simulated=True).subplots()
    plotting.plot_coherence(axes, table, "frequency (Hz)")
    drawn = {line.get_label(): line.get_ydata() for line in axes.lines if line.get_linestyle() == "-"}
    np.testing.assert_allclose(drawn["one"], [0.35, 0.35])
    np.testing.assert_allclose(drawn["all"], [0.55, 0.55])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "0.25"]
    assert axes.get_title() == "n = 4 movies, 2 mice"


def test_synthetic_movies_by_responses() -> None:
    rows = [("noise 1 px, 8 frames", "predicted", 0.9), ("noise 1 px, 8 frames", "noisy", 0.3)]
    rows += [("grating 1 cycles/px, 15 Hz", "predicted", 0.5), ("grating 1 cycles/px, 15 Hz", "noisy", np.nan)]
    found = pd.DataFrame(rows, columns=["stimulus", "responses", "r"])
    axes = plotting.new_figure(3, 3, simulated=True).subplots()
    plotting.plot_by_responses(axes, found.assign(mouse="mouse 1", sample=found["stimulus"]), "r", "label")
    dots = np.concatenate(
        [np.asarray(dots.get_offsets())[:, 1] for dots in axes.collections if len(dots.get_offsets())]
    )
    assert sorted(dots) == [0.3, 0.5, 0.9]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["predicted", "noisy"]
    assert axes.get_title() == "n = 2 movies, 1 mouse"


def test_synthetic_movies_by_microscope() -> None:
    rows = [
        ("mouse 1", f"noise {phase}", "noise", responses, level, level == "8 Hz", value + phase)
        for level, value in (("8 Hz", 0.2), ("30 Hz", 0.4))
        for responses in ("noisy", "noise-free")
        for phase in (0.0, 0.1)
    ]
    axes = plotting.new_figure(3, 3, simulated=True).subplots()
    table = pd.DataFrame(
        rows, columns=["mouse", "sample", "stimulus", "responses", "level", "own", "video_correlation"]
    )
    plotting.plot_by_microscope(axes, table, "scan rate")
    drawn = {line.get_linestyle(): line.get_ydata() for line in axes.lines[:2]}
    assert set(drawn) == {"-", "--"}
    for values in drawn.values():
        np.testing.assert_allclose(values, [0.25, 0.45])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["8 Hz\n(recording)", "30 Hz"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["noise"]
    assert axes.get_title() == "n = 2 movies, 1 mouse"


def test_empty_tables_leave_the_axes_empty() -> None:
    for draw in (
        lambda axes: plotting.plot_coherence(axes, pd.DataFrame(columns=["mouse", "kind", "frequency"]), "f"),
        lambda axes: plotting.plot_conditions(axes, pd.DataFrame(columns=["mouse", "way", "r"]), "way", "r", "label"),
        lambda axes: plotting.plot_by_responses(axes, pd.DataFrame(columns=["stimulus", "r"]), "r", "label"),
        lambda axes: plotting.plot_by_microscope(axes, pd.DataFrame(columns=["stimulus", "level"]), "label"),
    ):
        axes = plotting.new_figure(3, 3, simulated=True).subplots()
        draw(axes)
        assert not axes.has_data()
