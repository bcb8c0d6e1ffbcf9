"""Movies of one length that are found together: their windows, gradients, and what is noted on the way."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from movrecon_core.encoders.base import Encoder
from movrecon_core.reconstruction.box import Box, bounding_box
from movrecon_core.reconstruction.config import Reconstruction, ReconstructionConfig, Target
from movrecon_core.reconstruction.objective import Loss, poisson_loss, window_gradients
from movrecon_core.reconstruction.optimiser import MovieOptimiser
from movrecon_core.reconstruction.priors import prior_gradient
from movrecon_core.reconstruction.stopping import EarlyStopping, left_out_neurons
from movrecon_core.reconstruction.truth import TruthComparison
from movrecon_core.reconstruction.windows import WindowPlan, plan_windows, tiled_starts, window_starts
from movrecon_core.recordings import FRAME_WIDTH


class MovieGroup:
    """M movies of T frames, changed in place.

    Parameters
    ----------
    targets
        What the movies have to explain; of one length.
    instances
        Encoders whose gradients are averaged.
    config
        How the movies are found.
    like
        Its device and precision are those of the movies.
    """

    def __init__(self, targets: Sequence[Target], instances: int, config: ReconstructionConfig, like: Tensor) -> None:
        def stacked(arrays: list[NDArray]) -> Tensor:
            return torch.from_numpy(np.stack(arrays)).to(like.device, like.dtype)

        self.config = config
        self.norm_offset: float | None = config.norm_offset
        self.frames = targets[0].frames
        self.window_frames = config.window_frames or self.frames
        self.fixed = plan_windows(self._starts(0), self.frames, self.window_frames)
        self.responses = stacked([t.responses for t in targets])  # (M, N, T)
        self.behavior = stacked([np.concatenate([t.behavior, t.pupil_center]) for t in targets])  # (M, 4, T)
        self.mask = stacked([t.update_mask for t in targets])[:, None]  # (M, 1, H, W)
        self.movies = torch.full(
            (len(targets), self.frames, FRAME_WIDTH, FRAME_WIDTH),
            config.initial_grey,
            device=like.device,
            dtype=like.dtype,
        )
        # Nothing outside changes.
        self.box = bounding_box(self.mask.flatten(0, 1).any(dim=0))
        self.optimiser = MovieOptimiser(self.movies[self.box], config)
        self.neurons, self.left_out = self._populations(targets)
        self.stopping = None if self.left_out is None else EarlyStopping(self.movies, config.patience, config.warm_up)
        self.active = list(range(len(targets)))
        self.iterations = np.full(len(targets), config.iterations)
        record = (config.iterations, instances, len(targets), len(self.fixed.history))
        self.losses = torch.full(record, torch.nan, device=like.device, dtype=like.dtype)
        self.norms, self.left_out_losses = self.losses.clone(), self.losses.clone()
        self.truth = TruthComparison(targets, config.initial_grey, like)
        self.video_correlation = self.movies.new_empty(config.iterations, len(targets))

    def step(self, encoders: Sequence[Encoder], mouse: int, iteration: int, batch: int) -> None:
        """Make one iteration; if it fails for want of memory, it can be made again.

        Parameters
        ----------
        batch
            Stacks in one pass through an encoder.
        """
        if not self.active:
            return
        gradient = self.gradient(encoders, mouse, iteration, batch)
        gradient = _blurred(gradient, *self.config.gradient_blur, self.box)
        if self.config.priors:
            size = torch.linalg.vector_norm(gradient, dim=(1, 2, 3))
            gradient = gradient + prior_gradient(self.movies, self.config.priors, size)[self.box]
        if self.stopping is not None:
            judged = self.left_out_losses[iteration].mean(dim=(0, 2))
            going_on = self.stopping.update(iteration, judged).tolist()
            for m in [m for m in self.active if not going_on[m]]:
                self.iterations[m] = iteration + 1
            self.active = [m for m in self.active if going_on[m]]
        self.optimiser.step(iteration, gradient, self.mask[self.box])
        self.video_correlation[iteration] = self.truth.video_correlation(self.movies)

    def gradient(self, encoders: Sequence[Encoder], mouse: int, iteration: int, batch: int) -> Tensor:
        """Gradient of every frame: mean over the windows that contain it, then over the encoders.

        Returns
        -------
        Tensor
            (M, T, H, W), before masking and clipping; 0 for movies that are finished.
        """
        plan = self._plan(iteration)
        windows = [(m, k) for m in self.active for k in range(len(plan.starts))]
        total = torch.zeros_like(self.movies)
        for instance, encoder in enumerate(encoders):
            size = max(1, batch // encoder.stack_step)
            for first in range(0, len(windows), size):
                self._add(encoder, mouse, plan, windows[first : first + size], total, (iteration, instance))
        counts = torch.tensor(plan.counts, device=total.device, dtype=total.dtype)
        return total / (counts * len(encoders))[:, None, None]

    def results(self) -> list[Reconstruction | None]:
        """One result a movie, None where it is not finite."""
        movies = self.movies if self.stopping is None else self.stopping.best
        noted = (movies, self.losses, self.norms, self.video_correlation, self.left_out_losses)
        found, losses, norms, correlation, judged = (x.cpu().numpy() for x in noted)
        results: list[Reconstruction | None] = []
        for m, count in enumerate(self.iterations):
            result = Reconstruction(
                found[m],
                losses[:count, :, m],
                norms[:count, :, m],
                correlation[:count, m],
                judged[:count, :, m].mean(axis=(1, 2)),
            )
            finite = all(np.isfinite(x).all() for x in (result.movie, result.losses, result.gradient_norm))
            results.append(result if finite else None)
        return results

    def _starts(self, offset: int) -> tuple[int, ...]:
        if self.config.tiled_windows:
            return tiled_starts(self.frames, self.window_frames, offset)
        return window_starts(self.frames, self.config.window_frames, self.config.window_stride)

    def _plan(self, iteration: int) -> WindowPlan:
        if not self.config.tiled_windows:
            return self.fixed
        # Drawn from the iteration alone: a movie's windows do not depend on what is found beside it.
        offset = np.random.default_rng([self.config.seed, iteration]).integers(self.window_frames)
        return plan_windows(self._starts(int(offset)), self.frames, self.window_frames)

    def _populations(self, targets: Sequence[Target]) -> tuple[Tensor | None, Tensor | None]:
        """Neurons (M, N) that are fitted and that judge; None where that is all, and none."""
        count = len(targets[0].responses)
        everyone = np.ones(count, dtype=bool)
        kept = np.stack([everyone if t.neurons_in_loss is None else t.neurons_in_loss for t in targets])
        device = self.movies.device
        if self.config.left_out == 0:
            return (None if kept.all() else torch.from_numpy(kept).to(device)), None
        judges = kept & left_out_neurons(count, self.config.left_out, self.config.seed)
        return torch.from_numpy(kept & ~judges).to(device), torch.from_numpy(judges).to(device)

    def _explained(self, instance: int) -> Tensor:
        """Responses (M, N, T), as `_loss` of an instance compares them."""
        return self.responses

    def _loss(self, instance: int, movies: Tensor) -> Loss:
        """What is differentiated, of an instance's responses to windows of some movies (B,)."""
        return poisson_loss

    def _add(
        self,
        encoder: Encoder,
        mouse: int,
        plan: WindowPlan,
        windows: Sequence[tuple[int, int]],
        total: Tensor,
        record: tuple[int, int],
    ) -> None:
        """Add the gradients of some windows, (movie, place in the plan), and note their losses and norms."""
        device = total.device
        movies = torch.tensor([m for m, _ in windows], device=device)
        behavior, target = (
            torch.stack([series[m, :, plan.starts[k] :][:, : self.window_frames] for m, k in windows])
            for series in (self.behavior, self._explained(record[1]))
        )  # (B, 4, T), (B, N, T)
        movie = torch.stack([self.movies[m, plan.starts[k] :][: self.window_frames] for m, k in windows])
        neurons, left_out = (None if chosen is None else chosen[movies] for chosen in (self.neurons, self.left_out))
        shown, loss_of = (movie, behavior, target), self._loss(record[1], movies)
        found = window_gradients(encoder, mouse, *shown, neurons, left_out, self.norm_offset, loss_of)
        for (m, k), gradient in zip(windows, found.gradient, strict=True):
            total[m, plan.starts[k] : plan.starts[k] + self.window_frames].add_(gradient, alpha=plan.repeats[k])
        # A window that counts twice is noted twice.
        noted = [(i, m, place) for i, (m, k) in enumerate(windows) for place in plan.places(k)]
        window, movie, place = torch.tensor(noted, device=device).unbind(dim=1)
        self.losses[record][movie, place] = found.loss[window]
        self.norms[record][movie, place] = found.norm[window]
        if found.left_out_loss is not None:
            self.left_out_losses[record][movie, place] = found.left_out_loss[window]


def _blurred(gradient: Tensor, frames: float, pixels: float, box: Box) -> Tensor:
    """What a box holds of (M, T, H, W) smoothed with a Gaussian in time and space; the movies' edges are repeated."""
    if pixels > 0:
        blur = _blur_matrix(FRAME_WIDTH, pixels, gradient)
        _, rows, columns = box
        gradient = blur[rows] @ (gradient @ blur[columns].t())
    else:
        gradient = gradient[box]
    if frames > 0:
        blur = _blur_matrix(gradient.shape[1], frames, gradient)
        gradient = (blur @ gradient.flatten(2)).view_as(gradient)
    return gradient


def _blur_matrix(length: int, sigma: float, like: Tensor) -> Tensor:
    """The Gaussian filter of an axis as a matrix: products are faster than convolutions with long kernels."""
    filtered = gaussian_filter1d(np.eye(length), sigma, axis=0, mode="nearest")
    return torch.from_numpy(filtered).to(like.device, like.dtype)
