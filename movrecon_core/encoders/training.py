"""Training an encoder on the recordings of several mice together (method page, DwiseNeuro: training)."""

import copy
import errno
import json
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.checkpoints import build_encoder, require_sound_zip, save_checkpoint
from movrecon_core.encoders.loss import poisson_terms
from movrecon_core.encoders.precision import mixed_precision
from movrecon_core.encoders.segments import SegmentReader, cutmix
from movrecon_core.encoders.statistics import ResponseStatistics, response_statistics
from movrecon_core.encoders.training_state import StateWriter
from movrecon_core.errors import CheckpointError, RecordingError
from movrecon_core.progress import Progress
from movrecon_core.recordings import Recording
from movrecon_core.recordings.cache import Precision, TrialCache, cached_trials
from movrecon_core.storage.files import write_json

THREADS = 4
"""That draw coming batches while a GPU computes."""


@dataclass(frozen=True)
class TrainingConfig:
    """How an encoder is trained; the defaults are the published model's (method page, DwiseNeuro: training).

    Attributes
    ----------
    batch
        Segments in one step.
    mice_per_batch
        Mice that share a batch; None: all.
    segment_frames
        Frames of a segment, for encoders that take any length; the others get their stack.
    skipped_frames
        First frames of a segment that are left out of the loss, for encoders that look back.
    segments_per_epoch
        Over all mice, drawn evenly.
    learning_rate
        For a batch of 4; scaled with the batch.
    final_rate
        Share of the learning rate that is left at the end.
    weight_decay, decayed
        Of the optimiser, and of which parameters: all, or neither biases, norms nor places.
    cutmix_probability, cutmix_alpha
        Of mixing a segment, and of the beta distribution of the area that stays.
    ema_decay
        Of the running mean of the weights, which is what is kept.
    clip_norm
        Largest norm of the gradient; None: unlimited.
    cache
        How precisely training trials are kept; see `movrecon_core.recordings.cache`.
    """

    batch: int = 24  # article, encoding model: 24
    mice_per_batch: int | None = None
    segment_frames: int | None = None
    skipped_frames: int = 0
    segments_per_epoch: int = 72_000
    warm_up_epochs: float = 3
    cosine_epochs: float = 18
    learning_rate: float = 3e-4
    final_rate: float = 0.01
    weight_decay: float = 0.05
    decayed: Literal["all", "kernels"] = "all"  # scripts: all
    cutmix_probability: float = 0.5
    cutmix_alpha: float = 1.0
    ema_decay: float = 0.999
    clip_norm: float | None = None
    mixed_precision: bool = True
    cache: Precision = "exact"

    @property
    def steps_per_epoch(self) -> int:
        return max(1, self.segments_per_epoch // self.batch)

    @property
    def steps(self) -> int:
        return max(1, round(self.steps_per_epoch * (self.warm_up_epochs + self.cosine_epochs)))

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0: linear warm-up, then a cosine."""
        warm_up = self.steps_per_epoch * self.warm_up_epochs
        peak = self.learning_rate * self.batch / 4
        if step < warm_up:
            return peak * (step + 1) / warm_up
        done = (step - warm_up) / max(self.steps - warm_up, 1)
        return peak * (self.final_rate + (1 - self.final_rate) * 0.5 * (1 + math.cos(math.pi * done)))


def train_encoder(
    recordings: Sequence[Recording],
    training: Sequence[Sequence[int]],
    architecture: str,
    parameters: Mapping[str, Any],
    config: TrainingConfig,
    seed: int,
    checkpoint: Path,
    device: str | torch.device = "cpu",
    save_seconds: float = 60.0,
) -> Encoder:
    """Train one instance, write its checkpoint, and beside it what happened (`<checkpoint>.history.json`).

    The training trials are read from compact copies below ``cache`` beside the checkpoint, which are made where they
    are missing. A run that was stopped goes on from `<checkpoint>.partial` and ends with the weights of an undisturbed
    one: each step draws its random numbers from the seed and its own number.

    Parameters
    ----------
    recordings
        One a mouse, in the order of the encoder's readouts.
    training
        Trial numbers of each mouse; no other trial is read.
    architecture, parameters
        As for `build_encoder`.
    save_seconds
        How often the state is written.

    Raises
    ------
    RecordingError
        If a training trial cannot be read, or is shorter than a segment.
    CheckpointError
        If the loss is not finite.
    StoreError
        If a file cannot be written.
    """
    torch.manual_seed(seed)
    encoder = build_encoder(architecture, parameters)
    readers = []
    for mouse, (recording, trials) in enumerate(zip(recordings, training, strict=True)):
        if not trials:
            raise RecordingError(f"{recording.path}: no training trials")
        cache = cached_trials(recording, trials, checkpoint.parent / "cache", config.cache)
        encoder.initialise(mouse, partial(_statistics, cache))
        frames = encoder.stack_frames or config.segment_frames or min(cache.lengths.values())
        readers.append(SegmentReader(cache, frames, encoder.stack_step))
    encoder.to(device)

    run = _Run(encoder, config, seed)
    make = partial(_batch, readers, config, seed, pinned=torch.device(device).type == "cuda")
    definition = {"architecture": architecture, "parameters": parameters, "config": asdict(config), "seed": seed}
    state = checkpoint.with_name(f"{checkpoint.name}.partial")
    run.resume(state, definition)
    saved = time.monotonic()
    with (
        Progress(config.steps, f"training {checkpoint.stem}", "step", run.step) as progress,
        StateWriter(state) as writer,
    ):
        for batch in _ahead(make, range(run.step, config.steps), 0 if torch.device(device).type == "cpu" else THREADS):
            run.train_step(batch)
            progress.step()
            if run.step % config.steps_per_epoch == 0 or run.step == config.steps:
                run.note_epoch()
            if time.monotonic() - saved > save_seconds:
                writer.write(run.state(definition))
                saved = time.monotonic()

    trained: Encoder = run.average.module.eval()  # type: ignore[assignment]
    write_json(checkpoint.with_suffix(".history.json"), run.history)
    save_checkpoint(checkpoint, trained, {"mice": [recording.name for recording in recordings]})
    state.unlink(missing_ok=True)
    return trained


class _Run:
    """Everything that changes while an encoder learns."""

    def __init__(self, encoder: Encoder, config: TrainingConfig, seed: int) -> None:
        self.encoder, self.config, self.seed = encoder.train(), config, seed
        kernels: list[torch.nn.Parameter] = []
        others: list[torch.nn.Parameter] = []
        for name, weights in encoder.named_parameters():
            kernel = config.decayed == "all" or (name.endswith("weight") and weights.ndim > 1)
            (kernels if kernel else others).append(weights)
        groups = [{"params": kernels, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW([g for g in groups if g["params"]], lr=config.learning_rate)
        self.average = AveragedModel(encoder, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay), use_buffers=True)
        self._parts: dict[str, Any] = {"encoder": encoder, "average": self.average, "optimiser": self.optimiser}
        self.step = 0
        self.history: list[dict[str, Any]] = []
        self._started = time.monotonic()
        self._losses: list[Tensor] = []

    def train_step(self, batch: "_Batch") -> None:
        """One step; its random numbers follow from the seed and the step alone."""
        torch.manual_seed(batch.seed)
        device = next(self.encoder.parameters()).device
        inputs, responses = (
            {mouse: x.to(device, non_blocking=True) for mouse, x in given.items()}
            for given in (batch.inputs, batch.responses)
        )
        with mixed_precision(self.config.mixed_precision, device):
            predicted = self.encoder.respond(inputs)
        # Summed over neurons and frames, averaged over the batch.
        loss = torch.stack([self._poisson(predicted[mouse], responses[mouse]) for mouse in inputs]).sum()
        loss = loss / self.config.batch
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if self.config.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.encoder.parameters(), self.config.clip_norm)
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.rate(self.step)
        self.optimiser.step()
        self.average.update_parameters(self.encoder)
        self.step += 1
        self._losses.append(loss.detach())

    def _poisson(self, predicted: Tensor, recorded: Tensor) -> Tensor:
        predicted, recorded = (x.float()[..., self.config.skipped_frames :] for x in (predicted, recorded))
        return poisson_terms(predicted, recorded).sum()

    def note_epoch(self) -> None:
        """Write down the mean loss since the last note.

        Raises
        ------
        CheckpointError
            If it is not finite.
        """
        loss = float(torch.stack(self._losses).mean())
        self._losses = []
        if not math.isfinite(loss):
            raise CheckpointError(f"training: the loss is not finite after step {self.step}; lower learning_rate")
        seconds = time.monotonic() - self._started
        self.history.append(
            {"step": self.step, "epoch": self.step / self.config.steps_per_epoch, "loss": loss, "seconds": seconds}
        )

    def state(self, definition: Mapping[str, Any]) -> dict[str, Any]:
        """All that `resume` needs."""
        return {
            "definition": json.dumps(definition, sort_keys=True, default=list),
            "step": self.step,
            "seconds": time.monotonic() - self._started,
            "history": self.history,
            "losses": self._losses,
            **{name: part.state_dict() for name, part in self._parts.items()},
        }

    def resume(self, path: Path, definition: Mapping[str, Any]) -> None:
        """Go on from a saved state; one that is damaged or of another definition is ignored."""
        untouched = copy.deepcopy([part.state_dict() for part in self._parts.values()])
        try:
            require_sound_zip(path)
            state = torch.load(path, map_location="cpu", weights_only=True)
            if state["definition"] != json.dumps(definition, sort_keys=True, default=list):
                return
            step, history, losses = int(state["step"]), list(state["history"]), list(state["losses"])
            started = self._started - float(state["seconds"])
            for name, part in self._parts.items():
                part.load_state_dict(state[name])
        except FileNotFoundError:
            return
        except Exception as error:  # torch.load raises anything on a damaged file
            if _is_of_this_moment(error):
                raise
            for part, before in zip(self._parts.values(), untouched, strict=True):
                part.load_state_dict(before)
            path.unlink(missing_ok=True)
            return
        self.step, self.history, self._losses, self._started = step, history, losses, started


def _is_of_this_moment(error: Exception) -> bool:
    """Whether a file may be sound that could not be read: memory lacked, or the disk did not answer."""
    passing = {errno.EIO, errno.ESTALE, errno.ENOMEM, errno.EACCES}
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or getattr(error, "errno", None) in passing


@dataclass(frozen=True)
class _Batch:
    """What one step needs: the seed of its dropout, inputs and responses of each mouse."""

    seed: int
    inputs: dict[int, Tensor]
    responses: dict[int, Tensor]


def _batch(
    readers: Sequence[SegmentReader], config: TrainingConfig, seed: int, step: int, pinned: bool = False
) -> _Batch:
    """Draw the batch of a step, in memory that a GPU can read by itself where it is pinned."""
    random = np.random.default_rng([seed, step])
    dropout_seed = int(random.integers(2**62))
    inputs, responses = {}, {}
    for mouse, count in _mice(len(readers), config, random):
        drawn = readers[mouse].draw(count, random)
        partner = partial(readers[mouse].draw, 1, random)
        cutmix(*drawn, partner, random, config.cutmix_probability, config.cutmix_alpha)
        inputs[mouse], responses[mouse] = (x.pin_memory() if pinned else x for x in drawn)
    return _Batch(dropout_seed, inputs, responses)


def _mice(mice: int, config: TrainingConfig, random: np.random.Generator) -> Iterable[tuple[int, int]]:
    """Which mice take part in a step, and with how many segments each."""
    chosen = random.permutation(mice)[: config.mice_per_batch]
    counts = np.full(len(chosen), config.batch // len(chosen))
    counts[: config.batch % len(chosen)] += 1
    return [(int(mouse), int(count)) for mouse, count in zip(chosen, counts, strict=True) if count]


def _ahead(make: Callable[[int], _Batch], steps: range, threads: int) -> Iterator[_Batch]:
    """Batches of some steps in order, made ahead by threads while the device computes."""
    if not threads:
        yield from map(make, steps)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[_Batch]] = deque()
        try:
            for step in steps:
                waiting.append(pool.submit(make, step))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _statistics(cache: TrialCache) -> ResponseStatistics:
    return response_statistics(cache.trials())
