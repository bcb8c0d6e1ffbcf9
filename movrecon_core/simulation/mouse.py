"""A simulated mouse: its movies, neurons, behaviour and imaging, written as a recording."""

import json
import os
from collections.abc import Callable, Iterator
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
from movrecon_core.simulation.neurons import Population, coordinates, draw_population, field_shift, filter_outputs
from movrecon_core.simulation.rates import Outputs, Rates

TRUTH = Path("truth")
"""Directory of a simulated recording with what no experiment would know; never an input."""


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
        ThreadPoolExecutor(2 * (os.cpu_count() or 1), initializer=torch.set_num_threads, initargs=(1,)) as pool,
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
    >>> small = mr.SimulationConfig(trials=14, neurons=4, frames=90, oracle_trials=2, repeats=1)
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
        outputs: Outputs = []
        folds, oracle = _show_movies(writer, population, outputs, session, config, generator(2))
        tiers = np.full(config.trials, "train", dtype="U6")
        tiers[list(oracle)] = "oracle"
        held_out = {"fold:0": np.flatnonzero(folds == 0), "tier:oracle": np.flatnonzero(tiers == "oracle")}
        if rounds := list(oracle.values()) * (config.repeats - 1):
            again = simulate_behaviour(generator(7), len(rounds) * length, config.behaviour)
            shift = field_shift(again, config.behaviour, config.neuron)
            for place, movie in enumerate(rounds):
                _show(writer, population, outputs, place, movie, again, shift)
            session = session.followed_by(again)
            tiers = np.concatenate([tiers, np.full(len(rounds), "oracle")])
        rates = Rates(population, outputs, session, LEAD, config)
        microscope = Microscope(rates, len(tiers), config, generator)
        sets = [trials for trials in held_out.values() if trials.size]
        sharpness = microscope.calibrate(sets) if config.sharpness is None else config.sharpness
        microscope.sharpen(sharpness)
        description["sharpness"] = sharpness
        kept: dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
        for trial in range(len(tiers)):
            truth, responses = microscope.truth(trial), microscope.record(trial)
            writer.signal("responses", trial, responses)
            writer.extra(TRUTH / "noise_free_responses" / f"{trial}.npy", truth)
            if any(trial in trials for trials in sets):
                kept[trial] = truth, responses
        description["ceilings"] = {
            rule: mean_correlation(*zip(*[kept[int(t)] for t in trials], strict=True))
            for rule, trials in held_out.items()
            if trials.size
        }
        for name, values in (population.parameters | microscope.parameters() | rates.parameters()).items():
            writer.extra(TRUTH / "neurons" / f"{name}.npy", values)
        writer.metadata(tiers, np.arange(1, config.neurons + 1), coordinates(population))
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
    outputs: Outputs,
    session: Behaviour,
    config: SimulationConfig,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], dict[int, NDArray[np.float32]]]:
    """Write movies and behaviour of all trials but the repeats.

    A seventh of the movies, as near as can be, falls into hash fold 0, which is held out: a candidate of a fold that
    is full is replaced by another one.

    Returns
    -------
    The fold of every trial; the movies of tier `oracle` by trial, as many of fold 0 as it holds.
    """
    wanted = {True: round(config.trials / FOLDS), False: config.trials - round(config.trials / FOLDS)}
    repeated = min(wanted[True], config.oracle_trials)
    oracle_wanted = {True: repeated, False: config.oracle_trials - repeated}
    folds: list[int] = []
    oracle: dict[int, NDArray[np.float32]] = {}
    shift = field_shift(session, config.behaviour, config.neuron)
    while len(folds) < config.trials:
        movie = naturalistic_movie(rng.spawn(1)[0], config.frames, config.movie)
        fold = fold_of(movie)
        if not wanted[fold == 0]:
            continue
        wanted[fold == 0] -= 1
        if oracle_wanted[fold == 0]:
            oracle_wanted[fold == 0] -= 1
            oracle[len(folds)] = movie
        _show(writer, population, outputs, len(folds), movie, session, shift)
        folds.append(fold)
    return np.asarray(folds), oracle


def _show(
    writer: RecordingWriter,
    population: Population,
    outputs: Outputs,
    place: int,
    movie: NDArray[np.float32],
    session: Behaviour,
    shift: NDArray[np.float32],
) -> None:
    """Write movie and behaviour of the next trial, which is at a place of its session; add the fields' outputs."""
    trial, length = len(outputs), LEAD + len(movie)
    shown = slice(place * length + LEAD, (place + 1) * length)
    writer.movie(trial, movie)
    writer.signal("behavior", trial, np.stack([session.dilation[shown], session.speed[shown]]))
    writer.signal("pupil_center", trial, session.position[:, shown])
    outputs.append(filter_outputs(population, movie, shift[:, shown]))
