"""Running, pupil dilation and eye position of a head-fixed mouse, in the units of the Sensorium recordings."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from movrecon_core.recordings import FRAME_RATE
from movrecon_core.simulation.parameters import Parameters


class BehaviourConfig(Parameters):
    """Ranges lie within those of the ten real mice (`analysis.real_mice`); time scales follow the literature."""

    running_share: float = Field(default=0.10, ge=0, le=1)
    """Share of time spent running; mice differ widely (Niell & Stryker 2010: bouts of seconds; with the speed, mean
    and s.d. of the real mice's running)."""
    bout_seconds: float = Field(default=4.0, gt=0)
    """Mean length of a running bout (chosen; seconds to tens of seconds, Niell & Stryker 2010)."""
    running_speed: float = Field(default=12.0, ge=0)
    """Median speed within a bout, cm/s (Niell & Stryker 2010: up to 30 cm/s and more)."""
    pupil_mean: float = Field(default=50.0, ge=0)
    """Pupil dilation, pixels of the eye camera (real mice: 40 to 61)."""
    pupil_std: float = Field(default=14.0, ge=0)
    """Its slow fluctuation at rest, same unit (real mice, with running: 12 to 17)."""
    pupil_running: float = 10.0
    """How much it widens while the mouse runs (Reimer et al. 2014; Vinck et al. 2015)."""
    eye_center: tuple[float, float] = (148.0, 145.0)
    """Mean pupil position x, y, pixels of the eye camera (real mice: 119 to 180, 120 to 179)."""
    eye_std: tuple[float, float] = (6.0, 6.2)
    """Spread of gaze, same unit (real mice: 4.0 to 7.6, 4.5 to 7.7)."""
    saccade_rate: float = Field(default=0.25, ge=0)
    """Saccades a second of a head-fixed mouse (Sakatani & Isa 2007: some a minute at rest, more when active)."""


@dataclass(frozen=True)
class Behaviour:
    """Behaviour of T frames: speed (T,) cm/s, pupil dilation (T,), pupil position x and y (2, T)."""

    speed: NDArray[np.float32]
    dilation: NDArray[np.float32]
    position: NDArray[np.float32]

    def part(self, start: int, stop: int) -> "Behaviour":
        """Some frames of it."""
        return Behaviour(self.speed[start:stop], self.dilation[start:stop], self.position[:, start:stop])

    def followed_by(self, other: "Behaviour") -> "Behaviour":
        """Both sessions, one after the other."""
        names = ("speed", "dilation", "position")
        return Behaviour(*(np.concatenate([getattr(self, n), getattr(other, n)], axis=-1) for n in names))


def slow_noise(rng: np.random.Generator, frames: int, seconds: float) -> NDArray[np.float64]:
    """Ornstein-Uhlenbeck noise (T,) of s.d. 1 and a correlation time."""
    decay = np.exp(-1 / (seconds * FRAME_RATE))
    drive = rng.standard_normal(frames) * np.sqrt(1 - decay**2)
    drive[0] = rng.standard_normal()
    return lfilter([1], [1, -decay], drive)


def simulate_behaviour(rng: np.random.Generator, frames: int, config: BehaviourConfig) -> Behaviour:
    """Behaviour over a session at 30 Hz.

    Parameters
    ----------
    rng
        Decides everything.
    frames
        Length T of the session.
    config
        Ranges and time scales.
    """
    share = np.clip(config.running_share * np.exp(0.5 * rng.standard_normal()), 0.05, 0.5)
    stop = 1 / (config.bout_seconds * FRAME_RATE)  # chance a frame that a bout ends; that one starts gives the share
    start = stop * share / (1 - share)
    running = np.zeros(frames)
    frame, on = 0, rng.random() < share
    while frame < frames:
        length = int(rng.geometric(stop if on else start))
        running[frame : frame + length] = on
        frame, on = frame + length, not on
    pace = config.running_speed * np.exp(0.35 * slow_noise(rng, frames, 2.0))
    speed = gaussian_filter1d(running * pace, 0.25 * FRAME_RATE) * np.exp(0.1 * slow_noise(rng, frames, 0.1))
    speed += 0.02 * np.exp(0.9 * slow_noise(rng, frames, 0.3) - 0.4)  # the wheel's jitter at rest

    aroused = lfilter([1 - np.exp(-1 / (1.5 * FRAME_RATE))], [1, -np.exp(-1 / (1.5 * FRAME_RATE))], running)
    dilation = config.pupil_mean + config.pupil_std * slow_noise(rng, frames, 5.0)
    dilation += config.pupil_running * (aroused - share) + 0.4 * slow_noise(rng, frames, 0.3)

    saccade = rng.random(frames) < config.saccade_rate / FRAME_RATE * (0.6 + 1.5 * running)
    saccade[0] = True
    fixation = np.cumsum(saccade) - 1
    targets = rng.standard_normal((2, int(fixation[-1]) + 1))
    gaze = lfilter([0.4], [1, -0.6], targets[:, fixation], axis=1)  # a saccade takes some frames
    drift = np.stack([slow_noise(rng, frames, 4.0) for _ in range(2)])
    position = np.asarray(config.eye_center)[:, None] + np.asarray(config.eye_std)[:, None] * (0.9 * gaze + 0.4 * drift)
    return Behaviour(
        speed.astype(np.float32), np.clip(dilation, 10, 92).astype(np.float32), position.astype(np.float32)
    )
