"""What a plan keeps of a mouse's recording, as a recording of its own: an encoder knows nothing of the rest."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from movrecon_core.recordings import TIERS_FILE, Recording
from movrecon_core.simulation import known_imaging
from movrecon_core.simulation.indicators import Indicator, imaged_with
from movrecon_core.study.microscopes import OtherMicroscope


def keep_part(
    recording: Recording,
    trials: Sequence[int],
    neurons: NDArray[np.intp],
    indicator: Indicator | None,
    folder: Path,
    seed: int,
) -> Recording:
    """Write the responses of some neurons in some trials beside links to movies and behaviour.

    Parameters
    ----------
    recording
        Of all neurons.
    trials
        Others have no responses.
    neurons
        Their places in the population.
    indicator
        With which a simulated mouse is imaged again; None: the responses are those of the recording.
    folder
        Where the part's directory is made.
    seed
        Of spikes and imaging noise, if it is imaged again.
    """
    path = folder / recording.name
    (path / "data" / "responses").mkdir(parents=True)
    for signal in recording.signals:
        if signal != "responses":
            (path / "data" / signal).symlink_to((recording.path / "data" / signal).resolve())
    (path / TIERS_FILE).parent.mkdir(parents=True)
    (path / TIERS_FILE).symlink_to((recording.path / TIERS_FILE).resolve())
    part, microscope = Recording(path), None if indicator is None else _other_microscope(recording, indicator)
    for number in trials:
        trial = recording.trial(number)
        found = trial.responses if microscope is None else microscope.record(trial, seed)
        np.save(part.file("responses", number), found[neurons].astype(np.float32))
    return part


def _other_microscope(recording: Recording, indicator: Indicator) -> OtherMicroscope:
    return OtherMicroscope(recording, imaged_with(indicator, known_imaging(recording)))
