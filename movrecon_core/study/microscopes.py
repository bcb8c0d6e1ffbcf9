"""What another microscope records of a simulated mouse: another indicator, or other frames a second."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from movrecon_core.encoders.prediction import predicted_responses
from movrecon_core.encoders.true_neurons import TrueNeurons, shown_rates
from movrecon_core.recordings import Recording, Trial
from movrecon_core.simulation import ImagingConfig, SimulatedNeurons, known_imaging
from movrecon_core.simulation.imaging import scanned_at
from movrecon_core.simulation.indicators import imaged_with
from movrecon_core.study.conditions import Condition

SHOWN = 4
"""Movies that tell what is recorded on average of noise-free responses."""


def imaging_of(recording: Recording, condition: Condition) -> ImagingConfig:
    """Indicator and microscope that see a simulated mouse under a condition.

    Raises
    ------
    RecordingError
        If the mouse is not one of this simulator's.
    """
    imaging = known_imaging(recording)
    if condition.indicator is not None:
        imaging = imaged_with(condition.indicator, imaging)
    return imaging if condition.scan_rate is None else scanned_at(condition.scan_rate, imaging)


class OtherMicroscope:
    """Images the neurons of a simulated mouse again.

    Parameters
    ----------
    recording
        Of the mouse.
    imaging
        Indicator and microscope.
    """

    def __init__(self, recording: Recording, imaging: ImagingConfig) -> None:
        self._recording = recording
        self._simulated = SimulatedNeurons(recording)
        self._imaging = imaging

    def record(self, trial: Trial, seed: int) -> NDArray[np.float32]:
        """Responses (N, T) to a trial's movie under its behaviour; spikes and noise are drawn anew."""
        rates = shown_rates(self._recording, trial.movie, trial.behavior, trial.pupil_center)
        return self._simulated.recorded(rates, np.random.default_rng((seed, trial.index)), self._imaging)


def true_neurons(recording: Recording, imaging: ImagingConfig, trials: Sequence[int], seed: int) -> TrueNeurons:
    """A simulated mouse's neurons as an encoder of what a microscope records of them on average.

    Parameters
    ----------
    recording
        Of the mouse.
    imaging
        Indicator and microscope, its own or another.
    trials
        None of them held out; the first `SHOWN` are imaged again, so that all microscopes are known equally well.
    seed
        Of spikes and imaging noise.
    """
    neurons, microscope = TrueNeurons(recording, imaging), OtherMicroscope(recording, imaging)

    def showings() -> Iterator[tuple[NDArray[np.floating], NDArray[np.floating]]]:
        for number in trials[:SHOWN]:
            trial = recording.trial(number)
            noise_free = predicted_responses(neurons, 0, trial.movie, trial.behavior, trial.pupil_center)
            yield noise_free, microscope.record(trial, seed)

    neurons.expect(showings(), common=True)
    return neurons
