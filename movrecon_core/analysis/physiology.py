"""What a physiologist measures of visual neurons: tuning, receptive fields, sparseness, correlations, running."""

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.recordings import DEGREES_PER_PIXEL, FRAME_HEIGHT, FRAME_RATE, FRAME_WIDTH

Array = NDArray[np.floating]
Respond = Callable[[NDArray[np.float32]], Array]
"""Responses (N, T) to a movie (T, 36, 64)."""

GREY = 127.5

DIRECTIONS = tuple(range(0, 360, 30))
SPATIAL_FREQUENCIES = (0.01, 0.02, 0.04, 0.08, 0.12)
"""Cycles/degree; the movie's pixels end at 0.147."""
TEMPORAL_FREQUENCIES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Hz."""
STANDARD_SPATIAL, STANDARD_TEMPORAL = 0.04, 2.0
WAIT, MEASURED = 30, 60
"""Frames of a grating before and while responses are measured; the second is whole cycles of every frequency."""

SPOT = 2
"""Rows and columns of a flashed square (7 degrees) and of the steps between squares."""
FLASH, PAUSE = 8, 10
"""Frames of a flash, and of grey after it."""
BASELINE = 3
"""Last frames of the pause before a flash."""
FLASHES = 48
"""In one movie."""
FIELD = 0.5
"""Share of a map's maximum above which it counts as the receptive field."""
RUNNING = 1.0
"""Speed above which a mouse runs, cm/s."""
SLOPE_BAND = (0.06, 0.4)
"""Frequencies between which a power law is fitted, cycles/pixel."""


def sine_grating(direction: float, cycles_per_degree: float, hertz: float, frames: int) -> NDArray[np.float32]:
    """Drifting full-field sine wave of full contrast: (frames, 36, 64).

    `direction` in degrees: 0 moves right, 90 up.
    """
    rows, columns = np.indices((FRAME_HEIGHT, FRAME_WIDTH))
    angle = np.deg2rad(direction)
    distance = (np.cos(angle) * columns - np.sin(angle) * rows) * DEGREES_PER_PIXEL
    seconds = np.arange(frames)[:, None, None] / FRAME_RATE
    return (GREY + GREY * np.cos(2 * np.pi * (cycles_per_degree * distance - hertz * seconds))).astype(np.float32)


def grating_responses(respond: Respond) -> xr.Dataset:
    """Show gratings: all directions at all spatial frequencies, and all directions at all temporal frequencies.

    Returns
    -------
    Dataset
        ``mean`` and ``modulation`` (amplitude at the grating's frequency), both (neuron, spatial, temporal, direction),
        NaN where it was not shown; ``spontaneous`` (neuron), on a grey screen.
    """
    blank = respond(np.full((WAIT + MEASURED, FRAME_HEIGHT, FRAME_WIDTH), GREY, np.float32))[:, WAIT:].mean(axis=1)
    shape = (len(blank), len(SPATIAL_FREQUENCIES), len(TEMPORAL_FREQUENCIES), len(DIRECTIONS))
    mean, modulation = np.full(shape, np.nan), np.full(shape, np.nan)
    for i, spatial in enumerate(SPATIAL_FREQUENCIES):
        for j, temporal in enumerate(TEMPORAL_FREQUENCIES):
            if spatial != STANDARD_SPATIAL and temporal != STANDARD_TEMPORAL:
                continue
            wave = np.exp(-2j * np.pi * temporal * np.arange(MEASURED) / FRAME_RATE) * 2 / MEASURED
            for k, direction in enumerate(DIRECTIONS):
                found = respond(sine_grating(direction, spatial, temporal, WAIT + MEASURED))[:, WAIT:]
                mean[:, i, j, k] = found.mean(axis=1)
                modulation[:, i, j, k] = np.abs(found @ wave)
    dims = ("neuron", "spatial", "temporal", "direction")
    return xr.Dataset(
        {"mean": (dims, mean), "modulation": (dims, modulation), "spontaneous": ("neuron", blank)},
        coords={
            "spatial": list(SPATIAL_FREQUENCIES),
            "temporal": list(TEMPORAL_FREQUENCIES),
            "direction": list(DIRECTIONS),
        },
    )


def tuning(responses: xr.Dataset) -> xr.Dataset:
    """Tuning of each neuron, of what its response exceeds that to a grey screen.

    Parameters
    ----------
    responses
        From `grating_responses`.

    Returns
    -------
    Dataset
        All (neuron): ``orientation_selectivity`` and ``direction_selectivity``, preferred against orthogonal and
        opposite, (a - b) / (a + b); ``preferred_direction`` (degrees), ``preferred_spatial`` (cycles/degree),
        ``preferred_temporal`` (Hz); ``modulation_ratio`` F1/F0 at the preferred grating of 2 Hz (Skottun et al. 1991:
        simple cells above 1). Curves relative to their maximum: ``direction_curve`` (neuron, direction from the
        preferred one), ``spatial_curve``, ``temporal_curve``. Neurons that no grating drives are NaN.
    """
    evoked = np.maximum(responses["mean"].values - responses["spontaneous"].values[:, None, None, None], 0)
    neurons, directions = np.arange(len(evoked)), len(DIRECTIONS)
    spatial_index = SPATIAL_FREQUENCIES.index(STANDARD_SPATIAL)
    temporal_index = TEMPORAL_FREQUENCIES.index(STANDARD_TEMPORAL)
    standard = evoked[:, :, temporal_index]  # (N, spatial, direction)
    best_spatial, best = np.unravel_index(standard.reshape(len(evoked), -1).argmax(axis=1), standard.shape[1:])
    turned = (best[:, None] + np.arange(directions)) % directions  # (N, direction from the preferred one)
    curve = standard[neurons[:, None], best_spatial[:, None], turned]
    preferred = np.where(curve[:, 0] > 0, curve[:, 0], np.nan)
    orthogonal = (curve[:, directions // 4] + curve[:, 3 * directions // 4]) / 2
    opposite = curve[:, directions // 2]
    # F0 is what the grating adds to the spontaneous response.
    modulation = responses["modulation"].values[neurons, best_spatial, temporal_index, best] / preferred
    over_time = evoked[:, spatial_index]  # (N, temporal, direction)
    temporal = over_time[neurons, :, over_time.max(axis=1).argmax(axis=1)]  # at the direction of the largest response
    fastest = np.where(temporal.max(axis=1) > 0, temporal.max(axis=1), np.nan)
    driven = np.where(np.isnan(preferred), np.nan, 1.0)
    return xr.Dataset(
        {
            "orientation_selectivity": ("neuron", (preferred - orthogonal) / (preferred + orthogonal)),
            "direction_selectivity": ("neuron", (preferred - opposite) / (preferred + opposite)),
            "preferred_direction": ("neuron", np.array(DIRECTIONS)[best] * driven),
            "preferred_spatial": ("neuron", np.array(SPATIAL_FREQUENCIES)[best_spatial] * driven),
            "preferred_temporal": ("neuron", np.array(TEMPORAL_FREQUENCIES)[temporal.argmax(axis=1)] * driven),
            "modulation_ratio": ("neuron", modulation),
            "direction_curve": (("neuron", "offset"), curve / preferred[:, None]),
            "spatial_curve": (("neuron", "spatial"), standard[neurons, :, best] / preferred[:, None]),
            "temporal_curve": (("neuron", "temporal"), temporal / fastest[:, None]),
        }
    )


def spot_maps(respond: Respond) -> NDArray[np.float64]:
    """Response to squares flashed On (255) or Off (0) on grey, the larger of the two at each place.

    Parameters
    ----------
    respond
        The neurons.

    Returns
    -------
    NDArray
        (N, 18, 32), what a flash adds to the response before it; never below 0.
    """
    places = [(y, x) for y in range(0, FRAME_HEIGHT, SPOT) for x in range(0, FRAME_WIDTH, SPOT)]
    maps = []
    for level in (255, 0):
        found = []
        for first in range(0, len(places), FLASHES):
            chosen = places[first : first + FLASHES]
            movie = np.full((PAUSE + len(chosen) * (FLASH + PAUSE), FRAME_HEIGHT, FRAME_WIDTH), GREY, np.float32)
            for i, (y, x) in enumerate(chosen):
                start = PAUSE + i * (FLASH + PAUSE)
                movie[start : start + FLASH, y : y + SPOT, x : x + SPOT] = level
            responses = respond(movie)
            cut = responses[:, PAUSE:].reshape(len(responses), len(chosen), FLASH + PAUSE)
            before = np.concatenate(
                [responses[:, None, PAUSE - BASELINE : PAUSE], cut[:, :-1, -BASELINE:]], axis=1
            )  # (N, places, BASELINE): a flash's end of the pause before
            found.append(cut[:, :, : FLASH + BASELINE].max(axis=2) - before.mean(axis=2))
        maps.append(np.concatenate(found, axis=1).reshape(-1, FRAME_HEIGHT // SPOT, FRAME_WIDTH // SPOT))
    return np.maximum(np.maximum(*maps), 0)


def field_diameter(maps: Array) -> NDArray[np.float64]:
    """Diameter of a circle as large as the part of a map above half of its maximum, degrees.

    Parameters
    ----------
    maps
        (N, rows, columns), from `spot_maps`.

    Returns
    -------
    NDArray
        (N,), NaN where nothing evoked a response.
    """
    largest = maps.max(axis=(1, 2))
    count = (maps >= FIELD * largest[:, None, None]).sum(axis=(1, 2))
    diameter = 2 * np.sqrt(count / np.pi) * SPOT * DEGREES_PER_PIXEL
    return np.where(largest > 0, diameter, np.nan)


def coverage(maps: Array) -> NDArray[np.int64]:
    """How many neurons' fields, cut at half of their maximum, contain each place: (rows, columns)."""
    largest = maps.max(axis=(1, 2), keepdims=True)
    return ((maps >= FIELD * largest) & (largest > 0)).sum(axis=0)


def lifetime_sparseness(responses: Array) -> NDArray[np.float64]:
    """0 for a neuron that always responds alike, 1 for one that responds once (Treves & Rolls; Vinje & Gallant 2000).

    Parameters
    ----------
    responses
        (N, samples), >= 0.

    Returns
    -------
    NDArray
        (N,), NaN for a neuron that never responds.
    """
    samples = responses.shape[1]
    square = np.square(responses).mean(axis=1)
    ratio = np.divide(np.square(responses.mean(axis=1)), square, out=np.full(len(square), np.nan), where=square > 0)
    return (1 - ratio) / (1 - 1 / samples)


def pair_correlations(signal: Sequence[Array], recorded: Sequence[Array], bin_frames: int) -> tuple[Array, Array]:
    """Correlations between neurons of what the stimulus explains, and of the rest.

    Parameters
    ----------
    signal
        Expected responses (N, T) of each trial.
    recorded
        Single-trial responses of the same shapes.
    bin_frames
        Frames that are averaged before.

    Returns
    -------
    signal, noise
        (N (N - 1) / 2,) each, NaN for pairs with a constant neuron.
    """
    binned = [np.concatenate([_binned(trial, bin_frames) for trial in trials], axis=1) for trials in (signal, recorded)]
    above = np.triu_indices(len(binned[0]), 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.corrcoef(binned[0])[above], np.corrcoef(binned[1] - binned[0])[above]


def _binned(responses: Array, frames: int) -> Array:
    whole = responses.shape[1] // frames * frames
    return responses[:, :whole].reshape(len(responses), -1, frames).mean(axis=2)


def running_ratio(responses: Sequence[Array], speeds: Sequence[Array]) -> NDArray[np.float64]:
    """Mean response while the mouse runs over that while it rests.

    Parameters
    ----------
    responses
        (N, T) of each trial.
    speeds
        (T,) of each trial, cm/s.

    Returns
    -------
    NDArray
        (N,); NaN where it never runs or never rests, or a neuron is silent at rest.
    """
    together, running = np.concatenate(responses, axis=1), np.concatenate(speeds) > RUNNING
    if running.all() or not running.any():
        return np.full(len(together), np.nan)
    rest = together[:, ~running].mean(axis=1)
    ratio = together[:, running].mean(axis=1) / np.where(rest > 0, rest, 1)
    return np.where(rest > 0, ratio, np.nan)


def power_spectrum(frames: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Spatial power of frames, averaged over orientations.

    Parameters
    ----------
    frames
        (K, H, W).

    Returns
    -------
    frequency, power
        Cycles/pixel, in bands of equal width, and mean power in them, Hann-windowed.
    """
    height, width = frames.shape[-2:]
    window = np.hanning(height)[:, None] * np.hanning(width)
    power = (np.abs(np.fft.fft2((frames - frames.mean((-2, -1), keepdims=True)) * window)) ** 2).mean(axis=0)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    edges = np.arange(0.04, 0.5, 0.03)
    band = np.digitize(frequency, edges)
    middle = (edges[:-1] + edges[1:]) / 2
    return middle, np.array([power[band == i].mean() for i in range(1, len(edges))])


def spectral_slope(frequency: Array, power: Array) -> float:
    """Exponent of the power law that fits best from 0.06 to 0.4 cycles/pixel, with power at those frequencies."""
    inside = (frequency > SLOPE_BAND[0]) & (frequency < SLOPE_BAND[1])
    return float(np.polyfit(np.log(frequency[inside]), np.log(power[inside]), 1)[0])
