"""The size of a study before anything is computed: its units, and what a frame and a segment take on a device."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.checkpoints import build_encoder
from movrecon_core.encoders.inputs import CHANNELS
from movrecon_core.encoders.precision import mixed_precision
from movrecon_core.reconstruction import ReconstructionConfig, Target, reconstruct
from movrecon_core.reconstruction.objective import poisson_loss
from movrecon_core.recordings import FRAME_WIDTH, Recording
from movrecon_core.recordings.folds import FOLDS
from movrecon_core.simulation import SimulationConfig
from movrecon_core.study.conditions import Movie
from movrecon_core.study.growth import frames_of, frames_seen
from movrecon_core.study.profile import Profile, encoder_parameters
from movrecon_core.study.study import Study
from movrecon_core.study.trials import Trials

FLOAT_BYTES = 4
FRAMES = 64
"""Length of what is timed, where nothing else decides it."""


class Estimate(NamedTuple):
    """What all units of a stage take with one worker; None: not estimated, little beside the others."""

    seconds: float | None
    bytes: float | None


NOTHING = Estimate(None, None)


@dataclass(frozen=True)
class Scale:
    """A profile, some recordings and a device.

    Attributes
    ----------
    profile
        Sizes and parameters.
    recordings
        The mice; none: as many, and as large, as the profile's simulation.
    device
        On which an untrained encoder is timed.
    """

    profile: Profile
    recordings: tuple[Recording, ...]
    device: torch.device

    @cached_property
    def study(self) -> Study:
        """What is asked for, with as many held-out movies as are reconstructed."""
        return _Expected(Path(), self.profile, self.recordings, self.profile.held_out)

    @property
    def mice(self) -> int:
        return len(self.recordings) or self.profile.simulation.mice

    @cached_property
    def simulated(self) -> list[SimulationConfig]:
        """Of each mouse, which recordings are taken to be like where nothing else is known of them."""
        return [self.profile.simulation.of_mouse(mouse) for mouse in range(self.mice)]

    @property
    def trials(self) -> int:
        """Of all mice."""
        return sum(len(mouse.trials) for mouse in self.recordings) or sum(mouse.trials for mouse in self.simulated)

    @cached_property
    def sizes(self) -> list[int]:
        """Neurons of each mouse."""
        return [mouse.neurons for mouse in self.recordings or self.simulated]

    @property
    def neurons(self) -> int:
        """Of a mouse, on average."""
        return round(float(np.mean(self.sizes)))

    def frames(self, mouse: int, movie: Movie) -> int:
        return frames_of(self.study, mouse, movie)

    @cached_property
    def encoder(self) -> Encoder:
        """Untrained, with the readout of one mouse."""
        settings = self.profile.encoder
        return build_encoder(settings.architecture, encoder_parameters(settings, (self.neurons,))).to(self.device)

    @property
    def weights(self) -> int:
        """Of an encoder of all mice."""
        readout = sum(w.numel() for name, w in self.encoder.named_parameters() if name.startswith("readouts"))
        return sum(w.numel() for w in self.encoder.parameters()) + (self.mice - 1) * readout

    @cached_property
    def seconds_of_a_frame(self) -> float:
        """One iteration's cost of a frame: of one window on a CPU, of many at once on a GPU."""
        config = self.profile.reconstruction
        window = config.window_frames or FRAMES
        frames = window if self.device.type == "cpu" else 5 * window
        still = np.zeros((2, frames), np.float32)
        responses = np.ones((self.neurons, frames), np.float32)
        target = Target(responses, still, still, np.ones((FRAME_WIDTH, FRAME_WIDTH), bool))

        def seconds(iterations: int) -> float:
            short = ReconstructionConfig(
                iterations=iterations,
                window_frames=config.window_frames,
                window_stride=config.window_stride,
                precision=config.precision,
            )
            return self._seconds(lambda: reconstruct([self.encoder], 0, [target], short, device=self.device))

        seconds(1)  # what is done once
        return max(seconds(4) - seconds(1), 0.0) / 3 / frames_seen(config, frames)

    @cached_property
    def seconds_of_a_segment(self) -> float:
        """A training step's cost of one segment, forward and backward."""
        encoder, config = self.encoder, self.profile.training
        frames = encoder.stack_frames or config.segment_frames or FRAMES
        inputs = torch.rand(2, CHANNELS, frames, FRAME_WIDTH, FRAME_WIDTH, device=self.device)
        encoder.train()

        def step() -> None:
            with mixed_precision(config.mixed_precision, self.device):
                predicted = encoder(inputs, 0)
            poisson_loss(predicted.float(), torch.ones_like(predicted, dtype=torch.float32)).sum().backward()

        step()
        seconds = self._seconds(step) / len(inputs)
        encoder.zero_grad(set_to_none=True)
        encoder.eval()
        return seconds

    def _seconds(self, work: Callable[[], object]) -> float:
        started = time.perf_counter()
        work()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter() - started


@dataclass(frozen=True)
class _Expected(Study):
    """A study before its recordings were read: as many held-out movies as the profile reconstructs."""

    @property
    def mice(self) -> list[str]:
        return super().mice or [str(mouse) for mouse in range(self.profile.simulation.mice)]

    @cached_property
    def reconstructed_mice(self) -> tuple[int, ...]:
        if self.recordings:
            return super().reconstructed_mice
        named = self.profile.reconstructed_mice
        return tuple(range(self.profile.simulation.mice if named is None else len(named)))

    @cached_property
    def trials(self) -> Trials:
        return _ExpectedTrials(self)


@dataclass(frozen=True)
class _ExpectedTrials(Trials):
    """Its trials, by their numbers alone."""

    def of_role(self, mouse: int, role: str) -> tuple[int, ...]:
        """As many as a fold of them holds; movies that are shown again are held out."""
        recordings, simulation = self.study.recordings, self.study.profile.simulation.of_mouse(mouse)
        if recordings:
            shown, again = len(recordings[mouse].trials), 0
        else:
            shown, again = simulation.trials, simulation.oracle_trials * (simulation.repeats - 1)
        held_out = round(shown / FOLDS)
        return tuple(range({"held-out": held_out + again, "training": shown - held_out}.get(role, 0)))

    def of_fold(self, mouse: int) -> tuple[int, ...]:
        return self.reconstructed(mouse)

    def reconstructed(self, mouse: int) -> tuple[int, ...]:
        return tuple(range(self.study.profile.trials_per_mouse))

    def showings(self, mouse: int, trial: int) -> tuple[int, ...]:
        """The first movies of a simulation are shown again; which these are in other recordings is not known yet."""
        simulation = self.study.profile.simulation
        again = trial < simulation.oracle_trials and (self.study.simulated or not self.study.recordings)
        return (trial,) * (simulation.repeats if again else 1)
