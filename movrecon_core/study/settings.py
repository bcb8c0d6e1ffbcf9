"""The sections of a profile, with the article's values as defaults."""

import difflib
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from movrecon_core.decoders.by_name import LEARNERS
from movrecon_core.encoders.training import TrainingConfig
from movrecon_core.reconstruction import ReconstructionConfig
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.recordings.folds import FOLDS
from movrecon_core.simulation.imaging import TAIL
from movrecon_core.simulation.indicators import Indicator
from movrecon_core.stimuli import GratingStimulus, NoiseStimulus
from movrecon_core.study.conditions import NOISE_FREE_THROUGH_NEURONS, NOISY_THROUGH_NEURONS, Condition

STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)

NEURONS = "readout_outputs"
"""The parameter that the recordings decide: number of neurons of each mouse."""


class EncoderSettings(BaseModel):
    """Which encoder, and its size; the number of neurons comes from the recordings."""

    model_config = STRICT

    architecture: str = "factorised"  # article: DwiseNeuro; any of `known_encoders`
    parameters: dict[str, Any] = Field(default_factory=dict)


class GivenEncoders(BaseModel):
    """Encoders that are there already; nothing is trained then."""

    model_config = STRICT

    checkpoints: tuple[Path, ...] = ()  # one an instance; relative to the profile's folder


class MaskSource(BaseModel):
    """Where transparency masks come from, if not from the study's first instance and its held-out movies."""

    model_config = STRICT

    checkpoint: Path | None = None  # of another encoder; scripts: one of the competition's original ones
    fold: Annotated[int, Field(ge=0, lt=FOLDS)] | None = None  # that it held out; scripts: 1
    # Unseen by the encoder, or trained on: where it is surer of unseen movies than it should be, as after little
    # training, a fainter movie explains their responses best, and the mask gets holes where most neurons look.
    movies: Literal["unseen", "training"] = "unseen"  # article: not used for the reconstructions
    instances: int = Field(default=1, ge=1)  # of the study, the mean of whose masks is taken; scripts: one encoder
    files: tuple[Path, ...] = ()  # masks that are there, one a reconstructed mouse, in their order

    @model_validator(mode="after")
    def _one_source(self) -> "MaskSource":
        if self.files and self.checkpoint is not None:
            raise ValueError("give `checkpoint`, to train masks with, or `files`, which are masks already")
        if self.instances > 1 and (self.files or self.checkpoint is not None):
            raise ValueError("`instances` are the study's own; leave out `checkpoint` and `files`")
        if self.fold is not None and self.checkpoint is None:
            raise ValueError("`fold` is what the encoder of `checkpoint` held out; give that, too")
        return self


class ComparisonSettings(BaseModel):
    """Another encoder, trained on the same movies, to stand beside the study's own."""

    model_config = STRICT

    encoder: EncoderSettings
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    instances: int = Field(default=1, ge=1)
    reconstruction: ReconstructionConfig = Field(default_factory=ReconstructionConfig)
    trials_per_mouse: int = Field(default=2, ge=0)  # reconstructed with it, from recorded responses


class ReceptiveFieldSettings(BaseModel):
    """Sparse-noise mapping in silico (article, Retinotopic mapping)."""

    model_config = STRICT

    pixel_step: Literal[1, 2, 4] = 1  # divides the frame; article: every pixel of the 36 × 64
    instances: int = Field(default=1, ge=1)  # article's text: all 7; its scripts: the last


Positive = Annotated[float, Field(gt=0)]
Places = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
"""Of movies in the list of those that the rule holds out, from 0, near-duplicates of training movies included."""
SyntheticTargets = tuple[Literal["predicted", "ensemble"], ...]
"""Responses to synthetic stimuli: predicted by the inverted instance (scripts), mean over instances (article)."""


class VariationSettings(BaseModel):
    """Other training masks and gradient ensembling (article, Fig. 1–S2)."""

    model_config = STRICT

    trials_per_mouse: int = Field(default=10, ge=0)  # article: 10


class PopulationSettings(BaseModel):
    """Reconstruction from fewer neurons (article, Fig. 5)."""

    model_config = STRICT

    fractions: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.125, 0.25, 0.5)  # article
    dropped: tuple[Literal["silent", "missing"], ...] = ("silent", "missing")  # scripts, article
    trials_per_mouse: int = Field(default=10, ge=0)  # article: 10


class RedundancySettings(BaseModel):
    """Parts of a population that are chosen by what their neurons tell (no counterpart in the article)."""

    model_config = STRICT

    fractions: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.125, 0.25, 0.5)
    trials_per_mouse: int = Field(default=0, ge=0)  # found by the first instance, the other neurons missing


class TruthSettings(BaseModel):
    """What only a simulation can tell: movies found from noise-free responses, and through the neurons themselves."""

    model_config = STRICT

    trials_per_mouse: int = Field(default=0, ge=0)  # no counterpart in the article
    iterations: int = Field(default=100, ge=1)  # through the neurons


class NoiseSettings(BaseModel):
    """Gaussian-process noise (article, Fig. 4)."""

    model_config = STRICT

    lengths: tuple[Positive, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # pixels; the article labels 0.5 as 0
    durations: tuple[Positive, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # frames
    samples: int = Field(default=5, ge=0)  # article: 5
    inverted: bool = True  # article: both phases
    targets: SyntheticTargets = ("predicted", "ensemble")
    mice: int = Field(default=3, ge=0)  # article: 3

    @property
    def stimuli(self) -> tuple[NoiseStimulus, ...]:
        """All movies, the phase changing fastest."""
        return tuple(
            NoiseStimulus(length, duration, sample, inverted)
            for length in self.lengths
            for duration in self.durations
            for sample in range(self.samples)
            for inverted in ((False, True) if self.inverted else (False,))
        )


class GratingSettings(BaseModel):
    """Drifting gratings (article, Fig. 4–S1)."""

    model_config = STRICT

    directions: tuple[float, ...] = (0.0, 90.0, 180.0, 270.0)  # article: right, up, left, down
    spatial_frequencies: tuple[Positive, ...] = (0.5, 0.25, 0.125, 0.0625)  # cycles/pixel, article
    temporal_frequencies: tuple[Annotated[float, Field(ge=0)], ...] = (
        15.0,
        7.5,
        3.75,
        1.875,
        0.9375,
        0.46875,
        0.0,
    )  # Hz, article
    targets: SyntheticTargets = ("predicted", "ensemble")
    mice: int = Field(default=1, ge=0)  # article: 1

    @property
    def stimuli(self) -> tuple[GratingStimulus, ...]:
        """All movies, the direction changing fastest."""
        return tuple(
            GratingStimulus(direction, spatial, temporal)
            for spatial in self.spatial_frequencies
            for temporal in self.temporal_frequencies
            for direction in self.directions
        )


class ResolutionSettings(BaseModel):
    """Which of the noise movies and gratings are also found from responses of a simulation's own neurons."""

    model_config = STRICT

    noise: tuple[tuple[Positive, Positive], ...] = ()  # length (pixels) and duration (frames), of the first sample
    gratings: tuple[tuple[Positive, Annotated[float, Field(ge=0)]], ...] = ()  # cycles/pixel and Hz, first direction
    mice: int = Field(default=0, ge=0)  # no counterpart in the article
    indicators: tuple[Indicator, ...] = ()  # others than the recordings', which is GCaMP6s
    # Hz, others than the recordings', some 8; at most one scan a frame of the movie, in which spikes are counted.
    scan_rates: tuple[Annotated[float, Field(ge=FRAME_RATE / TAIL, le=FRAME_RATE)], ...] = ()

    @property
    def microscopes(self) -> tuple[Condition, ...]:
        """Conditions of the movies under every microscope, the recordings' own first; none where there is no other.

        Responses without noise are the same with any indicator: they stand for spikes.
        """
        others = [replace(NOISY_THROUGH_NEURONS, indicator=indicator) for indicator in self.indicators]
        for own in (NOISY_THROUGH_NEURONS, NOISE_FREE_THROUGH_NEURONS):
            others += [replace(own, scan_rate=rate) for rate in self.scan_rates]
        return (NOISY_THROUGH_NEURONS, *others) if others else ()


class BaselineSettings(BaseModel):
    """What reconstructions are compared with (no counterpart in the article)."""

    model_config = STRICT

    decoders: tuple[str, ...] = ()  # movies straight from responses; any of LEARNERS
    methods: dict[str, ReconstructionConfig] = Field(default_factory=dict)  # other settings, with instance 0
    trials_per_mouse: int = Field(default=10, ge=0)  # found by these methods

    @field_validator("decoders")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in LEARNERS:
                raise ValueError(f"no decoder is called '{name}'; {suggestion(name, list(LEARNERS))}")
        return names


class PlanningSettings(BaseModel):
    """Experiments of other sizes, made of the study's mice (no counterpart in the article).

    The first value of everything makes the base; each other one is planned with all else as in the base.
    """

    model_config = STRICT

    densities: tuple[Positive, ...] = ()  # neurons per mm² of an imaging plane; none: nothing is planned
    areas: Annotated[tuple[Positive, ...], Field(min_length=1)] = (0.36,)  # mm²; recordings: 0.38
    planes: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (10,)  # recordings: 10
    minutes: Annotated[tuple[Positive, ...], Field(min_length=1)] = (10.0,)  # of training movies; recordings: some 60
    indicators: tuple[Indicator, ...] = ()  # others than the recordings'; of simulated mice alone
    movies: int = Field(default=3, ge=1)  # of a mouse
    training: TrainingConfig | None = None  # None: the study's


_Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:,=/@+-]+$")]
"""Text that can stand in a job script and run nothing."""


class ClusterSettings(BaseModel):
    """What `--scheduler slurm` asks for; no influence on the result."""

    model_config = STRICT

    jobs: int = Field(default=4, ge=1)  # at once; one worker a job
    queue: _Word | None = None
    account: _Word | None = None
    walltime: Annotated[str, Field(pattern=r"^(\d+-\d+(:\d+){0,2}|\d+(:\d+){0,2})$")] = "24:00:00"  # as Slurm has it
    cores: int = Field(default=4, ge=1)  # of a job
    memory: _Word = "16GB"  # of a job
    options: dict[_Word, _Word] = Field(default_factory=dict)  # of sbatch: gres: gpu:1
    interface: _Word | None = None  # network of the workers, such as ib0


def suggestion(key: str, valid: list[str]) -> str:
    """The valid key closest to a misspelt one, or all of them where none is close."""
    close = difflib.get_close_matches(key, valid, n=1)
    return f"did you mean '{close[0]}'?" if close else f"valid: {', '.join(sorted(valid))}"
