"""What a run would compute, before any of it: units, hours and storage of every stage."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
import torch

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.checkpoints import build_encoder
from movrecon_core.folds import FOLDS
from movrecon_core.reconstruction import ReconstructionConfig, Target, reconstruct
from movrecon_core.reconstruction.windows import tiled_starts, window_starts
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH, Recording
from movrecon_core.stimuli.gaussian_noise import FRAMES as SYNTHETIC_FRAMES
from movrecon_core.study.conditions import Condition, Movie
from movrecon_core.study.encoder_units import other_movies
from movrecon_core.study.profile import Profile, encoder_parameters
from movrecon_core.study.study import Study

SIDE = 64
"""Rows and columns of what an encoder sees."""
STORED_STIMULI = 4
"""Responses to so many stimuli are stored with the recorded ones of a movie; one more with predicted targets."""
LONG_ENOUGH = 0.5
"""Seconds over which a step is measured."""
FIELD_MAPS = 3
"""On, Off and their difference."""


@dataclass(frozen=True)
class StageForecast:
    """One stage.

    Attributes
    ----------
    units
        Files that it stores.
    storage
        Bytes of their arrays, before compression.
    hours
        On one device like the one that was measured; None: not estimated.
    """

    stage: str
    units: int
    storage: int
    hours: float | None = None


class ExpectedStudy(Study):
    """A study whose movies need not be there: as many as its profile asks for."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons of each mouse: of the recordings, or where none are given of the profile's simulation."""
        simulation = self.profile.simulation
        return tuple(recording.neurons for recording in self.recordings) or (simulation.neurons,) * simulation.mice

    @property
    def trials(self) -> int:
        """Of all mice."""
        simulation = self.profile.simulation
        return sum(len(recording.trials) for recording in self.recordings) or simulation.mice * simulation.trials

    @property
    def reconstructed_mice(self) -> tuple[int, ...]:
        if self.recordings:
            return super().reconstructed_mice
        return tuple(range(len(self.profile.reconstructed_mice or self.sizes)))

    def reconstructed_trials(self, mouse: int) -> tuple[int, ...]:
        """So many; a fold or tier that holds fewer gives fewer."""
        return tuple(range(self.profile.trials_per_mouse))

    def frames(self, movie: Movie) -> int:
        return self.profile.simulation.frames if isinstance(movie, int) else SYNTHETIC_FRAMES

    def found(self, condition: Condition) -> int:
        """Movies that are stored of one that is wanted."""
        return 1 if condition.gradients == "ensemble" else self.profile.instances


def forecast(
    profile: Profile, out: Path, recordings: Sequence[Recording] = (), device: str | torch.device = "cpu"
) -> list[StageForecast]:
    """Count a run's units and estimate its hours and storage; nothing is written.

    Seconds are measured now, on an encoder of the profile's size with random weights: a step of a reconstruction, and
    forward and backward passes of a training batch. Training movies are taken to be six sevenths of all.

    Parameters
    ----------
    profile
        Sizes and parameters.
    out
        Folder of the results.
    recordings
        The mice; none: as many, with as many neurons, trials and frames, as the profile's simulation has.
    device
        Of the encoders.

    Raises
    ------
    ProfileError
        If the profile names a mouse that is not among the recordings.
    """
    study = ExpectedStudy(out, profile, tuple(recordings), profile.held_out)
    encoder = build_encoder(profile.encoder.architecture, encoder_parameters(profile.encoder, study.sizes)).to(device)
    hours = {
        "reconstructions": _iterated_frames_of_all(study) * _seconds_per_frame(encoder, profile, device) / 3600,
        "encoders": profile.instances * profile.training.steps * _seconds_per_step(encoder, profile) / 3600,
    }
    storage = stored_bytes(study, encoder)
    counts = unit_counts(study)
    return [StageForecast(stage, count, storage.get(stage, 0), hours.get(stage)) for stage, count in counts.items()]


def unit_counts(study: ExpectedStudy) -> dict[str, int]:
    """Units of every stage, as `movrecon status` counts them."""
    profile, mice, reconstructed = study.profile, len(study.sizes), len(study.reconstructed_mice)
    planned, compared = len(profile.planning.ceilings), profile.comparison is not None
    return {
        "recordings": mice,
        "encoders": profile.instances + compared + planned,
        "evaluations": mice,
        "masks": reconstructed,
        "receptive_fields": reconstructed,
        "reconstructions": sum(study.found(condition) for _, _, condition in study.wanted()),
        "responses": len(list(study.movies())),
        "qualities": mice,
        "other_reconstructions": len(list(other_movies(study))),
        "physiology": reconstructed,
        "planning": planned + (planned > 0),
    }


def stored_bytes(study: ExpectedStudy, encoder: Encoder) -> dict[str, int]:
    """Bytes of what takes room."""
    profile, frames, single = study.profile, study.profile.simulation.frames, np.dtype(np.float32).itemsize
    screen, everyone = FRAME_HEIGHT * FRAME_WIDTH, sum(study.sizes)
    neurons = sum(study.sizes[mouse] for mouse in study.reconstructed_mice)
    found = sum(study.found(condition) * study.frames(movie) for _, movie, condition in study.wanted())
    weights = sum(value.numel() * value.element_size() for value in encoder.state_dict().values())
    cached = np.dtype(np.float16 if profile.training.cache == "half" else np.float32).itemsize
    kept = study.trials * (FOLDS - 1) // FOLDS * frames  # of training movies, in whole grey levels
    given = bool(study.recordings or profile.reconstructed_mice)
    stimuli = 1 + STORED_STIMULI + profile.from_predicted
    return {
        # A simulated one also holds noise-free responses. Others lie elsewhere.
        "recordings": 0 if given else study.trials * frames * single * (screen + 2 * study.sizes[0]),
        "encoders": profile.instances * weights + kept * (screen + everyone // len(study.sizes) * cached),
        "masks": len(study.reconstructed_mice) * SIDE**2 * single,
        "receptive_fields": FIELD_MAPS * screen * neurons * single,
        "reconstructions": found * SIDE**2 * single,
        "responses": profile.trials_per_mouse * stimuli * neurons * frames * single,
    }


def report(stages: Sequence[StageForecast], out: Path, device: torch.device) -> str:
    """A forecast in words: a table, what it rests on, and the room that there is."""
    lines = [f"{'stage':<24}{'units':>9}{'hours':>12}{'GB':>10}"]
    for stage in [*stages, _total(stages)]:
        hours = "–" if stage.hours is None else f"{stage.hours:.3g}"
        lines.append(f"{stage.stage.replace('_', ' '):<24}{stage.units:>9}{hours:>12}{stage.storage / 1e9:>10.3g}")
    there = next(folder for folder in [out, *out.parents] if folder.exists())
    free = psutil.disk_usage(str(there)).free
    lines.append("GB: before compression, which makes movies smaller")
    lines.append(f"hours: on one device like the one here ({device}), from a step measured just now; –: not estimated")
    lines.append(f"free where {out} will be: {free / 1e9:.3g} GB")
    if free < _total(stages).storage:
        lines[-1] += ", too little"
    lines.append("Nothing was computed or written; the same command without --dry-run begins.")
    return "\n".join(lines)


def _total(stages: Sequence[StageForecast]) -> StageForecast:
    hours = sum(stage.hours for stage in stages if stage.hours is not None)
    return StageForecast("in all", sum(s.units for s in stages), sum(s.storage for s in stages), hours)


def _iterated_frames_of_all(study: ExpectedStudy) -> int:
    """Frames that encoders see while all movies are found."""
    config, instances = study.profile.reconstruction, study.profile.instances
    return instances * sum(iterated_frames(config, study.frames(movie)) for _, movie, _ in study.wanted())


def iterated_frames(config: ReconstructionConfig, frames: int) -> int:
    """Frames that one encoder sees while a movie is found; none of the iterations is saved by stopping early."""
    window = min(config.window_frames or frames, frames)
    if config.tiled_windows:
        return config.iterations * window * len(tiled_starts(frames, window, 0))
    return config.iterations * window * len(set(window_starts(frames, window, config.window_stride)))


def _seconds_per_frame(encoder: Encoder, profile: Profile, device: str | torch.device) -> float:
    """Of an iteration: one window on the CPU, a batch of whole movies on a GPU, which a window does not fill."""
    config, filled = profile.reconstruction, torch.device(device).type != "cpu"
    frames = profile.simulation.frames if filled or config.window_frames is None else config.window_frames
    count = profile.batch_trials if filled else 1
    still = np.zeros((2, frames), dtype=np.float32)
    responses = np.ones((encoder.neurons[0], frames), dtype=np.float32)
    targets = [Target(responses, still, still, np.ones((SIDE, SIDE), dtype=bool))] * count

    def find(iterations: int) -> None:
        settings = replace(config, iterations=iterations, left_out=0.0)
        reconstruct([encoder], 0, targets, settings, device=device)

    return _seconds(find) / (count * iterated_frames(replace(config, iterations=1), frames))


def _seconds_per_step(encoder: Encoder, profile: Profile) -> float:
    """Of training: forward and backward; on the CPU one segment stands for the batch."""
    config, weight = profile.training, next(encoder.parameters())
    count = 1 if weight.device.type == "cpu" else config.batch
    stack = encoder.stack_frames or config.segment_frames or profile.simulation.frames
    inputs = torch.zeros(count, 5, stack, SIDE, SIDE, device=weight.device)
    encoder.train().requires_grad_(True)

    def learn(steps: int) -> None:
        for _ in range(steps):
            with torch.autocast(weight.device.type, torch.bfloat16, enabled=config.mixed_precision):
                loss = encoder.respond({0: inputs})[0].sum()
            loss.backward()
            loss.detach().item()  # waits for the device

    return _seconds(learn) * config.batch / count


def _seconds(work: Callable[[int], None]) -> float:
    """Of one more repetition, beside what begins and ends it."""
    work(1)
    once, count = _timed(work, 1), 2
    while (more := _timed(work, count) - once) < LONG_ENOUGH:
        count *= 4
    return more / (count - 1)


def _timed(work: Callable[[int], None], count: int) -> float:
    started = time.monotonic()
    work(count)
    return time.monotonic() - started
