"""Curves of a measurement."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes

from movrecon_core.plotting.style import COLOURS, MOUSE_COLOURS


class Curve(NamedTuple):
    """Values over places, and what both are."""

    place: str
    places: Sequence[float]
    value: str
    values: Sequence[float]


def plot_measured_curves(axes: Axes, curves: Mapping[str, Curve], label: str) -> None:
    """Curves of one measurement.

    Parameters
    ----------
    axes
        Where to draw.
    curves
        By name.
    label
        Of the vertical axis, where the curves do not say what their values are.
    """
    for number, (name, curve) in enumerate(curves.items()):
        colour = COLOURS.get(name, MOUSE_COLOURS[number % len(MOUSE_COLOURS)])
        axes.plot(curve.places, curve.values, color=colour, label=name.replace("_", " "))
        # Methods differ in time by orders of magnitude.
        scale = "log" if curve.place == "seconds" else "linear"
        axes.set(xlabel=curve.place, ylabel=curve.value or label, xscale=scale)
    axes.legend()
