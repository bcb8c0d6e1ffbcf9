"""Makes the files of this folder from the whole golden set: `python tests/golden/sample.py ../shared/golden`.

What the tests compute from stays whole; of large expected results every n-th entry of each axis is kept. The steps are
odd, so that both halves of what the networks and windows take in steps of two and eight are seen, and they end on the
last row and column: 7 of 64 rows also meets the first and last row of the movie inside the padded frame.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

FRAME = (7, 3)
"""Steps along the 64 rows and columns of a padded frame,"""
SCREEN = (5, 3)
"""and along the 36 rows and 64 columns of the movie in it."""
TRIAL_STEP = 5
"""Frames of the trial whose network inputs are compared: each input frame depends on its own frame alone."""

STRIDES: dict[str, dict[str, tuple[int, ...]]] = {
    "dwiseneuro": {r"grad_input": (1, 1, 3, *FRAME)},
    "mask_training": {r"mask_after_\d+_all_frames": (1, 1, *FRAME)},
    "metrics": {r"matched_\w+|norm_video_\w+|\w+_grey_outside_mask|gaussian_filtered": (1, *SCREEN)},
    "receptive_fields": {r"(on|off)_maps|on_minus_off": (*SCREEN, 1)},
    "reconstruction": {r"\w_video_after_\d+|a_gradient_first_iteration": (1, *FRAME)},
}
"""For each file, arrays by the pattern of their names, and how far apart the kept entries are along each axis."""


def sampled(arrays: Arrays, strides: dict[str, tuple[int, ...]]) -> Arrays:
    """Arrays with samples in place of some, each with ``stride/NAME`` and ``shape/NAME``."""
    kept = {}
    for name, values in arrays.items():
        kept[name] = values
        for stride in (stride for pattern, stride in strides.items() if re.fullmatch(pattern, name)):
            assert len(stride) == values.ndim, name
            kept[name] = values[tuple(slice(None, None, step) for step in stride)]
            kept[f"stride/{name}"], kept[f"shape/{name}"] = np.array(stride), np.array(values.shape)
    return kept


def without_movies(arrays: Arrays) -> Arrays:
    """Reconstruction starts from responses: the movies that were shown are not read."""
    unread = {"video", "e_video", "f_video", "responses_raw"}
    return {name: values for name, values in arrays.items() if name not in unread}


def fewer_frames(arrays: Arrays) -> Arrays:
    """The network's input and the trial that it is made from, at the same few frames."""
    frames = slice(None, None, TRIAL_STEP)
    return {name: values[:, frames] if name == "inputs" else values[..., frames] for name, values in arrays.items()}


def without_responses_after(arrays: Arrays) -> Arrays:
    """Maps are made from the responses before and during the stimulus; those after it become 0."""
    for name in ("on_responses", "off_responses"):
        arrays[name][..., 2] = 0
    return arrays


def without_unread_frames(arrays: Arrays, clips: list[dict[str, Any]]) -> Arrays:
    """Clips whose frames are 0 but for the first, which near-duplicates share, and those that are hashed."""
    for clip in clips:
        unread = np.setdiff1d(np.arange(clip["real_frames"]), [0, *clip["hashed_frames"]])
        arrays["videos"][clip["clip"]][..., unread] = 0
    return arrays


def main(
    whole: Annotated[Path, typer.Argument(help="Folder of the whole set.", exists=True, file_okay=False)],
    out: Annotated[Path, typer.Argument(help="Where the sample goes.", file_okay=False)] = Path(__file__).parent,
) -> None:
    """Write the sample of every file of the whole set."""
    clips = json.loads((whole / "folds.json").read_text(encoding="utf-8"))["clips"]
    lessened: dict[str, Callable[[Arrays], Arrays]] = {
        "reconstruction": without_movies,
        "inputs": fewer_frames,
        "receptive_fields": without_responses_after,
        "folds_videos": lambda arrays: without_unread_frames(arrays, clips),
    }
    for file in sorted(whole.glob("*.npz")):
        with np.load(file, allow_pickle=False) as stored:
            arrays = dict(stored)
        arrays = lessened.get(file.stem, dict)(arrays)
        np.savez_compressed(out / file.name, **sampled(arrays, STRIDES.get(file.stem, {})))
    for file in [*whole.glob("*.json"), *whole.glob("*.pth")]:
        shutil.copyfile(file, out / file.name)


if __name__ == "__main__":
    typer.run(main)
