"""What the figures of synthetic stimuli share: which were reconstructed, from whose predictions, example frames."""

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from movrecon_core.analysis import match_contrast_luminance
from movrecon_core.errors import NothingToShowError, ProfileError
from movrecon_core.figures.images import image_table, labelled
from movrecon_core.stimuli import GratingStimulus, NoiseStimulus, SyntheticStimulus
from movrecon_core.study.conditions import Condition
from movrecon_core.study.study import Study

TARGETS = {"predicted": "same instance", "ensemble": "ensemble"}
"""Whose prediction is reconstructed: the scripts' reading, the article's."""


Stimulus = TypeVar("Stimulus", NoiseStimulus, GratingStimulus)


class Shown(NamedTuple, Generic[Stimulus]):
    """A synthetic stimulus as it was reconstructed for one mouse."""

    mouse: int
    stimulus: Stimulus
    condition: Condition

    @property
    def target(self) -> str:
        return TARGETS[self.condition.target]


def in_words(stimulus: SyntheticStimulus) -> str:
    """A stimulus whichever sample, phase or direction."""
    if isinstance(stimulus, NoiseStimulus):
        return f"noise {stimulus.length:g} px, {stimulus.duration:g} frames"
    return f"grating {stimulus.spatial_frequency:g} cycles/px, {stimulus.temporal_frequency:g} Hz"


def shown_stimuli(study: Study, kind: type[Stimulus]) -> list[Shown[Stimulus]]:
    """Every reconstruction of one kind of stimulus that the profile asks for.

    Raises
    ------
    NothingToShowError
        If there is none.
    """
    found = [Shown(m, s, c) for m, s, c in study.asked.reconstructions() if isinstance(s, kind) and c.target in TARGETS]
    if not found:
        section = "noise" if kind is NoiseStimulus else "gratings"
        raise NothingToShowError(
            f"the profile reconstructs no {section}; give its section `{section}` a mouse, a stimulus and a target"
        )
    return found


def of_one_mouse(shown: Sequence[Shown[Stimulus]], target: str, mouse: int) -> list[Shown[Stimulus]]:
    """Reconstructions from one kind of prediction, of one mouse by its place among those that were shown any.

    Raises
    ------
    ProfileError
        If there are none.
    """
    chosen = [one for one in shown if one.target == target]
    mice = list(dict.fromkeys(one.mouse for one in chosen))
    if mouse >= len(mice):
        raise ProfileError(
            f"no synthetic stimulus was reconstructed from predictions of '{target}' for mouse {mouse} (from 0); "
            f"the profile's targets: {', '.join(sorted({one.target for one in shown}))}"
        )
    return [one for one in chosen if one.mouse == mice[mouse]]


def example_frames(
    study: Study, shown: Sequence[Shown[Stimulus]], names: Sequence[str], frame: int, columns: slice
) -> dict[str, pd.DataFrame]:
    """One frame of each stimulus and of its reconstruction, in the mouse's evaluation mask.

    Parameters
    ----------
    study
        With reconstructions.
    shown
        Which stimuli.
    names
        Attributes that tell them apart.
    frame
        Among those that are evaluated, from 0, or from the end where it is negative.
    columns
        Part of the screen that is shown.

    Returns
    -------
    dict
        ``A`` stimuli, ``B`` reconstructions with the stimulus's contrast and luminance: `names`, ``y``, ``x``,
        ``grey``; NaN outside the mask.
    """
    tables: dict[str, list[pd.DataFrame]] = {"A": [], "B": []}
    for mouse, stimulus, condition in shown:
        truth, found, mask = study.results.judged(mouse, stimulus, condition).evaluated
        movies: dict[str, NDArray[np.floating]] = {"A": truth, "B": match_contrast_luminance(found, truth, mask)}
        for panel, movie in movies.items():
            table = image_table(labelled(np.where(mask, movie[frame], np.nan)[:, columns]), "grey")
            tables[panel].append(table.assign(**{name: getattr(stimulus, name) for name in names}))
    order = [*names, "y", "x", "grey"]
    return {panel: pd.concat(parts, ignore_index=True)[order] for panel, parts in tables.items()}
