"""A simulated mouse: its movies, neurons, behaviour and imaging, written as a recording."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import brentq

from movrecon_core import __version__
from movrecon_core.errors import ProfileError
from movrecon_core.folds import FOLDS, fold_of
from movrecon_core.recording_writer import RecordingWriter, write_recording
from movrecon_core.recordings import FRAME_RATE, SIMULATED_MARKER, Recording
from movrecon_core.simulation.behaviour import Behaviour, BehaviourConfig, simulate_behaviour, slow_noise
from movrecon_core.simulation.imaging import ImagingConfig, noise_free, recorded
from movrecon_core.simulation.movies import MovieConfig, naturalistic_movie
from movrecon_core.simulation.neurons import (
    NeuronConfig,
    Population,
    behavioural_gain,
    draw_population,
    field_shift,
    filter_outputs,
    normalisation_pool,
    normalised_drive,
)
from movrecon_core.simulation.parameters import Parameters

TRUTH = Path("truth")
"""Directory of a simulated recording with what no experiment would know; never an input."""


class SimulationConfig(Parameters):
    """A simulated experiment; the defaults are those of the demo profile."""

    mice: int = Field(default=3, ge=1)
    """The article reconstructs from five."""
    trials: int = Field(default=77, ge=FOLDS)
    """A movie each; the recordings have some 700, this is what trains within minutes."""
    frames: int = Field(default=300, ge=64)
    """At 30 Hz: 10 s, as recorded (article, Source data)."""
    neurons: int = Field(default=500, ge=2)
    """A mouse; the recordings have about 8000."""
    oracle_trials: int = Field(default=9, ge=0)
    """Trials of tier `oracle`, whose scenes no other trial shows; the recordings have 60 (6 movies, 10 times each)."""
    ceiling: float = Field(default=0.45, ge=0.05, le=0.95)
    """Correlation between noise-free and recorded responses, mean over neurons, over the movies of fold 0 and tier
    `oracle`. An assumption: what part of the responses' variance in the recordings is noise is not known."""
    noise_spread: float = Field(default=0.3, ge=0)
    """s.d. over neurons of the logarithm of the imaging noise (chosen)."""
    shared_gain: float = Field(default=0.2, ge=0)
    """s.d. of the logarithm of a gain that neurons share and nobody observes (Goris, Movshon & Simoncelli 2014)."""
    movie: MovieConfig = MovieConfig()
    neuron: NeuronConfig = NeuronConfig()
    behaviour: BehaviourConfig = BehaviourConfig()
    imaging: ImagingConfig = ImagingConfig()


LEAD = int(1.5 * FRAME_RATE)
"""Frames of grey screen before each movie: the indicator still glows from them when it starts."""
MAXIMAL_RATE = 120.0
"""Spikes a second."""
MAXIMAL_RATE_FACTOR = 8.0
"""How far the calibration may raise the rates of a recording that is too small for its ceiling."""
LOWEST_NOISE, HIGHEST_NOISE = 0.1, 30.0
"""Imaging noise of a sample, in transients of one spike, between which the calibration searches."""


def simulate_recordings(folder: Path, config: SimulationConfig, seed: int) -> list[Recording]:
    """Simulate all mice of an experiment, each in its own directory of a folder.

    Parameters
    ----------
    folder
        Where the mice's directories are made; a mouse that is there already is kept if it was made with the same
        settings and seed.
    config
        The experiment.
    seed
        Same seed, same recordings.

    Raises
    ------
    RecordingError
        If a directory is in the way or cannot be written.
    """
    with (
        _one_torch_thread(),
        ThreadPoolExecutor(os.cpu_count(), initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        # Arrays are worked on without the interpreter's lock.
        return list(pool.map(lambda mouse: _simulate_mouse(folder, config, seed, mouse), range(config.mice)))


def simulate_mouse(folder: Path, config: SimulationConfig, seed: int, mouse: int = 0) -> Recording:
    """Simulate one mouse and write its recording to ``folder/simulated-<seed>-<mouse>``.

    Parameters
    ----------
    folder
        Where its directory is made.
    config
        The experiment.
    seed, mouse
        Another pair is another mouse with other movies.

    Raises
    ------
    RecordingError
        If a directory is in the way or cannot be written.
    ProfileError
        If the noise alone of the spikes keeps the responses below the wanted ceiling.
    """
    with _one_torch_thread():
        return _simulate_mouse(folder, config, seed, mouse)


def _simulate_mouse(folder: Path, config: SimulationConfig, seed: int, mouse: int) -> Recording:
    path = folder / f"simulated-{seed}-{mouse + 1}"
    description = {"config": config.model_dump(mode="json"), "seed": seed, "mouse": mouse, "version": __version__}
    if (path / SIMULATED_MARKER).is_file():
        found = json.loads((path / SIMULATED_MARKER).read_text())
        if {key: found.get(key) for key in description} == description:
            return Recording(path.resolve())

    generator = partial(mouse_generator, seed, mouse)
    with write_recording(path) as writer:
        population = draw_population(generator(0), config.neurons, config.neuron)
        length = LEAD + config.frames
        session = simulate_behaviour(generator(1), config.trials * length, config.behaviour)
        folds, first, second = _show_movies(writer, population, session, config, generator(2))
        rates, calibration = _rates(population, first, second, session, config)
        tiers = np.full(config.trials, "train", dtype="U6")
        tiers[generator(3).choice(config.trials, config.oracle_trials, replace=False)] = "oracle"
        held_out = {"fold:0": np.flatnonzero(folds == 0), "tier:oracle": np.flatnonzero(tiers == "oracle")}

        microscope = _Microscope(rates, config, generator)
        common = microscope.calibrate([trials for trials in held_out.values() if trials.size])
        responses = [microscope.record(trial, common) for trial in range(config.trials)]
        truth = [microscope.truth(trial) for trial in range(config.trials)]
        for trial in range(config.trials):
            writer.signal("responses", trial, responses[trial])
            writer.extra(TRUTH / "noise_free_responses" / f"{trial}.npy", truth[trial])
        description["ceilings"] = {
            rule: mean_correlation([truth[t] for t in trials], [responses[t] for t in trials])
            for rule, trials in held_out.items()
            if trials.size
        }
        for name, values in (population.parameters | microscope.parameters(common) | calibration).items():
            writer.extra(TRUTH / "neurons" / f"{name}.npy", values)
        p = population.parameters
        # Retinotopy: the map's position follows the field's centre, 20 micrometres a pixel and some scatter.
        scatter = generator(4).normal(0, 40, (2, config.neurons))
        depth = generator(4).integers(6, 15, config.neurons) * 25.0
        coordinates = np.stack([(p["x"] - 32) * 20 + scatter[0], (p["y"] - 18) * 20 + scatter[1], depth], axis=1)
        writer.metadata(tiers, np.arange(1, config.neurons + 1), coordinates)
        writer.text(SIMULATED_MARKER, json.dumps(description, indent=1))
    return Recording(path.resolve())


def mouse_generator(seed: int, mouse: int, *key: int) -> np.random.Generator:
    """Random numbers of one part of a mouse; part 0 draws its neurons."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(mouse, *key)))


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    """One torch thread: the products are small, and their last bits do not depend on the machine's cores.

    The setting belongs to the whole process, so it is made and undone outside the mice's own threads.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def mean_correlation(expected: Sequence[NDArray[np.floating]], found: Sequence[NDArray[np.floating]]) -> float:
    """Correlation over all frames of some trials, each (N, T), between two sets of responses: mean over neurons.

    A neuron that is constant in one of them counts as 0.
    """
    a, b = (np.concatenate(trials, axis=1, dtype=np.float64) for trials in (expected, found))
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (a, b))
    norm = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return float(np.mean(np.divide((a * b).sum(axis=1), norm, out=np.zeros_like(norm), where=norm > 0)))


def _show_movies(
    writer: RecordingWriter,
    population: Population,
    session: Behaviour,
    config: SimulationConfig,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Write movies and behaviour of all trials.

    A seventh of the movies, as near as can be, falls into hash fold 0, which is held out: a candidate of a fold that
    is full is replaced by another one.

    Returns
    -------
    The fold of every trial and the fields' outputs in quadrature, (N, trials, LEAD + T) each.
    """
    wanted = {True: round(config.trials / FOLDS), False: config.trials - round(config.trials / FOLDS)}
    folds: list[int] = []
    outputs = np.zeros((2, population.neurons, config.trials, LEAD + config.frames), np.float32)
    shift = field_shift(session, config.behaviour, config.neuron)
    while len(folds) < config.trials:
        movie = naturalistic_movie(rng.spawn(1)[0], config.frames, config.movie)
        fold = fold_of(movie)
        if not wanted[fold == 0]:
            continue
        wanted[fold == 0] -= 1
        trial = len(folds)
        folds.append(fold)
        shown = slice(trial * (LEAD + config.frames) + LEAD, (trial + 1) * (LEAD + config.frames))
        writer.movie(trial, movie)
        writer.signal("behavior", trial, np.stack([session.dilation[shown], session.speed[shown]]))
        writer.signal("pupil_center", trial, session.position[:, shown])
        outputs[:, :, trial, LEAD:] = filter_outputs(population, movie, shift[:, shown])
    return np.asarray(folds), outputs[0], outputs[1]


def _rates(
    population: Population,
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    session: Behaviour,
    config: SimulationConfig,
) -> tuple[NDArray[np.float32], dict[str, NDArray]]:
    """Expected spikes a second (N, trials, LEAD + T), and what made them so of the fields' outputs: (N,) each."""
    scale = np.sqrt(np.mean(first[..., LEAD:] ** 2 + second[..., LEAD:] ** 2, axis=(1, 2)))
    pool = normalisation_pool(population, config.neuron)
    drive = np.stack(
        [
            normalised_drive(population, first[:, trial], second[:, trial], scale, pool, config.neuron)
            for trial in range(config.trials)
        ],
        axis=1,
    )
    gain = behavioural_gain(population, session, config.behaviour).reshape(drive.shape)
    p = population.parameters
    mean_drive = drive[..., LEAD:].mean(axis=(1, 2), keepdims=True)
    drive *= (1 - config.neuron.spontaneous) / mean_drive
    drive += config.neuron.spontaneous
    drive *= gain
    rate_scale = (p["mean_rate"] / drive.mean(axis=(1, 2))).astype(np.float32)
    drive *= rate_scale[:, None, None]
    calibration = {"output_scale": scale, "mean_drive": mean_drive[:, 0, 0], "rate_scale": rate_scale}
    return np.minimum(drive, MAXIMAL_RATE), calibration


class _Microscope:
    """Records trials from rates; the same trial is recorded with the same spikes and noise every time."""

    def __init__(
        self, rates: NDArray[np.float32], config: SimulationConfig, generator: Callable[..., np.random.Generator]
    ) -> None:
        neurons, trials, frames = (int(size) for size in rates.shape)
        rng = generator(5)
        self._rates, self._config, self._generator = rates, config, generator
        self._rate_factor = 1.0
        self._phase = rng.random(neurons)
        self._relative_noise: NDArray[np.float64] = np.exp(config.noise_spread * rng.standard_normal(neurons))
        self._loading: NDArray[np.float64] = config.shared_gain * rng.uniform(0.5, 1.5, neurons)
        self._hidden = slow_noise(rng, trials * frames, 2.0).reshape(trials, frames)

    def record(self, trial: int, noise: float) -> NDArray[np.float32]:
        """Responses (N, T) at a noise level."""
        loading = self._loading[:, None]
        gain = np.exp(loading * self._hidden[trial] - loading**2 / 2).astype(np.float32)
        rates = self._rate_factor * self._rates[:, trial] * gain
        return recorded(
            self._generator(6, trial), rates, self._phase, noise * self._relative_noise, LEAD, self._config.imaging
        )

    def truth(self, trial: int) -> NDArray[np.float32]:
        """Noise-free responses (N, T)."""
        return noise_free(self._rate_factor * self._rates[:, trial], self._phase, LEAD, self._config.imaging)

    def parameters(self, noise: float) -> dict[str, NDArray]:
        return {
            "phase": self._phase,
            "noise": noise * self._relative_noise,
            "shared_gain": self._loading,
            "rate_factor": np.full_like(self._phase, self._rate_factor),
        }

    def calibrate(self, held_out: Sequence[NDArray[np.intp]]) -> float:
        """Noise at which noise-free and recorded responses correlate as wanted, on average over sets of trials."""

        def excess(noise: float) -> float:
            pairs = {t: (self.truth(t), self.record(t, noise)) for trials in held_out for t in trials}
            ceilings = [mean_correlation(*zip(*[pairs[t] for t in trials], strict=True)) for trials in held_out]
            return float(np.mean(ceilings)) - self._config.ceiling

        margin = excess(LOWEST_NOISE)
        while margin < 0 and self._rate_factor < MAXIMAL_RATE_FACTOR:
            # A few short movies that vary little: their spikes alone are too noisy.
            self._rate_factor *= 1.5
            margin = excess(LOWEST_NOISE)
        if margin < 0:
            raise ProfileError(
                f"simulation: ceiling {self._config.ceiling} cannot be reached, spikes without imaging noise allow "
                f"{self._config.ceiling + margin:.2f}; lower ceiling, or raise neuron.mean_rate, trials or frames"
            )
        return float(
            np.exp(brentq(lambda x: excess(np.exp(x)), np.log(LOWEST_NOISE), np.log(HIGHEST_NOISE), xtol=0.03))
        )
