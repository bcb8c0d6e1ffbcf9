"""A viewer for JupyterLab: true movie, reconstruction and error map above the responses, under one time cursor."""

import io
from typing import Any

import ipywidgets as widgets
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import NDArray
from PIL import Image

from movrecon_core.analysis import (
    SKIPPED_FRAMES,
    error_map,
    frame_correlation,
    match_mean_image,
    video_correlation,
)
from movrecon_core.errors import MovreconError
from movrecon_core.plotting import COLOURS, new_figure
from movrecon_core.plotting.error_maps import error_colours
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.study.conditions import PREDICTED, RECORDED, Condition
from movrecon_core.study.study import Study

SCALE = 4
"""Screen pixels a pixel of the movie."""
GAP = 4
"""Pixels of the movie between two pictures."""
OUTSIDE, CURSOR = (232, 228, 218), (213, 94, 0)
SHOWN_NEURONS = 80
STEP_FRAMES, STEP_MILLISECONDS = 3, 100
"""Playing shows every third frame, ten times a second, so that a second takes a second."""


class Viewer(widgets.VBox):
    """Shows one reconstruction; the last line of a cell.

    Parameters
    ----------
    study
        With reconstructions.

    Attributes
    ----------
    mouse, trial, condition, instances
        Menus: what is shown. ``instances`` is the number of encoders whose movies are averaged, the first ones.
    frame
        Slider over the frames of the movie.
    pictures, traces
        Images: the frame in three pictures, and responses and frame correlation over time.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        wanted = [
            (mouse, movie, condition)
            for mouse, movie, condition in study.asked.reconstructions()
            if isinstance(movie, int)
        ]
        self._conditions: dict[tuple[int, int], list[Condition]] = {}
        for mouse, trial, condition in wanted:
            self._conditions.setdefault((mouse, trial), []).append(condition)
        mice = [(study.label(mouse), mouse) for mouse in study.reconstructed_mice]
        self.mouse = widgets.Dropdown(options=mice, description="mouse")
        self.trial = widgets.Dropdown(description="trial")
        self.condition = widgets.Dropdown(description="from", layout={"width": "320px"})
        self.instances = widgets.Dropdown(description="instances")
        self.frame = widgets.IntSlider(description="frame", layout={"width": "75%"})
        self.says = widgets.HTML()
        self.pictures = widgets.Image(format="png")
        self.traces = widgets.Image(format="png")
        play = widgets.Play(step=STEP_FRAMES, interval=STEP_MILLISECONDS)
        widgets.jslink((play, "value"), (self.frame, "value"))
        widgets.jslink((play, "max"), (self.frame, "max"))
        menus = (self.mouse, self.trial, self.condition, self.instances)
        super().__init__([widgets.HBox(menus), widgets.HBox([play, self.frame]), self.says, self.pictures, self.traces])
        self._choosing = False
        self._choose()
        for menu in menus:
            menu.observe(lambda _: self._choose(), "value")
        self.frame.observe(lambda _: self._show(), "value")

    def _choose(self) -> None:
        """Offer in each menu what there is for the choices above it, and load what is chosen."""
        if self._choosing:  # a menu changed because another one did
            return
        self._choosing = True
        _offer(self.trial, [(str(trial), trial) for mouse, trial in self._conditions if mouse == self.mouse.value])
        conditions = self._conditions[self.mouse.value, self.trial.value]
        _offer(self.condition, [(condition.name.replace("-", " "), condition) for condition in conditions])
        found = len(self._study.instances(self.condition.value))
        _offer(self.instances, [(str(count), count) for count in range(found, 0, -1)])
        self._choosing = False
        self._load()

    def _load(self) -> None:
        """Compute what all frames of the chosen movie show; a new frame then only copies and encodes."""
        mouse, trial, condition = self.mouse.value, self.trial.value, self.condition.value
        used = range(self.instances.value)
        try:
            judged = self._study.results.judged(mouse, trial, condition, instances=used)
            truth, found, pixels = judged
            expected, against = truth, "truth"
            if condition == RECORDED and PREDICTED in self._conditions[mouse, trial]:
                expected = self._study.results.reconstruction(mouse, trial, PREDICTED, instances=used)
                against = "reconstruction from predicted responses"
            responses = self._study.trial(mouse, trial).responses
        except MovreconError as error:
            self.says.value = f"<b>{error}</b>"
            return
        self._correlation = frame_correlation(truth, found, pixels)
        self._pictures = _pictures(truth, found, error_map(found, expected, pixels), pixels)
        self._traces, self._columns = _traces(responses, self._correlation, self._study.simulated)
        whole = video_correlation(*judged.evaluated)
        self._summary = (
            f"true movie | reconstruction, video correlation {whole:.3f} | error: reconstruction − {against}, "
            "too bright in red, too dark in blue"
        )
        self.frame.max = len(truth) - 1
        self.frame.value = min(max(self.frame.value, SKIPPED_FRAMES), len(truth) - 1)
        self._show()

    def _show(self) -> None:
        """Draw the chosen frame and the time cursor."""
        frame = self.frame.value
        self.pictures.value = _png(self._pictures[frame].repeat(SCALE, axis=0).repeat(SCALE, axis=1))
        traces = self._traces.copy()
        traces[:, self._columns[frame] : self._columns[frame] + 2] = CURSOR
        self.traces.value = _png(traces)
        self.says.value = (
            f"{self._summary}<br>{frame / FRAME_RATE:.2f} s, frame correlation {self._correlation[frame]:.3f}"
        )


def _offer(menu: widgets.Dropdown, options: list[tuple[str, Any]]) -> None:
    """Put options into a menu; its choice stays where it is still among them."""
    if list(menu.options) != options:
        values, chosen = [value for _, value in options], menu.value
        menu.options = options
        menu.value = chosen if chosen in values else values[0]


def _pictures(
    truth: NDArray[np.floating], found: NDArray[np.floating], error: NDArray[np.floating], pixels: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Truth, reconstruction and error map of every frame side by side, (T, 36, 3 · 64 + 2 · gap, 3)."""
    matched = match_mean_image(found, truth, pixels)
    coloured = [np.repeat(np.clip(movie, 0, 255)[..., None], 3, axis=-1) for movie in (truth, matched)]
    coloured[1] = np.where(pixels[..., None], coloured[1], OUTSIDE)
    coloured.append(255 * error_colours(truth, error))
    gap = np.broadcast_to(np.array([255.0] * 3), (*truth.shape[:2], GAP, 3))
    return np.concatenate([coloured[0], gap, coloured[1], gap, coloured[2]], axis=2).round().astype(np.uint8)


def _traces(
    responses: NDArray[np.floating], correlation: NDArray[np.floating], simulated: bool
) -> tuple[NDArray[np.uint8], NDArray[np.int_]]:
    """Responses and frame correlation as a picture (height, width, 3), and the column of every frame in it."""
    active = responses[np.argsort(-responses.mean(axis=1), kind="stable")[:SHOWN_NEURONS]]
    seconds = np.arange(len(correlation)) / FRAME_RATE
    figure = new_figure(7.8, 2.8, simulated)
    figure.set_dpi(102)
    figure.set_layout_engine("constrained", rect=(0, 0, 1, 0.95))  # room for the stamp
    raster, curve = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    limits = (0, seconds[-1], len(active) + 0.5, 0.5)
    strength = active / np.maximum(active.max(axis=1, keepdims=True), 1e-9)
    raster.imshow(strength, aspect="auto", cmap="Greys", vmin=0, vmax=1, extent=limits)
    raster.set_ylabel(f"neuron\n({len(active)} most active)")
    curve.plot(seconds, correlation, color=COLOURS["reconstructed"])
    curve.axhline(0, color="0.7", lw=0.5)
    curve.axvspan(0, SKIPPED_FRAMES / FRAME_RATE, color="0.93")
    curve.set(xlabel="time (s); the first second is not judged", ylabel="frame\ncorrelation (r)", xlim=(0, seconds[-1]))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = np.asarray(canvas.buffer_rgba())[..., :3]
    columns = curve.transData.transform(np.column_stack([seconds, np.zeros_like(seconds)]))[:, 0]
    return picture, np.clip(columns.round().astype(int), 0, picture.shape[1] - 2)


def _png(picture: NDArray[np.uint8]) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "png", compress_level=1)
    return content.getvalue()
