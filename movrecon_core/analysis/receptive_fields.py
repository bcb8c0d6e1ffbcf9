"""Receptive fields in silico: an encoder's responses to sparse noise (article, Retinotopic mapping)."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.inputs import crop_movie, encoder_inputs
from movrecon_core.encoders.prediction import predict_movies
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH
from movrecon_core.stimuli import GREY, PHASES, sparse_noise

THRESHOLD = 0.1  # article, Retinotopic mapping: 0.1
PADDING_GREY = 127.0  # scripts: rows above and below the screen, black with every other movie
SIGMA = 2.0  # article, Retinotopic mapping: 2 px

Array = NDArray[np.floating]


@dataclass(frozen=True)
class ReceptiveFields:
    """On and Off receptive fields of a population; NaN marks a neuron that never reaches the threshold.

    Attributes
    ----------
    on, off
        (36, 64, N), largest value 1.
    on_centres, off_centres
        (N, 2) row and column of the maximum, (-1, -1) where there is none.
    on_minus_off
        (36, 64, N), divided by the largest absolute value of the neuron.
    """

    on: NDArray[np.float64]
    off: NDArray[np.float64]
    on_centres: NDArray[np.int64]
    off_centres: NDArray[np.int64]
    on_minus_off: NDArray[np.float64]


@dataclass(frozen=True)
class PopulationFields:
    """A population's mean receptive fields, each (36, 64); neurons without a field are left out.

    Attributes
    ----------
    on_minus_off, on_or_off
        Difference and sum of `on` and `off`, divided by the largest absolute value (article, Eq. 13).
    """

    on: NDArray[np.float64]
    off: NDArray[np.float64]
    on_minus_off: NDArray[np.float64]
    on_or_off: NDArray[np.float64]


def sparse_noise_responses(
    encoder: Encoder,
    mouse: int,
    behavior: Array,
    pupil_center: Array,
    *,
    pixel: int = 1,
    batch: int = 16,
) -> tuple[Array, Array]:
    """Predict the responses to one bright or dark pixel at every place.

    Parameters
    ----------
    encoder
        In evaluation mode.
    mouse
        Index of the readout.
    behavior, pupil_center
        (2,), the mouse's mean values.
    pixel
        Side of the stimulus; 1 as in the article (4608 stimuli), 2 or 4 for a coarser, faster map, which is
        interpolated to every pixel.
    batch
        Stimuli, and stacks, in one pass.

    Returns
    -------
    on, off
        (36, 64, N, 3), mean predicted response before, during and after the stimulus.
    """
    places = [(row, column) for row in range(0, FRAME_HEIGHT, pixel) for column in range(0, FRAME_WIDTH, pixel)]
    frames = sum(PHASES)
    still = [np.repeat(np.reshape(values, (2, 1)), frames, axis=1) for values in (behavior, pupil_center)]
    weight = next(encoder.parameters())
    blank = encoder_inputs(sparse_noise(0, 0, GREY), still[0], still[1]).to(weight.device, weight.dtype)
    inputs = blank.repeat(batch, 1, 1, 1, 1)  # (B, 5, T, 64, 64); only the movie changes from batch to batch
    inputs[:, 0] = PADDING_GREY
    screen = crop_movie(inputs[:, 0])
    maps = []
    for grey in (255.0, 0.0):
        means = []
        for first in range(0, len(places), batch):
            shown = places[first : first + batch]
            for movie, (row, column) in zip(screen, shown, strict=False):
                movie.copy_(torch.from_numpy(sparse_noise(row, column, grey, pixel)))
            responses = predict_movies(encoder, inputs[: len(shown)], mouse, batch=batch)
            phases = responses.split(list(PHASES), dim=2)
            means.append(torch.stack([phase.mean(dim=2) for phase in phases], dim=2).cpu())  # (B, N, 3)
        coarse = torch.cat(means).unflatten(0, (FRAME_HEIGHT // pixel, FRAME_WIDTH // pixel)).numpy()
        factors = (pixel, pixel, 1, 1)
        maps.append(zoom(coarse, factors, order=1, mode="nearest", grid_mode=True) if pixel > 1 else coarse)
    return maps[0], maps[1]


def response_map(responses: Array) -> NDArray[np.float64]:
    """Relative change during the stimulus, thresholded, smoothed, divided by its maximum (article, Eq. 11).

    Parameters
    ----------
    responses
        (instances, 36, 64, N, 3), mean response before, during and after; instances are averaged first.

    Returns
    -------
    NDArray
        (36, 64, N), NaN for neurons that never reach the threshold.
    """
    before, during, _ = np.moveaxis(np.asarray(responses, dtype=np.float64).mean(axis=0), -1, 0)
    change = np.divide(during - before, before, out=np.zeros_like(before), where=before > 0)
    smoothed = gaussian_filter(np.where(change >= THRESHOLD, change, 0), (SIGMA, SIGMA, 0), mode="constant")
    return _scaled(smoothed, smoothed.max(axis=(0, 1)))


def centres(maps: Array) -> NDArray[np.int64]:
    """Row and column of each map's maximum.

    Parameters
    ----------
    maps
        (36, 64, N), NaN for neurons without a field.

    Returns
    -------
    NDArray
        (N, 2), (-1, -1) for neurons without a field.
    """
    flat = maps.reshape(-1, maps.shape[-1])  # (pixels, N)
    missing = np.isnan(flat).any(axis=0)
    best = np.where(missing, 0, flat).argmax(axis=0)
    found = np.stack(np.unravel_index(best, maps.shape[:2]), axis=1).astype(np.int64)
    found[missing] = -1
    return found


def receptive_fields(on_responses: Array, off_responses: Array) -> ReceptiveFields:
    """On and Off receptive fields from sparse-noise responses.

    Parameters
    ----------
    on_responses, off_responses
        (instances, 36, 64, N, 3), as from `sparse_noise_responses`, stacked over instances.
    """
    on, off = response_map(on_responses), response_map(off_responses)
    difference = on - off
    return ReceptiveFields(on, off, centres(on), centres(off), _scaled(difference, np.abs(difference).max(axis=(0, 1))))


def population_fields(fields: ReceptiveFields) -> PopulationFields:
    """Mean receptive fields of a population (article, Eq. 13)."""
    on, off = _mean_of_defined(fields.on), _mean_of_defined(fields.off)
    return PopulationFields(
        on, off, _scaled(on - off, np.abs(on - off).max()), _scaled(on + off, np.abs(on + off).max())
    )


def _scaled(maps: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide by the size, NaN where that is 0 or NaN."""
    return maps / np.where(size > 0, size, np.nan)


def _mean_of_defined(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    defined = maps[..., ~np.isnan(maps).any(axis=(0, 1))]
    return defined.mean(axis=-1) if defined.shape[-1] else np.full(maps.shape[:2], np.nan)
