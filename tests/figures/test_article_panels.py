"""Panels of the article beside its main figures: populations, near-duplicates, schematics, counts of centres."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from example_study import ExampleStudy
from scipy.ndimage import gaussian_filter
from torch import nn

from movrecon_core import plotting
from movrecon_core.encoders.checkpoints import load_checkpoint
from movrecon_core.encoders.shapes import layer_shapes
from movrecon_core.errors import ProfileError
from movrecon_core.figures.encoders import training_history
from movrecon_core.figures.fig1s3_masks import _counts
from movrecon_core.figures.fig2_performance import median_trial, shown_trials
from movrecon_core.figures.fig5_population import by_number, population_sizes, size_frames
from movrecon_core.figures.recordings import clip_pairs
from movrecon_core.study.conditions import RECORDED
from movrecon_core.study.settings import PopulationSettings

NEURONS = 80


class Populations(ExampleStudy):
    """Of 80 neurons each mouse keeps a quarter or a half, too."""

    fractions = (0.5, 0.25)
    profile = SimpleNamespace(seed=0, instances=3, population=PopulationSettings(fractions=(0.5, 0.25)))
    recordings = (SimpleNamespace(neurons=NEURONS), SimpleNamespace(neurons=NEURONS))
    population_trials = ExampleStudy.reconstructed


def test_frames_from_ever_more_neurons() -> None:
    study = Populations()
    found = size_frames(study, frames=2)
    assert list(found["found from"].unique()) == ["truth", "20 neurons", "40 neurons", "80 neurons"]
    mask, frame = study.results.evaluation_mask(0)[14:50], 45  # the middle of the first half of frames 30 to 89
    truth = study.movie(0, 5).astype(float)
    shown = found[found["seconds"] == 1.5]
    drawn = shown[shown["found from"] == "truth"]["grey"].to_numpy().reshape(36, 64)
    np.testing.assert_allclose(drawn, np.where(mask, truth[frame], np.nan), atol=1e-3)
    movie = gaussian_filter(study.results.instance_movies(0, 5, RECORDED).mean(axis=0), 0.5)[:, 14:50].astype(float)
    image, target = movie.mean(axis=0)[mask], truth.mean(axis=0)[mask]
    expected = np.clip((movie[frame][mask] - image.mean()) / image.std() * target.std() + target.mean(), 0, 255)
    np.testing.assert_allclose(shown[shown["found from"] == "80 neurons"]["grey"].dropna(), expected, atol=0.02)


def test_correlation_by_number_of_neurons() -> None:
    sizes = population_sizes(Populations())
    found = by_number(sizes).set_index(["mouse", "dropped", "neurons"])["video_correlation"].sort_index()
    assert {neurons for _, _, neurons in found.index} == {20, 40, 80}
    rows = sizes[(sizes["mouse"] == "mouse 2") & (sizes["dropped"] == "missing") & (sizes["percent"] == 25)]
    assert found["mouse 2", "missing", 20] == pytest.approx(rows["video_correlation"].mean())
    figure = plotting.new_figure(3, 3, False)
    axes = figure.subplots()
    plotting.plot_by_number(axes, by_number(sizes))
    assert [line.get_linestyle() for line in axes.lines] == ["-", "--"] * 2
    np.testing.assert_allclose(axes.lines[3].get_ydata(), found["mouse 2", "missing"])


def test_the_first_movie_may_be_named() -> None:
    study = ExampleStudy()
    assert shown_trials(study, 2) == [(0, median_trial(study, 0)), (1, median_trial(study, 1))]
    assert shown_trials(study, 2, first=2) == [(0, 7), (1, median_trial(study, 1))]
    with pytest.raises(ProfileError, match=r"movie 3 \(from 0\) of mouse 1: it has 3"):
        shown_trials(study, 1, first=3)


class Clips(ExampleStudy):
    """Three movies a mouse; the second is excluded for a twin that is trial 9, and a fourth is not shown."""

    profile = SimpleNamespace(trials_per_mouse=3)
    in_order = (0, 1)

    @property
    def recordings(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(movie=lambda t, frames, mouse=m: self.movie(mouse, t)[:frames]) for m in (0, 1)]

    def of_fold(self, mouse: int) -> tuple[int, ...]:
        return (5, 6, 7, 8)

    def split(self, mouse: int) -> SimpleNamespace:
        columns = {"trial": [5, 6, 7, 8], "closest": [11, 9, 12, 13], "correlation": [0.5, 0.99, 0.4, 0.3]}
        return SimpleNamespace(to_dataframe=lambda: pd.DataFrame({**columns, "role": [1, 2, 1, 1]}).set_index("trial"))


def test_every_clip_stands_beside_its_closest_and_excluded_ones_are_boxed() -> None:
    study = Clips()
    found = clip_pairs(study)
    assert list(found["clip"].unique()) == [f"mouse {m}, trial {t}" for m in (1, 2) for t in (5, 6, 7)]
    excluded = found[found["clip"] == "mouse 2, trial 6"]
    assert set(excluded["use"]) == {"excluded"}
    for kind, trial in (("held out", 6), ("closest in training", 9)):
        drawn = excluded[excluded["kind"] == kind]["grey"].to_numpy().reshape(36, 64)
        np.testing.assert_allclose(drawn, study.movie(1, trial)[0], atol=1e-3)
    figure = plotting.new_figure(6, 4, False)
    part = figure.subfigures()
    plotting.plot_clip_pairs(part, found)
    boxed = [axes.get_title() for axes in part.axes if axes.patches]
    assert boxed == ["trial 6", "trial 6"]
    np.testing.assert_allclose(np.asarray(part.axes[4].images[0].get_array())[:36], study.movie(1, 6)[0], atol=1e-3)


def test_shapes_are_those_that_the_encoder_computes(golden) -> None:
    """Golden network: 64 × 64 pixels, strides 2, 1, 2, core (8, 8, 12), cortex (32, 64), 31 neurons; 16 frames."""
    found = layer_shapes(load_checkpoint(golden / "checkpoint.pth"), 1, frames=99)
    assert [shape for _, shape in found] == [
        *((5, 16, 64, 64), (8, 16, 64, 64), (8, 16, 32, 32), (12, 16, 32, 32), (12, 16, 16, 16)),
        *((32, 16), (64, 16), (31, 16)),
    ]
    table = pd.DataFrame([(n, s[0], s[1], int(np.prod(s[2:])), str(s)) for n, s in found])
    table.columns = ["layer", "channels", "frames", "pixels", "shape"]
    axes = plotting.new_figure(6, 3, False).subplots()
    plotting.plot_encoder_schematic(axes, table)
    boxes = [patch for patch in axes.patches if hasattr(patch, "get_xy") and hasattr(patch, "get_height")]
    heights = [box.get_height() for box in boxes[:8:1] if box.get_width() > 0]
    assert heights[0] == max(heights)
    assert {text.get_text() for text in axes.texts} >= set(table["shape"])
    plotting.plot_loop_schematic(axes, pd.DataFrame({"step": ["movie", "loss"], "detail": ["a", "b"]}))


def test_hooks_are_removed() -> None:
    class One(nn.Module):
        stack_frames, neurons = 4, (2,)

        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Conv3d(5, 2, 1)

        def forward(self, inputs: torch.Tensor, mouse: int) -> torch.Tensor:
            return self.inner(inputs).mean(dim=(-2, -1))

    encoder = One()
    assert [shape for _, shape in layer_shapes(encoder, 0, 9)] == [(5, 4, 64, 64), (2, 4, 64, 64)]  # type: ignore[arg-type]
    assert not encoder.inner._forward_hooks


def test_differences_are_drawn_with_their_mean() -> None:
    table = pd.DataFrame(
        {"mouse": ["mouse 1", "mouse 1", "mouse 2"], "trial": [1, 2, 1], "difference": [0.1, 0.3, -0.1]}
    )
    axes = plotting.new_figure(2, 3, False).subplots()
    plotting.plot_evoked_difference(axes, table)
    dots = np.concatenate([collection.get_offsets() for collection in axes.collections])
    assert sorted(dots[:, 1]) == pytest.approx([-0.1, 0.1, 0.3])
    (mean,) = [line for line in axes.lines if line.get_marker() == "_"]
    assert list(mean.get_ydata()) == pytest.approx([0.1])


def test_centres_are_counted_by_pixel() -> None:
    counts = _counts(np.array([[3, 4], [3, 4], [-1, -1], [35, 63]]))
    assert counts.shape == (36, 64)
    assert (counts[3, 4], counts[35, 63], counts.sum()) == (2, 1, 3)


def test_encoders_that_were_given_have_no_training_to_draw(tmp_path) -> None:
    study = SimpleNamespace(checkpoints=(tmp_path / "0.pth", tmp_path / "1.pth"))
    axes = plotting.new_figure(2, 2, False).subplots()
    plotting.plot_training(axes, training_history(study))  # type: ignore[arg-type]
    assert [text.get_text() for text in axes.texts] == ["trained elsewhere"]
