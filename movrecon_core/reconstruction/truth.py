"""How close movies are to the truth while they are being found; nothing of it enters the optimisation."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from movrecon_core.analysis.metrics import SKIPPED_FRAMES
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.reconstruction.box import bounding_box
from movrecon_core.reconstruction.config import Target

FLAT = 1e-3
"""Grey levels: a movie whose standard deviation is below this is flat, its correlation undefined."""


class TruthComparison:
    """Video correlation (article, Eq. 8) of movies with their truths, computed where the movies are.

    Parameters
    ----------
    targets
        Of one length; those without `Target.truth` get NaN.
    grey
        Grey level of the first movie, taken off before summing: sums of small numbers stay exact.
    like
        Its device and precision are used.
    """

    def __init__(self, targets: Sequence[Target], grey: float, like: Tensor) -> None:
        self.known = [i for i, target in enumerate(targets) if target.truth is not None]
        self.grey = grey
        truths, masks = [], []
        for i in self.known:
            truth, mask = targets[i].truth, targets[i].evaluation_mask
            assert truth is not None
            shown = np.ones(truth.shape[1:], dtype=bool) if mask is None else crop_movie(mask)
            truths.append(truth[SKIPPED_FRAMES:])
            masks.append(np.broadcast_to(shown, truth[SKIPPED_FRAMES:].shape))
        self.count = len(targets)
        if self.known and truths[0].shape[0]:
            judged = torch.from_numpy(np.stack(masks))  # (K, T, 36, 64)
            self.box = bounding_box(judged.flatten(0, 1).any(dim=0))
            self.mask = judged[self.box].to(like.device, like.dtype)
            self.pixels = self.mask.sum(dim=(1, 2, 3))
            known = torch.from_numpy(np.stack(truths))[self.box]
            self.truth, self.spread = self._centred(known.to(like.device, like.dtype))
        else:
            self.known = []

    def video_correlation(self, movies: Tensor) -> Tensor:
        """Correlation of each movie (M, T, 64, 64) with its truth, (M,); NaN where a movie is flat or has none."""
        found = movies.new_full((self.count,), torch.nan)
        if self.known:
            shown = crop_movie(movies)[self.box][self.known, SKIPPED_FRAMES:]
            movie, spread = self._centred(shown)
            product = (movie * self.truth).sum(dim=(1, 2, 3)) / self.pixels
            flat = torch.minimum(spread, self.spread) < FLAT
            found[self.known] = torch.where(flat, torch.nan, product / (spread * self.spread))
        return found

    def _centred(self, movies: Tensor) -> tuple[Tensor, Tensor]:
        """Movies minus their mean, 0 outside the mask; and their standard deviation."""
        movies = (movies - self.grey) * self.mask
        mean = movies.sum(dim=(1, 2, 3)) / self.pixels
        movies = (movies - mean[:, None, None, None]) * self.mask
        return movies, (movies.square().sum(dim=(1, 2, 3)) / self.pixels).sqrt()
