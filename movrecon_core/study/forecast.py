"""What a study would take, before anything is computed: units, hours on this device, storage."""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.checkpoints import build_encoder
from movrecon_core.encoders.inputs import CHANNELS
from movrecon_core.encoders.training import TrainingConfig
from movrecon_core.reconstruction import ReconstructionConfig, Target, reconstruct
from movrecon_core.reconstruction.objective import poisson_loss
from movrecon_core.reconstruction.windows import window_starts
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH, Recording
from movrecon_core.stimuli import GratingStimulus, NoiseStimulus, gaussian_noise, gratings
from movrecon_core.study.conditions import Movie
from movrecon_core.study.profile import Profile, encoder_parameters
from movrecon_core.study.stages.masks import SEGMENT_FRAMES
from movrecon_core.study.study import Study

_FLOAT_BYTES = 4
_CACHED_BYTES = {"exact": 4, "half": 2}
"""Of a response in the training's copy of a recording, where a pixel is one byte."""

_SYNTHETIC_FRAMES: dict[type, int] = {NoiseStimulus: gaussian_noise.FRAMES, GratingStimulus: gratings.FRAMES}


@dataclass(frozen=True)
class StageForecast:
    """One stage.

    Attributes
    ----------
    units
        Files that it stores.
    hours
        With one worker on the device; None: not estimated, little beside the others.
    gigabytes
        Of its files, before they are compressed.
    """

    name: str
    units: int
    hours: float | None
    gigabytes: float


def forecast(profile: Profile, recordings: Sequence[Recording], device: torch.device) -> list[StageForecast]:
    """Count a study's units, and time an untrained encoder's training step and a reconstruction's iteration.

    Planning and the comparison of encoders are left out.

    Parameters
    ----------
    profile
        Sizes and parameters.
    recordings
        The mice; none: as many, and as large, as the profile's simulation.
    device
        On which the two are timed.
    """
    mice = len(recordings) or profile.simulation.mice
    simulated = [profile.simulation.of_mouse(mouse) for mouse in range(mice)]
    trials = sum(len(mouse.trials) for mouse in recordings) or sum(mouse.trials for mouse in simulated)
    sizes = [mouse.neurons for mouse in recordings or simulated]
    neurons = round(float(np.mean(sizes)))
    study = _Expected(Path(), profile, tuple(recordings), profile.held_out)
    judged, movies = len(study.reconstructed_mice), list(study.movies())

    encoder = build_encoder(profile.encoder.architecture, encoder_parameters(profile.encoder, (neurons,))).to(device)
    config = profile.reconstruction
    frame_seconds = _seconds_of_a_frame(encoder, config, device)
    segment_seconds = _seconds_of_a_segment(encoder, profile.training, device)
    wanted = [
        (1 if condition.gradients == "ensemble" else profile.instances, study.frames(mouse, movie))
        for mouse, movie, condition in study.wanted()
    ]
    seen = sum(_frames_seen(config, frames) for _, frames in wanted) * profile.instances * config.iterations
    segments = profile.training.steps * profile.training.batch * profile.instances
    mask_frames = judged * profile.mask.iterations * SEGMENT_FRAMES

    movie_frames = float(np.mean([mouse.frames for mouse in simulated]))
    a_trial = movie_frames * (FRAME_HEIGHT * FRAME_WIDTH + neurons * _CACHED_BYTES[profile.training.cache])
    readout = sum(w.numel() for name, w in encoder.named_parameters() if name.startswith("readouts"))
    weights = sum(w.numel() for w in encoder.parameters()) + (mice - 1) * readout
    found_pixels = sum(count * frames for count, frames in wanted) * FRAME_WIDTH**2
    shown = 6 if profile.from_predicted else 5  # responses: recorded, and to each shown movie
    responses = shown * sum(sizes[mouse] * study.frames(mouse, trial) for mouse, trial in movies)
    rows: list[tuple[str, int, float | None, float]] = [
        ("training's copy", mice, None, trials * a_trial),
        ("encoders", profile.instances, segments * segment_seconds, profile.instances * weights * _FLOAT_BYTES),
        ("masks", judged, mask_frames * frame_seconds, judged * FRAME_WIDTH**2 * _FLOAT_BYTES),
        ("receptive fields", judged, None, judged * 3 * FRAME_HEIGHT * FRAME_WIDTH * neurons * _FLOAT_BYTES),
        ("reconstructions", sum(count for count, _ in wanted), seen * frame_seconds, found_pixels * _FLOAT_BYTES),
        ("responses", len(movies), None, responses * _FLOAT_BYTES),
    ]
    return [
        StageForecast(name, units, None if seconds is None else seconds / 3600, size / 1e9)
        for name, units, seconds, size in rows
    ]


def forecast_report(stages: Sequence[StageForecast], device: torch.device) -> str:
    """A forecast in words: a table and its sum."""
    lines = [f"{'stage':<20}{'units':>10}{'hours':>12}{'GB':>10}"]
    for stage in stages:
        hours = "" if stage.hours is None else f"{stage.hours:.2f}"
        lines.append(f"{stage.name:<20}{stage.units:>10}{hours:>12}{stage.gigabytes:>10.2f}")
    total = sum(stage.hours or 0 for stage in stages)
    lines.append(f"{'all':<20}{'':>10}{total:>12.2f}{sum(stage.gigabytes for stage in stages):>10.2f}")
    lines.append(
        f"Hours of one worker on this computer's {device.type}, from one timed training step and one iteration of an "
        "untrained encoder; stages without hours, figures and book are not counted. Nothing was computed or written."
    )
    return "\n".join(lines)


@dataclass(frozen=True)
class _Expected(Study):
    """A study before its recordings were read: as many held-out movies as the profile reconstructs."""

    @cached_property
    def reconstructed_mice(self) -> tuple[int, ...]:
        if self.recordings:
            return super().reconstructed_mice
        named = self.profile.reconstructed_mice
        return tuple(range(self.profile.simulation.mice if named is None else len(named)))

    def reconstructed_trials(self, mouse: int) -> tuple[int, ...]:
        return tuple(range(self.profile.trials_per_mouse))

    def frames(self, mouse: int, movie: Movie) -> int:
        return _SYNTHETIC_FRAMES.get(type(movie), self.profile.simulation.of_mouse(mouse).frames)


def _frames_seen(config: ReconstructionConfig, frames: int) -> int:
    """Frames that an encoder sees in one iteration."""
    if config.window_frames is None:
        return frames
    count = (
        -(-frames // config.window_frames) + 1
        if config.tiled_windows
        else len(window_starts(frames, config.window_frames, config.window_stride))
    )
    return count * config.window_frames


def _seconds_of_a_frame(encoder: Encoder, config: ReconstructionConfig, device: torch.device) -> float:
    """One iteration's cost of a frame: of one window on a CPU, of many at once on a GPU."""
    window = config.window_frames or 2 * SEGMENT_FRAMES
    frames = window if device.type == "cpu" else 5 * window
    neurons = encoder.neurons[0]
    still = np.zeros((2, frames), np.float32)
    target = Target(np.ones((neurons, frames), np.float32), still, still, np.ones((FRAME_WIDTH, FRAME_WIDTH), bool))

    def seconds(iterations: int) -> float:
        short = ReconstructionConfig(
            iterations=iterations,
            window_frames=config.window_frames,
            window_stride=config.window_stride,
            precision=config.precision,
        )
        return _seconds(lambda: reconstruct([encoder], 0, [target], short, device=device), device)

    seconds(1)  # what is done once
    return max(seconds(4) - seconds(1), 0.0) / 3 / _frames_seen(config, frames)


def _seconds_of_a_segment(encoder: Encoder, config: TrainingConfig, device: torch.device) -> float:
    """A training step's cost of one segment, forward and backward."""
    frames = encoder.stack_frames or config.segment_frames or 2 * SEGMENT_FRAMES
    inputs = torch.rand(2, CHANNELS, frames, FRAME_WIDTH, FRAME_WIDTH, device=device)
    encoder.train()

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16) if config.mixed_precision else nullcontext():
            predicted = encoder(inputs, 0)
        poisson_loss(predicted.float(), torch.ones_like(predicted, dtype=torch.float32)).sum().backward()

    step()
    seconds = _seconds(step, device) / len(inputs)
    encoder.zero_grad(set_to_none=True)
    encoder.eval()
    return seconds


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started
