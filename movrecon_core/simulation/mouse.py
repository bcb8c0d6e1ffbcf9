"""A simulated mouse: its movies, neurons, behaviour and imaging, written as a recording."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event

import numpy as np
import torch
from numpy.typing import NDArray

from movrecon_core import __version__
from movrecon_core.recordings import SIMULATED_MARKER, Recording
from movrecon_core.recordings.folds import FOLDS, fold_of
from movrecon_core.recordings.writer import RecordingWriter, recording_writer
from movrecon_core.simulation.behaviour import Behaviour, simulate_behaviour
from movrecon_core.simulation.config import SimulationConfig
from movrecon_core.simulation.microscope import LEAD, Microscope, mean_correlation
from movrecon_core.simulation.movies import naturalistic_movie
from movrecon_core.simulation.neurons import (
    Population,
    behavioural_gain,
    draw_population,
    field_shift,
    filter_outputs,
    normalisation_pool,
    normalised_drive,
)

TRUTH = Path("truth")
"""Directory of a simulated recording with what no experiment would know; never an input."""


MAXIMAL_RATE = 120.0
"""Spikes a second."""


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
        stop = Event()
        try:
            # Arrays are worked on without the interpreter's lock.
            mice = range(config.mice)
            return list(pool.map(lambda mouse: _simulate_mouse(folder, config, seed, mouse, stop.is_set), mice))
        finally:
            stop.set()  # after Ctrl-C the other mice are not waited for


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

    Examples
    --------
    >>> small = mr.SimulationConfig(trials=14, neurons=4, frames=90, oracle_trials=2)
    >>> recording = mr.simulate_mouse(Path("simulated"), small, seed=0)
    >>> recording.name, recording.simulated, recording.trial(0).responses.shape
    ('simulated-0-1', True, (4, 90))
    """
    with _one_torch_thread():
        return _simulate_mouse(folder, config, seed, mouse)


def _simulate_mouse(
    folder: Path, config: SimulationConfig, seed: int, mouse: int, stopped: Callable[[], bool] = lambda: False
) -> Recording:
    path = folder / f"simulated-{seed}-{mouse + 1}"
    config = config.of_mouse(mouse)
    description = {"config": config.model_dump(mode="json"), "seed": seed, "mouse": mouse, "version": __version__}
    if (path / SIMULATED_MARKER).is_file():
        found = json.loads((path / SIMULATED_MARKER).read_text())
        if {key: found.get(key) for key in description} == description:
            return Recording(path.resolve())

    generator = partial(mouse_generator, seed, mouse)
    with recording_writer(path, stopped) as writer:
        population = draw_population(generator(0), config.neurons, config.neuron)
        length = LEAD + config.frames
        session = simulate_behaviour(generator(1), config.trials * length, config.behaviour)
        tiers = np.full(config.trials, "train", dtype="U6")
        tiers[generator(3).choice(config.trials, config.oracle_trials, replace=False)] = "oracle"
        folds, first, second, oracle = _show_movies(writer, population, session, config, tiers, generator(2))
        calibration = _calibration(population, first, second, session, config)
        rates = _rates(population, first, second, session, config, calibration)
        held_out = {"fold:0": np.flatnonzero(folds == 0), "tier:oracle": np.flatnonzero(tiers == "oracle")}

        if config.repeats > 1 and oracle:
            again = simulate_behaviour(generator(7), len(oracle) * (config.repeats - 1) * length, config.behaviour)
            shown = _show_again(writer, population, again, config, oracle)
            rates = np.concatenate([rates, _rates(population, *shown, again, config, calibration)], axis=1)
            tiers = np.concatenate([tiers, np.full(rates.shape[1] - config.trials, "oracle")])
        microscope = Microscope(rates, config, generator)
        sets = [trials for trials in held_out.values() if trials.size]
        common = microscope.calibrate(sets) if config.noise is None else config.noise
        responses = [microscope.record(trial, common) for trial in range(len(tiers))]
        truth = [microscope.truth(trial) for trial in range(len(tiers))]
        for trial in range(len(tiers)):
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


def _show_movies(
    writer: RecordingWriter,
    population: Population,
    session: Behaviour,
    config: SimulationConfig,
    tiers: NDArray[np.str_],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32], list[NDArray[np.float32]]]:
    """Write movies and behaviour of all trials.

    A seventh of the movies, as near as can be, falls into hash fold 0, which is held out: a candidate of a fold that
    is full is replaced by another one.

    Returns
    -------
    The fold of every trial; the fields' outputs in quadrature, (N, trials, LEAD + T) each; the movies of tier
    `oracle`.
    """
    wanted = {True: round(config.trials / FOLDS), False: config.trials - round(config.trials / FOLDS)}
    folds: list[int] = []
    oracle: list[NDArray[np.float32]] = []
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
        if tiers[trial] == "oracle":
            oracle.append(movie)
        _write_stimulus(writer, trial, movie, session, shown)
        outputs[:, :, trial, LEAD:] = filter_outputs(population, movie, shift[:, shown])
    return np.asarray(folds), outputs[0], outputs[1], oracle


def _show_again(
    writer: RecordingWriter,
    population: Population,
    session: Behaviour,
    config: SimulationConfig,
    movies: Sequence[NDArray[np.float32]],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Write further showings of some movies, one round after the other; the fields' outputs as in `_show_movies`."""
    rounds = [movie for _ in range(config.repeats - 1) for movie in movies]
    outputs = np.zeros((2, population.neurons, len(rounds), LEAD + config.frames), np.float32)
    shift = field_shift(session, config.behaviour, config.neuron)
    for i, movie in enumerate(rounds):
        shown = slice(i * (LEAD + config.frames) + LEAD, (i + 1) * (LEAD + config.frames))
        _write_stimulus(writer, config.trials + i, movie, session, shown)
        outputs[:, :, i, LEAD:] = filter_outputs(population, movie, shift[:, shown])
    return outputs[0], outputs[1]


def _write_stimulus(
    writer: RecordingWriter, trial: int, movie: NDArray[np.float32], session: Behaviour, shown: slice
) -> None:
    writer.movie(trial, movie)
    writer.signal("behavior", trial, np.stack([session.dilation[shown], session.speed[shown]]))
    writer.signal("pupil_center", trial, session.position[:, shown])


def _calibration(
    population: Population,
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    session: Behaviour,
    config: SimulationConfig,
) -> dict[str, NDArray[np.float32]]:
    """What turns outputs of the fields into rates with the wanted means over all movies: (N,) each."""
    scale = np.sqrt(np.mean(first[..., LEAD:] ** 2 + second[..., LEAD:] ** 2, axis=(1, 2)))
    drive = _drive(population, first, second, scale, config)
    mean_drive = drive[..., LEAD:].mean(axis=(1, 2))
    relative = _modulated(population, drive, mean_drive, session, config)
    rate_scale = (population.parameters["mean_rate"] / relative.mean(axis=(1, 2))).astype(np.float32)
    return {"output_scale": scale, "mean_drive": mean_drive, "rate_scale": rate_scale}


def _rates(
    population: Population,
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    session: Behaviour,
    config: SimulationConfig,
    calibration: dict[str, NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Expected spikes a second (N, trials, LEAD + T)."""
    drive = _drive(population, first, second, calibration["output_scale"], config)
    rates = _modulated(population, drive, calibration["mean_drive"], session, config)
    rates *= calibration["rate_scale"][:, None, None]
    return np.minimum(rates, MAXIMAL_RATE)


def _drive(
    population: Population,
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    scale: NDArray[np.float32],
    config: SimulationConfig,
) -> NDArray[np.float32]:
    pool = normalisation_pool(population, config.neuron)
    return np.stack(
        [
            normalised_drive(population, first[:, trial], second[:, trial], scale, pool, config.neuron)
            for trial in range(first.shape[1])
        ],
        axis=1,
    )


def _modulated(
    population: Population,
    drive: NDArray[np.float32],
    mean_drive: NDArray[np.float32],
    session: Behaviour,
    config: SimulationConfig,
) -> NDArray[np.float32]:
    """Drive by the movie relative to its mean, what is spontaneous, and the gain of behaviour; works in `drive`."""
    drive *= (1 - config.neuron.spontaneous) / mean_drive[:, None, None]
    drive += config.neuron.spontaneous
    drive *= behavioural_gain(population, session, config.behaviour).reshape(drive.shape)
    return drive
