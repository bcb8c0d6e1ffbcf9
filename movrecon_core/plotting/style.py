"""One colour a concept, one style: what every figure shares."""

from importlib.resources import files

import matplotlib
from matplotlib import style

# Okabe & Ito (2008): told apart with any colour vision.
COLOURS = {
    "truth": "#000000",
    "recorded": "#0072B2",
    "predicted": "#D55E00",
    "reconstructed": "#009E73",
    "random movie": "#666666",
    "published": "#CC79A7",
    "on": "#E69F00",
    "off": "#56B4E9",
}

# Tol's muted scheme, its grey a little darker: ten mice that are told apart with any colour vision.
MOUSE_COLOURS = (
    "#332288",
    "#CC6677",
    "#44AA99",
    "#DDCC77",
    "#88CCEE",
    "#882255",
    "#117733",
    "#999933",
    "#AA4499",
    "#D0D0D0",
)


def use_style() -> None:
    """Draw everything that follows in the study's style."""
    matplotlib.rcdefaults()
    style.use(str(files("movrecon_core.plotting") / "movrecon.mplstyle"))


def mouse_colours(mice: list[str]) -> dict[str, str]:
    """Colour of each mouse, by its place in the list."""
    return {mouse: MOUSE_COLOURS[i % len(MOUSE_COLOURS)] for i, mouse in enumerate(mice)}
