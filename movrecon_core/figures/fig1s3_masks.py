"""Receptive fields and masks: which part of the screen the neurons see, and where reconstruction works."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from movrecon_core.analysis import (
    ReceptiveFields,
    full_screen_diameter,
    mask_diameter,
    mask_size,
    pixel_correlation,
    population_fields,
)
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.figures.images import image_table, labelled
from movrecon_core.figures.published import published
from movrecon_core.figures.rows import Row, mean_row
from movrecon_core.reconstruction import evaluation_mask, training_mask
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH
from movrecon_core.study.study import Study

_PUBLISHED = "figure_1_supplement_3"
MASKS = {"training mask, α ≥ 0.5": training_mask, "evaluation mask, α ≥ 1": evaluation_mask}


def mask_panels(study: Study) -> dict[str, pd.DataFrame]:
    """What the figure of receptive fields and masks draws; each map is (36, 64), the screen.

    Returns
    -------
    dict
        ``A`` On minus Off field of each mouse's best predicted neuron, ``B`` mean On and Off field of the population,
        ``C`` how many neurons have the centre of their On and of their Off field at each pixel, ``D`` transparency
        mask, ``E`` correlation over time of each pixel, mean over movies.
    """
    fields = {mouse: _fields(study, mouse) for mouse in study.reconstructed_mice}
    labels = [study.label(mouse) for mouse in study.reconstructed_mice]

    def maps(images: list[NDArray], value: str) -> pd.DataFrame:
        return image_table(labelled(np.stack(images), mouse=labels), value)

    examples = [found.on_minus_off[..., _best_neuron(study, mouse, found)] for mouse, found in fields.items()]
    counts = [np.stack([_counts(found.on_centres), _counts(found.off_centres)]) for found in fields.values()]
    correlations = [_pixel_correlations(study, mouse) for mouse in study.reconstructed_mice]
    return {
        "A": maps(examples, "response"),
        "B": maps([field_coverage(study, mouse) for mouse in fields], "response"),
        "C": image_table(labelled(np.stack(counts), mouse=labels, row=["On", "Off"]), "neurons"),
        "D": maps([crop_movie(study.results.alpha(mouse)) for mouse in study.reconstructed_mice], "alpha"),
        "E": image_table(labelled(np.stack(correlations), mouse=labels, row=list(MASKS)), "correlation"),
    }


def mask_sizes(study: Study) -> pd.DataFrame:
    """Size in degrees of each mouse's masks.

    Returns
    -------
    DataFrame
        ``mouse``, ``mask``, ``height``, ``width`` and ``diameter`` in degrees, ``pixels``.
    """
    rows = []
    for mouse in study.reconstructed_mice:
        for name, mask in MASKS.items():
            pixels = mask(crop_movie(study.results.alpha(mouse)))
            height, width = mask_size(pixels)
            rows.append((study.label(mouse), name, height, width, mask_diameter(pixels), int(pixels.sum())))
    return pd.DataFrame(rows, columns=["mouse", "mask", "height", "width", "diameter", "pixels"]).round(1)


def field_coverage(study: Study, mouse: int) -> NDArray[np.float64]:
    """Mean On and Off field of a mouse's neurons (36, 64), largest value 1; NaN where no neuron has one."""
    return population_fields(_fields(study, mouse)).on_or_off


def _trained_with(study: Study) -> Iterator[Row]:
    """Of how many movies masks were learned; none is a reconstructed one."""
    found = [study.result("masks", mouse).attrs for mouse in study.reconstructed_mice]
    unseen, trained_on = (sum(len(mask[name]) for mask in found) for name in ("unseen", "trained_on"))
    note = "given as files, not trained" if unseen + trained_on == 0 else "of all mice; none is reconstructed"
    yield Row("1–S3", "movies that masks were trained on", "count", ours=unseen + trained_on, note=note)
    few = "the profile asks for them" if study.profile.masks.movies == "training" else "too few others"
    note = few if trained_on else "there are enough others"
    yield Row("1–S3", "of these, movies that encoders were trained on", "count", ours=trained_on, note=note)


def rows(study: Study, sizes: pd.DataFrame, seed: int) -> Iterator[Row]:
    """Height and width of the masks, the size of the screen, and what the masks were trained on.

    Parameters
    ----------
    study
        With masks.
    sizes
        Of `mask_sizes`.
    seed
        Of the bootstrap.
    """
    for mask, key in zip(MASKS, ("training_mask", "evaluation_mask"), strict=True):
        found, theirs = sizes[sizes["mask"] == mask], published(f"{_PUBLISHED}.{key}_height_width_deg")
        for side, value in zip(("height", "width"), np.mean(theirs, axis=0), strict=True):
            name = f"{mask}: {side} (°)"
            yield mean_row(
                "1–S3", name, float(value), found[side], found["mouse"], seed, kind="degrees", note="n: mice"
            )
    for side, ours, value in zip(
        ("height", "width"),
        mask_size(np.ones((FRAME_HEIGHT, FRAME_WIDTH), dtype=bool)),
        published(f"{_PUBLISHED}.full_screen_height_width_deg"),
        strict=True,
    ):
        yield Row("1–S3", f"full screen: {side} (°)", "degrees", value, round(ours, 1))
    yield from _trained_with(study)
    theirs = published(f"{_PUBLISHED}.full_screen_equivalent_diameter_deg")
    yield Row("1–S3", "full screen: diameter (°)", "degrees", theirs, full_screen_diameter())


def _fields(study: Study, mouse: int) -> ReceptiveFields:
    found = study.result("receptive_fields", mouse)
    names = ("on", "off", "on_centres", "off_centres", "on_minus_off")
    return ReceptiveFields(*(found[name].values for name in names))


def _best_neuron(study: Study, mouse: int, fields: ReceptiveFields) -> int:
    """The neuron that is predicted best among those that have both an On and an Off field, or else among all."""
    predicted = study.result("evaluations", mouse)["ensemble_correlation"].values
    both = (fields.on_centres >= 0).all(axis=1) & (fields.off_centres >= 0).all(axis=1)
    return int(np.where(both, predicted, predicted - 2).argmax())


def _counts(centres: NDArray[np.integer]) -> NDArray[np.int64]:
    """Centres (N, 2) counted by pixel (36, 64); neurons without a field are left out."""
    counts = np.zeros((FRAME_HEIGHT, FRAME_WIDTH), dtype=np.int64)
    np.add.at(counts, tuple(centres[(centres >= 0).all(axis=1)].T), 1)
    return counts


def _pixel_correlations(study: Study, mouse: int) -> NDArray[np.floating]:
    """Mean over movies, (masks, 36, 64); NaN outside each mask."""
    maps = []
    for trial in study.trials.reconstructed(mouse):
        truth, found, _ = study.results.judged(mouse, trial).evaluated
        maps.append(pixel_correlation(truth, found))
    defined = ~np.isnan(maps)
    mean = np.where(defined, maps, 0).sum(axis=0) / np.maximum(defined.sum(axis=0), 1)
    inside = [mask(crop_movie(study.results.alpha(mouse))) & defined.any(axis=0) for mask in MASKS.values()]
    return np.where(inside, mean, np.nan)
