"""Two reconstructions of a stimulus and of its phase-inverted version: what flips with it, and what does not."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movrecon_core.analysis.metrics import video_correlation


@dataclass(frozen=True)
class PhaseParts:
    """Parts of two reconstructions, upright u and inverted v, inside the mask.

    Attributes
    ----------
    correlation
        Of u with v: −1 where the phase is kept, positive where both show the same in spite of it (article, Fig. 4D).
    insensitive_share
        Share of the variance in (u + v) / 2, which inversion leaves as it is: 0 where the phase is kept, 1 where it is
        lost.
    flipping
        Correlation of the upright stimulus with (u − v) / 2, the part that flips.
    constant
        Correlation of the upright stimulus with (u + v) / 2.
    """

    correlation: float
    insensitive_share: float
    flipping: float
    constant: float


def phase_parts(
    truth: NDArray[np.floating],
    upright: NDArray[np.floating],
    inverted: NDArray[np.floating],
    mask: NDArray[np.bool_],
) -> PhaseParts:
    """Compare the reconstructions of a stimulus and of 255 minus the stimulus.

    Parameters
    ----------
    truth
        The upright stimulus, (T, H, W).
    upright, inverted
        Reconstructions, (T, H, W).
    mask
        (H, W) bool.
    """
    flips = (np.asarray(upright, dtype=np.float64) - inverted) / 2
    stays = (np.asarray(upright, dtype=np.float64) + inverted) / 2
    flipping, constant = (float(part[:, mask].var()) for part in (flips, stays))
    total = flipping + constant
    return PhaseParts(
        correlation=video_correlation(upright, inverted, mask),
        insensitive_share=constant / total if total else float("nan"),
        flipping=video_correlation(truth, flips, mask),
        constant=video_correlation(truth, stays, mask),
    )
