"""Movies found by gradient descent through encoders, many at once."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm.auto import trange

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.inputs import CHANNELS
from movrecon_core.errors import ReconstructionError
from movrecon_core.reconstruction.config import Reconstruction, ReconstructionConfig, Target
from movrecon_core.reconstruction.objective import frozen, window_gradients
from movrecon_core.reconstruction.optimiser import MovieOptimiser
from movrecon_core.reconstruction.truth import TruthComparison
from movrecon_core.reconstruction.windows import check_window, window_starts
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH


class NotFiniteError(ReconstructionError):
    """Some movies of a call became NaN or infinite.

    Attributes
    ----------
    finished
        One entry a target: its reconstruction, or None where it failed.
    """

    def __init__(self, finished: list[Reconstruction | None]) -> None:
        self.finished = finished
        failed = ", ".join(str(i) for i, result in enumerate(finished) if result is None)
        super().__init__(
            f"target {failed}: the loss or the movie is not finite; check these responses and the encoder's weights"
        )


def reconstruct(
    encoders: Sequence[Encoder],
    mouse: int,
    targets: Sequence[Target],
    config: ReconstructionConfig | None = None,
    *,
    batch: int = 4,
    device: str | torch.device | None = None,
    on_iteration: Callable[[int, list[Tensor]], None] | None = None,
    progress: bool = False,
) -> list[Reconstruction]:
    """Find the movies that explain responses best (method page, reconstruction).

    The same targets give the same movies on one device, whatever else is reconstructed in the same call, up to the
    rounding of larger or smaller batches.

    Parameters
    ----------
    encoders
        One instance, or several, whose gradients are averaged at every step (gradient ensembling). Their weights
        are not changed. Computed in their precision.
    mouse
        Index of the readout.
    targets
        What the movies have to explain; lengths may differ.
    config
        None: the published settings.
    batch
        Stacks in one pass through an encoder; a window counts as `stack_step` of them.
    device
        Where the encoders are moved first; None: computed where they are.
    on_iteration
        Called after each iteration with the number of iterations done and the movies, one (T, 64, 64) a target;
        to be read, not kept or changed.
    progress
        Show a progress bar.

    Returns
    -------
    list of Reconstruction
        One for each target.

    Raises
    ------
    ReconstructionError
        If a target does not fit the encoders or the windows; the message gives its index.
    NotFiniteError
        After all others were finished, if a movie or its loss is NaN or infinite.
    """
    config = config or ReconstructionConfig()
    if not encoders or not targets:
        raise ReconstructionError("nothing to do: at least one encoder and one target are needed")
    for index, target in enumerate(targets):
        _check_target(index, target, encoders, mouse, config)
    if device is not None:
        for encoder in encoders:
            encoder.to(device)

    by_length: dict[int, list[int]] = defaultdict(list)
    for index, target in enumerate(targets):
        by_length[target.frames].append(index)
    weight = next(encoders[0].parameters())
    groups = [
        MovieGroup([targets[i] for i in indices], len(encoders), config, weight) for indices in by_length.values()
    ]
    order = [index for indices in by_length.values() for index in indices]

    with frozen(encoders):
        for iteration in trange(config.iterations, desc="reconstruct", disable=not progress):
            for group in groups:
                group.optimiser.step(iteration, group.gradient(encoders, mouse, iteration, batch), group.mask)
                group.video_correlation[iteration] = group.truth.video_correlation(group.movies)
            if on_iteration is not None:
                movies = dict(zip(order, (movie for group in groups for movie in group.movies), strict=True))
                on_iteration(iteration + 1, [movies[index] for index in range(len(targets))])

    results = dict(zip(order, (result for group in groups for result in group.results()), strict=True))
    finished = [results[index] for index in range(len(targets))]
    done = [result for result in finished if result is not None]
    if len(done) < len(finished):
        raise NotFiniteError(finished)
    return done


class MovieGroup:
    """Movies of one length that are optimised together."""

    def __init__(self, targets: Sequence[Target], instances: int, config: ReconstructionConfig, like: Tensor) -> None:
        def stacked(arrays: list[NDArray]) -> Tensor:
            return torch.from_numpy(np.stack(arrays)).to(like.device, like.dtype)

        frames = targets[0].frames
        self.window_frames = config.window_frames or frames
        starts = window_starts(frames, config.window_frames, config.window_stride)
        # A window that repeats another is computed once and counted twice.
        self.starts = tuple(dict.fromkeys(starts))
        self.repeats = [starts.count(start) for start in self.starts]
        self.history = [self.starts.index(start) for start in starts]
        self.windows = [(m, k) for m in range(len(targets)) for k in range(len(self.starts))]
        self.responses = stacked([t.responses for t in targets])  # (M, N, T)
        self.behavior = stacked([np.concatenate([t.behavior, t.pupil_center]) for t in targets])  # (M, 4, T)
        self.mask = stacked([t.update_mask for t in targets])[:, None]  # (M, 1, H, W)
        self.neurons = None
        if any(t.neurons_in_loss is not None for t in targets):
            everyone = np.ones(len(targets[0].responses), dtype=bool)
            kept = [everyone if t.neurons_in_loss is None else t.neurons_in_loss for t in targets]
            self.neurons = torch.from_numpy(np.stack(kept)).to(like.device)  # (M, N)
        shape = (len(targets), frames, FRAME_WIDTH, FRAME_WIDTH)
        self.movies = torch.full(shape, config.initial_grey, device=like.device, dtype=like.dtype)
        self.optimiser = MovieOptimiser(self.movies, config)
        counts = torch.zeros(frames, device=like.device, dtype=like.dtype)
        for start in starts:
            counts[start : start + self.window_frames] += 1
        # With a stride longer than a window some frames are in none, and keep their first grey.
        self.counts = counts.clamp_(min=1)[:, None, None]
        record = (config.iterations, instances, len(targets), len(self.starts))
        self.losses = torch.empty(record, device=like.device, dtype=like.dtype)
        self.norms = torch.empty_like(self.losses)
        self.truth = TruthComparison(targets, config.initial_grey, like)
        self.video_correlation = self.movies.new_empty(config.iterations, len(targets))

    def gradient(self, encoders: Sequence[Encoder], mouse: int, iteration: int, batch: int) -> Tensor:
        """Gradient of every frame: mean over the windows that contain it, then over the encoders.

        Returns
        -------
        Tensor
            (M, T, H, W), before masking and clipping.
        """
        total = torch.zeros_like(self.movies)
        for instance, encoder in enumerate(encoders):
            size = max(1, batch // encoder.stack_step)
            for first in range(0, len(self.windows), size):
                windows = self.windows[first : first + size]
                self._add_window_gradients(encoder, mouse, windows, total, (iteration, instance))
        return total / (self.counts * len(encoders))

    def _add_window_gradients(
        self,
        encoder: Encoder,
        mouse: int,
        windows: Sequence[tuple[int, int]],
        total: Tensor,
        record: tuple[int, int],
    ) -> None:
        movies = [m for m, _ in windows]
        spans = [(m, slice(self.starts[k], self.starts[k] + self.window_frames)) for m, k in windows]
        inputs = total.new_empty(len(windows), CHANNELS, self.window_frames, FRAME_WIDTH, FRAME_WIDTH)
        for i, (m, span) in enumerate(spans):
            inputs[i, 0] = self.movies[m, span]
            inputs[i, 1:] = self.behavior[m, :, span, None, None]
        target = torch.stack([self.responses[m, :, span] for m, span in spans])
        neurons = None if self.neurons is None else self.neurons[movies]
        gradients, loss, norm = window_gradients(encoder, mouse, inputs, target, neurons)
        ks = [k for _, k in windows]
        for (m, span), k, gradient in zip(spans, ks, gradients, strict=True):
            total[m, span].add_(gradient, alpha=self.repeats[k])
        self.losses[record][movies, ks] = loss
        self.norms[record][movies, ks] = norm

    def results(self) -> list[Reconstruction | None]:
        """One result a movie, None where it is not finite."""
        movies, losses, norms, correlation = (
            x.cpu().numpy() for x in (self.movies, self.losses, self.norms, self.video_correlation)
        )
        results = [
            Reconstruction(movie, losses[:, :, m, self.history], norms[:, :, m, self.history], correlation[:, m])
            for m, movie in enumerate(movies)
        ]
        return [
            result if all(np.isfinite(x).all() for x in (result.movie, result.losses, result.gradient_norm)) else None
            for result in results
        ]


def _check_target(
    index: int, target: Target, encoders: Sequence[Encoder], mouse: int, config: ReconstructionConfig
) -> None:
    frames = target.responses.shape[-1]
    for encoder in encoders:
        if not 0 <= mouse < len(encoder.neurons):
            raise ReconstructionError(f"mouse {mouse}: the encoder knows mice 0 to {len(encoder.neurons) - 1}")
        if target.responses.shape != (encoder.neurons[mouse], frames):
            raise ReconstructionError(
                f"target {index}: expected responses of {encoder.neurons[mouse]} neurons (the encoder's mouse {mouse}),"
                f" found shape {target.responses.shape}"
            )
    for name, array, shape in (
        ("behavior", target.behavior, (2, frames)),
        ("pupil_center", target.pupil_center, (2, frames)),
        ("update_mask", target.update_mask, (FRAME_WIDTH, FRAME_WIDTH)),
    ):
        if array.shape != shape:
            raise ReconstructionError(f"target {index}: expected {name} of shape {shape}, found {array.shape}")
    if not target.update_mask.any():
        raise ReconstructionError(f"target {index}: update_mask selects no pixel; lower the mask's threshold")
    if target.truth is not None and target.truth.shape != (frames, FRAME_HEIGHT, FRAME_WIDTH):
        expected = (frames, FRAME_HEIGHT, FRAME_WIDTH)
        raise ReconstructionError(f"target {index}: expected truth of shape {expected}, found {target.truth.shape}")
    kept = target.neurons_in_loss
    if kept is not None and (kept.shape != target.responses.shape[:1] or not kept.any()):
        raise ReconstructionError(f"target {index}: neurons_in_loss must be one bool a neuron, with some True")
    try:
        window_starts(frames, config.window_frames, config.window_stride)
        for encoder in encoders:
            check_window(encoder, config.window_frames or frames)
    except ReconstructionError as error:
        raise ReconstructionError(f"target {index}: {error}") from None
