"""What a study found: masks, movies and responses, as figures read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis import Judged
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.errors import ReconstructionError
from movrecon_core.reconstruction import SMOOTHING, ensemble, evaluation_mask, training_mask
from movrecon_core.storage.store import Store, Unit
from movrecon_core.study.conditions import MASK_THRESHOLDS, RECORDED, Condition, MaskKind, Movie
from movrecon_core.study.profile import Profile


class Computed(Protocol):
    """What its results know of a study."""

    @property
    def profile(self) -> Profile: ...
    @property
    def mice(self) -> list[str]: ...
    @property
    def store(self) -> Store: ...
    def unit(self, stage: str, *key: Any) -> Unit: ...
    def result(self, stage: str, *key: Any) -> xr.Dataset: ...
    def movie(self, mouse: int, movie: Movie) -> NDArray[np.float32]: ...
    def instances(self, condition: Condition) -> tuple[int | None, ...]: ...


@dataclass(frozen=True)
class Results:
    """Those of all mice of a study, ``study.results``.

    Attributes
    ----------
    study
        With what is asked for computed.
    """

    study: Computed

    def alpha(self, mouse: int) -> NDArray[np.float32]:
        """Transparency mask (64, 64) of a mouse, unthresholded."""
        return self.study.result("masks", mouse)["alpha"].values

    def training_mask(self, mouse: int, kind: MaskKind = "standard") -> NDArray[np.bool_]:
        """Pixels (64, 64) of a mouse's movies that may change.

        Raises
        ------
        ReconstructionError
            If there is none.
        """
        threshold = MASK_THRESHOLDS[kind]
        return self._checked(mouse, training_mask(self.alpha(mouse), threshold), threshold)

    def evaluation_mask(self, mouse: int) -> NDArray[np.bool_]:
        """Pixels (64, 64) in which a mouse's movies are judged.

        Raises
        ------
        ReconstructionError
            If there is none.
        """
        return self._checked(mouse, evaluation_mask(self.alpha(mouse)), 1)

    def _checked(self, mouse: int, mask: NDArray[np.bool_], threshold: float) -> NDArray[np.bool_]:
        if not crop_movie(mask).any():
            raise ReconstructionError(
                f"{self.study.mice[mouse]}: no pixel of the transparency mask reaches {threshold:g}; the encoder may "
                "have learned too little of this mouse, or mask.iterations and mask.learning_rate are too small"
            )
        return mask

    def reconstruction_units(self, mouse: int, movie: Movie, condition: Condition) -> list[Unit]:
        """One unit for each of `instances`."""
        return [self.study.unit("reconstructions", mouse, movie, i, condition) for i in self.study.instances(condition)]

    def instance_movies(self, mouse: int, movie: Movie, condition: Condition = RECORDED) -> NDArray[np.float32]:
        """Movies (instance, time, 64, 64) that the instances found; one alone with gradient ensembling."""
        units = self.reconstruction_units(mouse, movie, condition)
        return np.stack([self.study.store.require(unit)["movie"].values for unit in units])

    def reconstruction(
        self,
        mouse: int,
        movie: Movie,
        condition: Condition = RECORDED,
        *,
        instances: Sequence[int] | None = None,
        smoothed: bool | None = None,
    ) -> NDArray[np.float32]:
        """The instances' movies averaged and smoothed (T, 36, 64), not masked.

        Parameters
        ----------
        mouse
            Its index.
        movie
            A trial or a synthetic stimulus.
        condition
            How it was reconstructed.
        instances
            Which of the instances' movies are averaged; None: all.
        smoothed
            Whether the Gaussian filter follows; None: for natural movies alone, as in the article.
        """
        found = self.instance_movies(mouse, movie, condition)
        chosen = found if instances is None else found[list(instances)]
        filtered = isinstance(movie, int) if smoothed is None else smoothed
        return crop_movie(ensemble(list(chosen), SMOOTHING if filtered else None)).astype(np.float32)

    def judged(
        self,
        mouse: int,
        movie: Movie,
        condition: Condition = RECORDED,
        *,
        instances: Sequence[int] | None = None,
        smoothed: bool | None = None,
    ) -> Judged:
        """A movie, its reconstruction and the pixels in which they are compared; arguments as for `reconstruction`."""
        found = self.reconstruction(mouse, movie, condition, instances=instances, smoothed=smoothed)
        truth = self.study.movie(mouse, movie)[: len(found)]  # a mean over repeats is as long as the shortest of them
        return Judged(truth, found, crop_movie(self.evaluation_mask(mouse)))

    def other_movies(self, mouse: int, trial: int, *, smoothed: bool = True) -> dict[str, NDArray[np.float32]]:
        """A movie (T, 36, 64) by every other method, and, with ``(oracle)``, where the truth would have stopped it.

        The Gaussian filter of `reconstruction` follows, or, not `smoothed`, is left out.
        """
        found, smoothing = {}, SMOOTHING if smoothed else None
        for name in self.study.profile.baselines.methods:
            stored = self.study.result("other-methods", mouse, trial, name)
            for movie, end in (("movie", ""), ("oracle", " (oracle)")):
                found[f"{name}{end}"] = crop_movie(ensemble([stored[movie].values], smoothing)).astype(np.float32)
        return found

    def orders(self, mouse: int) -> xr.Dataset:
        """Orders of a mouse's neurons, of which the first ones are kept, for every ``way`` of choosing them.

        ``place`` (way, neuron) in the order; ``signal_correlation`` and ``predictability`` (way, kept) of as many.
        """
        found = self.study.result("populations", mouse)
        return found.assign_coords(way=found.attrs["ways"])

    def responses(self, mouse: int, trial: int) -> xr.Dataset:
        """Responses to a movie: ``recorded`` (neuron, time), ``predicted`` (stimulus, neuron, time).

        The stimuli are the movie (``true``), the movie with grey outside the training mask (``masked``), the mean of
        the instances' movies, not smoothed (``reconstructed``), and that with the movie's contrast and luminance
        (``matched``), both shown to all instances; each instance's movie, not smoothed and grey outside the evaluation
        mask, shown to that instance alone (``evoked``); where the profile asks for it, those from predicted responses
        shown to all instances (``expected``). The predictions are the instances' mean.

        ``loss`` (instance, movie) is the Poisson loss of each instance's prediction from frame 32 on: of a grey movie,
        and of what evoked ``evoked``.
        """
        found = self.study.result("responses", mouse, trial)
        return found.assign_coords(stimulus=found.attrs["stimuli"])
