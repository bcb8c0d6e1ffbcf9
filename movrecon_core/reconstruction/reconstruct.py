"""Movies found by gradient descent through encoders, many at once."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from tqdm.auto import trange

from movrecon_core.encoders.base import Encoder
from movrecon_core.errors import ReconstructionError
from movrecon_core.reconstruction.config import Reconstruction, ReconstructionConfig, Target
from movrecon_core.reconstruction.memory import WithinMemory
from movrecon_core.reconstruction.movies import MovieGroup
from movrecon_core.reconstruction.objective import frozen
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
    batch: int | None = None,
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
        are not changed. Computed as they are, or in the form that `ReconstructionConfig.precision` asks for.
    mouse
        Index of the readout.
    targets
        What the movies have to explain; lengths may differ.
    config
        None: the published settings.
    batch
        Most stacks in one pass through an encoder; a window counts as `stack_step` of them. None: as many as fit a
        GPU's free memory; few on a CPU, where more are not faster.
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
        If a target does not fit the encoders or the windows; the message gives its index. If one window does not fit
        the memory.
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
    forms = [encoder.frozen_form(config.precision) if config.precision else encoder for encoder in encoders]
    weight = next(forms[0].parameters())
    groups = [
        MovieGroup([targets[i] for i in indices], len(encoders), config, weight) for indices in by_length.values()
    ]
    probe = partial(groups[0].gradient, forms, mouse, 0)
    within_memory = WithinMemory(batch, weight.device, forms[0].stack_step, probe)
    order = [index for indices in by_length.values() for index in indices]

    with frozen(forms):
        for iteration in trange(config.iterations, desc="reconstruct", disable=not progress):
            for group in groups:
                within_memory.call(partial(group.step, forms, mouse, iteration))
            if on_iteration is not None:
                movies = dict(zip(order, (movie for group in groups for movie in group.movies), strict=True))
                on_iteration(iteration + 1, [movies[index] for index in range(len(targets))])
            if not any(group.active for group in groups):
                break

    results = dict(zip(order, (result for group in groups for result in group.results()), strict=True))
    finished = [results[index] for index in range(len(targets))]
    done = [result for result in finished if result is not None]
    if len(done) < len(finished):
        raise NotFiniteError(finished)
    return done


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
