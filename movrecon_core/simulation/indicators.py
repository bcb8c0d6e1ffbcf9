"""Calcium indicators by name: how fast one spike's fluorescence rises and decays."""

from typing import Literal

from movrecon_core.simulation.imaging import ImagingConfig

Indicator = Literal["GCaMP6f", "GCaMP6s", "jGCaMP8s"]

KINETICS: dict[Indicator, tuple[float, float]] = {
    "GCaMP6f": (0.015, 0.2),
    "GCaMP6s": (0.07, 0.8),
    "jGCaMP8s": (0.017, 0.44),
}
"""Time constants of rise and decay, seconds: those whose transient peaks and halves as was measured.

GCaMP6f: 0.045 s to the peak, half decay 0.14 s; GCaMP6s: 0.18 s and 0.55 s (Chen et al. 2013, mouse V1). jGCaMP8s:
0.057 s and 0.307 s (Zhang et al. 2023, neurons in culture). How large a transient is, and how bright the indicator, is
not in them.
"""


def imaged_with(indicator: Indicator, imaging: ImagingConfig) -> ImagingConfig:
    """The same microscope with another indicator.

    Parameters
    ----------
    indicator
        Name of the indicator.
    imaging
        Microscope, of which sampling rate and deconvolution stay.
    """
    rise, decay = KINETICS[indicator]
    return imaging.model_copy(update={"rise": rise, "decay": decay})
