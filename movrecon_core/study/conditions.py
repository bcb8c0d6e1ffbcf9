"""What is reconstructed, and how: a movie under a condition."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from movrecon_core.simulation.indicators import Indicator
from movrecon_core.stimuli import SyntheticStimulus

Movie = int | SyntheticStimulus
"""A trial of a recording, by its number, or a synthetic stimulus."""

TargetKind = Literal["recorded", "averaged", "predicted", "ensemble", "noise-free", "noisy", "unshared"]
MaskKind = Literal["standard", "none", "strict"]
DroppedKind = Literal["silent", "missing"]
ChosenKind = Literal["random", "spread", "clustered", "diverse", "alike", "independent", "redundant"]
GradientKind = Literal["instance", "ensemble"]
InvertedKind = Literal["encoders", "neurons"]
BehaviorKind = Literal["given", "mean", "other"]

MASK_THRESHOLDS: dict[MaskKind, float] = {"none": 0.0, "standard": 0.5, "strict": 1.0}
"""Pixels with α at or above it may change (article, Fig. 1–S2B; "no mask" leaves out α < 0, as the scripts do)."""


@dataclass(frozen=True)
class Condition:
    """How a movie is reconstructed, whichever movie and instance.

    Attributes
    ----------
    target
        Responses to be explained: recorded, averaged over all showings of the movie (Cobos et al. 2022), predicted by
        the inverted instance (scripts, noise and gratings), the mean prediction of all instances (article; scripts,
        natural movies), what a simulation would have recorded without noise, with noise that neurons do not share, or,
        to synthetic movies, with all noise (``noisy``).
    mask
        Threshold of the training mask: 0.5, none, or 1.
    neurons
        Fraction of the population that is kept (article, Fig. 5), above 0 to 1.
    dropped
        The other neurons' recorded responses are 0 and count (``silent``, scripts), or do not count (``missing``,
        article).
    chosen
        Which neurons are kept: drawn at random (article); spread or clustered in visual space; with receptive fields
        that are diverse or alike; with signals that are independent or redundant.
    gradients
        One movie an instance, or one for all, found with the mean of their gradients.
    shuffled
        Control: responses are exchanged between neurons, the same exchange for all instances of a movie.
    inverted
        What the movie is found through: the trained encoders, or the neurons of a simulation themselves.
    behavior
        What is told of the mouse: its own behaviour and pupil position, their means, or those of a training trial.
    indicator, scan_rate
        Of the microscope that sees the neurons of a simulation respond to a synthetic movie, and through which they are
        inverted: an indicator, frames a second (Hz); None: the recording's own.
    """

    target: TargetKind = "recorded"
    mask: MaskKind = "standard"
    neurons: float = 1.0
    dropped: DroppedKind = "silent"
    chosen: ChosenKind = "random"
    gradients: GradientKind = "instance"
    shuffled: bool = False
    inverted: InvertedKind = "encoders"
    behavior: BehaviorKind = "given"
    indicator: Indicator | None = None
    scan_rate: float | None = None

    @property
    def name(self) -> str:
        """The target and all that differs from the standard: ``recorded-neurons-0.125-missing``."""
        parts: list[str] = [self.target]
        if self.mask != "standard":
            parts.append(f"mask-{self.mask}")
        if self.neurons < 1:
            parts.append(f"neurons-{self.neurons:g}-{self.dropped}")
        if self.chosen != "random":
            parts.append(self.chosen)
        if self.gradients != "instance":
            parts.append(f"gradients-{self.gradients}")
        if self.shuffled:
            parts.append("shuffled")
        if self.inverted != "encoders":
            parts.append(f"through-{self.inverted}")
        if self.behavior != "given":
            parts.append(f"behavior-{self.behavior}")
        if self.indicator is not None:
            parts.append(self.indicator)
        if self.scan_rate is not None:
            parts.append(f"scan-{self.scan_rate:g}-Hz")
        return "-".join(parts)

    @property
    def needs_truth(self) -> bool:
        """Whether it can be had of a simulation alone."""
        shown_to_neurons = self.target in ("noise-free", "noisy", "unshared")
        return shown_to_neurons or self.inverted == "neurons" or self.other_microscope

    @property
    def other_microscope(self) -> bool:
        """Whether the responses are seen by another microscope than the recording's."""
        return self.indicator is not None or self.scan_rate is not None

    @property
    def expects_noise(self) -> bool:
        """Whether the neurons that are inverted stand for what is recorded of them on average."""
        return self.inverted == "neurons" and self.target in ("recorded", "noisy")

    @property
    def first_instance(self) -> bool:
        """Whether the first instance alone finds it: where conditions are compared and the article has none of them."""
        parts_without_noise = self.neurons < 1 and self.target == "noise-free"
        chosen_or_noise = self.target == "unshared" or self.chosen != "random"
        return parts_without_noise or chosen_or_noise or self.behavior != "given"


RECORDED, PREDICTED = Condition(), Condition(target="ensemble")
OWN_PREDICTION = Condition(target="predicted")
AVERAGED = Condition(target="averaged")
"""Of movies that were shown more than once."""
SHUFFLED = Condition(shuffled=True)
MASKS_AND_GRADIENTS = (Condition(mask="none"), Condition(mask="strict"), Condition(gradients="ensemble"))
CHOSEN: tuple[ChosenKind, ...] = get_args(ChosenKind)
VARIATIONS = (*MASKS_AND_GRADIENTS, OWN_PREDICTION, SHUFFLED)
"""Beside recorded and predicted (article, Fig. 1–S2): an easier prediction, and a control, neurons exchanged."""
NOISE_FREE = Condition(target="noise-free")
THROUGH_NEURONS = Condition(inverted="neurons")
NOISE_FREE_THROUGH_NEURONS = Condition(target="noise-free", inverted="neurons")
UNSHARED = Condition(target="unshared")
WITHHELD, EXCHANGED = Condition(behavior="mean"), Condition(behavior="other")
TRUTH_KNOWN = (NOISE_FREE, THROUGH_NEURONS, NOISE_FREE_THROUGH_NEURONS)
"""Beside recorded, where the neurons and their noise-free responses are known (no counterpart in the article)."""

NOISY = Condition(target="noisy")
NOISY_THROUGH_NEURONS = Condition(target="noisy", inverted="neurons")
"""Under any microscope: no encoder that was trained on the recording's own limits it."""
SYNTHETIC_TRUTH = (NOISE_FREE, NOISY, NOISE_FREE_THROUGH_NEURONS)
"""Of synthetic movies beside predicted responses, where the neurons are known."""


def movie_name(movie: Movie) -> str:
    """A movie in the name of a file."""
    return f"trial-{movie}" if isinstance(movie, int) else movie.name


def stimulus_definition(stimulus: SyntheticStimulus) -> dict[str, Any]:
    """All that decides a synthetic stimulus, as JSON."""
    return {"kind": type(stimulus).__name__, **vars(stimulus)}
