"""Movies found by gradient descent through encoders, many at once."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor
from tqdm.auto import trange

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.precision import Precision, used_precision
from movrecon_core.errors import ReconstructionError
from movrecon_core.reconstruction.config import Reconstruction, ReconstructionConfig, Target
from movrecon_core.reconstruction.guided import GuidedGroup
from movrecon_core.reconstruction.memory import WithinMemory, cpu_stacks
from movrecon_core.reconstruction.movies import MovieGroup
from movrecon_core.reconstruction.objective import frozen
from movrecon_core.reconstruction.windows import check_window, window_starts
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH


class UnfinishedError(ReconstructionError):
    """Some movies of a call were not found; the others were.

    Attributes
    ----------
    finished
        One entry a target: its reconstruction, or None where it failed.
    """

    def __init__(self, finished: list[Reconstruction | None], reasons: Mapping[int, str]) -> None:
        self.finished = finished
        super().__init__("; ".join(reasons[index] for index in sorted(reasons)))


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
        Called after each iteration with the number of iterations done and the movies, one (T, 64, 64) a target that
        is sound; to be read, not kept or changed.
    progress
        Show a progress bar.

    Returns
    -------
    list of Reconstruction
        One for each target.

    Raises
    ------
    ReconstructionError
        If there is nothing to do, the encoders do not know the mouse, or one window does not fit the memory.
    UnfinishedError
        After all others were finished, if a target does not fit the encoders or the windows, or a movie or its loss
        became NaN or infinite; the message gives the target's index, what was expected, and what to change.
    """
    config = config or ReconstructionConfig()
    if not encoders or not targets:
        raise ReconstructionError("nothing to do: at least one encoder and one target are needed")
    for encoder in encoders:
        if not 0 <= mouse < len(encoder.neurons):
            raise ReconstructionError(f"mouse {mouse}: the encoder knows mice 0 to {len(encoder.neurons) - 1}")
    problems = _problems(targets, encoders, mouse, config)
    sound = [index for index in range(len(targets)) if index not in problems]
    if not sound:
        raise UnfinishedError([None] * len(targets), problems)
    if device is not None:
        for encoder in encoders:
            encoder.to(device)

    by_length: dict[int, list[int]] = defaultdict(list)
    for index in sound:
        by_length[targets[index].frames].append(index)
    forms = [_form(encoder, config.precision) for encoder in encoders]
    weight = next(forms[0].parameters())
    kind = MovieGroup if config.decoder is None else GuidedGroup
    groups = [kind([targets[i] for i in indices], len(encoders), config, weight) for indices in by_length.values()]
    probe = partial(groups[0].gradient, forms, mouse, 0)
    if batch is None and weight.device.type != "cuda":
        batch = cpu_stacks(forms[0], config.window_frames or max(by_length))
    within_memory = WithinMemory(batch, weight.device, forms[0].stack_step, probe)
    order = [index for indices in by_length.values() for index in indices]

    with frozen(forms):
        for iteration in trange(config.iterations, desc="reconstruct", disable=not progress):
            for group in groups:
                within_memory.call(partial(group.step, forms, mouse, iteration))
            if on_iteration is not None:
                movies = dict(zip(order, (movie for group in groups for movie in group.movies), strict=True))
                on_iteration(iteration + 1, [movies[index] for index in sound])
            if not any(group.active for group in groups):
                break

    results = dict(zip(order, (result for group in groups for result in group.results()), strict=True))
    for index in [index for index in sound if results[index] is None]:
        problems[index] = (
            f"target {index}: the loss or the movie is not finite; check these responses and the encoder's weights"
        )
    finished = [results.get(index) for index in range(len(targets))]
    done = [result for result in finished if result is not None]
    if problems:
        raise UnfinishedError(finished, problems)
    return done


def _form(encoder: Encoder, precision: Precision | None) -> Encoder:
    """What is inverted in place of an encoder."""
    if precision is None:
        return encoder
    return encoder.frozen_form(used_precision(precision, next(encoder.parameters()).device))


def _problems(
    targets: Sequence[Target], encoders: Sequence[Encoder], mouse: int, config: ReconstructionConfig
) -> dict[int, str]:
    """What is wrong with some targets, by index."""
    found = {}
    for index, target in enumerate(targets):
        try:
            _check_target(target, encoders, mouse, config)
        except ReconstructionError as error:
            found[index] = f"target {index}: {error}"
    return found


def _check_target(target: Target, encoders: Sequence[Encoder], mouse: int, config: ReconstructionConfig) -> None:
    frames = target.responses.shape[-1]
    for encoder in encoders:
        if target.responses.shape != (encoder.neurons[mouse], frames):
            raise ReconstructionError(
                f"expected responses of {encoder.neurons[mouse]} neurons (the encoder's mouse {mouse}), "
                f"found shape {target.responses.shape}"
            )
    for name, array, shape in (
        ("behavior", target.behavior, (2, frames)),
        ("pupil_center", target.pupil_center, (2, frames)),
        ("update_mask", target.update_mask, (FRAME_WIDTH, FRAME_WIDTH)),
    ):
        if array.shape != shape:
            raise ReconstructionError(f"expected {name} of shape {shape}, found {array.shape}")
    if not target.update_mask.any():
        raise ReconstructionError("update_mask selects no pixel; lower the mask's threshold")
    if target.truth is not None and target.truth.shape != (frames, FRAME_HEIGHT, FRAME_WIDTH):
        expected = (frames, FRAME_HEIGHT, FRAME_WIDTH)
        raise ReconstructionError(f"expected truth of shape {expected}, found {target.truth.shape}")
    if config.decoder is not None:
        guide = target.guide
        if guide is None or guide.start.shape != (frames, FRAME_HEIGHT, FRAME_WIDTH):
            raise ReconstructionError(
                f"expected a guide that starts with ({frames}, 36, 64), as a decoder is asked for"
            )
        if len(guide.misfits) != len(encoders):
            raise ReconstructionError(f"expected misfits of {len(encoders)} encoders, found {len(guide.misfits)}")
    kept = target.neurons_in_loss
    if kept is not None and (kept.shape != target.responses.shape[:1] or not kept.any()):
        raise ReconstructionError("neurons_in_loss must be one bool a neuron, with some True")
    window_starts(frames, config.window_frames, config.window_stride)
    for encoder in encoders:
        check_window(encoder, config.window_frames or frames)
