"""Something to see long before the figures: the first reconstruction of a run as a picture."""

import imageio.v3 as iio
import numpy as np

from movrecon_core.analysis import SKIPPED_FRAMES, grey_outside_mask, video_correlation
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.storage.files import replacing
from movrecon_core.study.stage import Task
from movrecon_core.study.study import Study

NAME = "first_reconstruction.png"
SHOWN_FRAMES, SCALE, GAP = 5, 4, 2
LIGHT = 230
"""Grey level between the frames."""


def first_look(study: Study, task: Task) -> str:
    """Write frames of a movie and, below, of what one instance found: ``OUT/first_reconstruction.png``.

    Returns
    -------
    str
        What it is, and where.
    """
    (mouse, movie, *_), unit = task.keys[0], task.units[0]
    truth, pixels = study.movie(mouse, movie), crop_movie(study.results.evaluation_mask(mouse))
    found = crop_movie(study.store.require(unit)["movie"].values)
    first = min(SKIPPED_FRAMES, len(truth) - 2)
    times = np.linspace(first, len(truth) - 1, SHOWN_FRAMES).round().astype(int)
    rows = [grey_outside_mask(frames[times], pixels) for frames in (truth, found)]
    tiles = np.pad(np.stack(rows), ((0, 0), (0, 0), (0, GAP), (0, GAP)), constant_values=LIGHT)
    picture = tiles.transpose(0, 2, 1, 3).reshape(2 * tiles.shape[2], -1)  # rows below, times beside each other
    with replacing(study.out / NAME) as temporary:
        iio.imwrite(temporary, picture.round().astype(np.uint8).repeat(SCALE, 0).repeat(SCALE, 1), extension=".png")
    value = video_correlation(truth[first:], found[first:], pixels)
    data = ", simulated" if study.simulated else ""
    return f"a first reconstruction ({study.label(mouse)}{data}): video correlation {value:.2f}, {study.out / NAME}"
