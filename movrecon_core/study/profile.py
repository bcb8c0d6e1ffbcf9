"""The size of a study: one YAML file, every key checked before anything runs."""

import dataclasses
import difflib
import json
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from movrecon_core.decoders.by_name import LEARNERS
from movrecon_core.encoders.checkpoints import known_encoders
from movrecon_core.encoders.training import TrainingConfig
from movrecon_core.encoders.training_limits import require_training
from movrecon_core.errors import ProfileError
from movrecon_core.plain_yaml import load_plain_yaml
from movrecon_core.reconstruction import MaskConfig, ReconstructionConfig
from movrecon_core.reconstruction.methods import with_methods
from movrecon_core.recordings.folds import FOLDS
from movrecon_core.simulation import SimulationConfig
from movrecon_core.stimuli import GratingStimulus, NoiseStimulus

_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)

_NEURONS = "readout_outputs"
"""The parameter that the recordings decide: number of neurons of each mouse."""


class EncoderSettings(BaseModel):
    """Which encoder, and its size; the number of neurons comes from the recordings."""

    model_config = _STRICT

    architecture: str = "factorised"  # article: DwiseNeuro; any of `known_encoders`
    parameters: dict[str, Any] = Field(default_factory=dict)


class GivenEncoders(BaseModel):
    """Encoders that are there already; nothing is trained then."""

    model_config = _STRICT

    checkpoints: tuple[Path, ...] = ()  # one an instance; relative to the profile's folder


class MaskSource(BaseModel):
    """Where transparency masks come from, if not from the study's first instance and its held-out movies."""

    model_config = _STRICT

    checkpoint: Path | None = None  # of another encoder; scripts: one of the competition's original ones
    fold: Annotated[int, Field(ge=0, lt=FOLDS)] | None = None  # that it held out; scripts: 1
    # Unseen by the encoder, or trained on: where it is surer of unseen movies than it should be, as after little
    # training, a fainter movie explains their responses best, and the mask gets holes where most neurons look.
    movies: Literal["unseen", "training"] = "unseen"  # article: not used for the reconstructions
    files: tuple[Path, ...] = ()  # masks that are there, one a reconstructed mouse, in their order

    @model_validator(mode="after")
    def _one_source(self) -> "MaskSource":
        if self.files and self.checkpoint is not None:
            raise ValueError("give `checkpoint`, to train masks with, or `files`, which are masks already")
        if self.fold is not None and self.checkpoint is None:
            raise ValueError("`fold` is what the encoder of `checkpoint` held out; give that, too")
        return self


class ComparisonSettings(BaseModel):
    """One instance of another encoder, trained on the same movies, to stand beside the study's own."""

    model_config = _STRICT

    encoder: EncoderSettings
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    reconstruction: ReconstructionConfig = Field(default_factory=ReconstructionConfig)
    trials_per_mouse: int = Field(default=2, ge=0)  # reconstructed with it, from recorded responses


class ReceptiveFieldSettings(BaseModel):
    """Sparse-noise mapping in silico (article, Retinotopic mapping)."""

    model_config = _STRICT

    pixel_step: Literal[1, 2, 4] = 1  # divides the frame; article: every pixel of the 36 × 64
    instances: int = Field(default=1, ge=1)  # article's text: all 7; its scripts: the last


Positive = Annotated[float, Field(gt=0)]
Places = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
"""Of movies in the list of those that the rule holds out, from 0, near-duplicates of training movies included."""
SyntheticTargets = tuple[Literal["predicted", "ensemble"], ...]
"""Responses to synthetic stimuli: predicted by the inverted instance (scripts), mean over instances (article)."""


class VariationSettings(BaseModel):
    """Other training masks and gradient ensembling (article, Fig. 1–S2)."""

    model_config = _STRICT

    trials_per_mouse: int = Field(default=10, ge=0)  # article: 10


class PopulationSettings(BaseModel):
    """Reconstruction from fewer neurons (article, Fig. 5)."""

    model_config = _STRICT

    fractions: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.125, 0.25, 0.5)  # article
    dropped: tuple[Literal["silent", "missing"], ...] = ("silent", "missing")  # scripts, article
    trials_per_mouse: int = Field(default=10, ge=0)  # article: 10


class TruthSettings(BaseModel):
    """What only a simulation can tell: movies found from noise-free responses, and through the neurons themselves."""

    model_config = _STRICT

    trials_per_mouse: int = Field(default=0, ge=0)  # no counterpart in the article
    iterations: int = Field(default=100, ge=1)  # through the neurons


class NoiseSettings(BaseModel):
    """Gaussian-process noise (article, Fig. 4)."""

    model_config = _STRICT

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

    model_config = _STRICT

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


class BaselineSettings(BaseModel):
    """What reconstructions are compared with (no counterpart in the article)."""

    model_config = _STRICT

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


_Share = Annotated[float, Field(gt=0, le=1)]


class PlanningSettings(BaseModel):
    """An in-silico mouse at several noise levels, and parts of its population (no counterpart in the article)."""

    model_config = _STRICT

    ceilings: tuple[Annotated[float, Field(ge=0.05, le=0.95)], ...] = ()  # of the simulation; none: nothing is planned
    neurons: int = Field(default=500, ge=8)
    trials: int = Field(default=77, ge=14)
    fractions: tuple[_Share, ...] = (0.125, 0.25, 0.5, 1.0)  # of the neurons that are kept; article, Fig. 5
    areas: tuple[_Share, ...] = (0.25, 0.5, 1.0)  # of the neurons that a patch of cortex holds
    movies: int = Field(default=3, ge=2)
    training: TrainingConfig | None = None  # None: the study's

    @property
    def patched_ceiling(self) -> float:
        """The noise level, in the middle, at which the area is varied too."""
        return sorted(self.ceilings)[len(self.ceilings) // 2]


_Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:,=/@+-]+$")]
"""Text that can stand in a job script and run nothing."""


class ClusterSettings(BaseModel):
    """What `--scheduler slurm` asks for; no influence on the result."""

    model_config = _STRICT

    jobs: int = Field(default=4, ge=1)  # at once; one worker a job
    queue: _Word | None = None
    account: _Word | None = None
    walltime: _Word = "24:00:00"
    cores: int = Field(default=4, ge=1)  # of a job
    memory: _Word = "16GB"  # of a job
    options: dict[_Word, _Word] = Field(default_factory=dict)  # of sbatch: gres: gpu:1
    interface: _Word | None = None  # network of the workers, such as ib0


class Profile(BaseModel):
    """Everything that decides the size and the parameters of a study."""

    model_config = _STRICT

    name: str
    seed: int = Field(default=0, ge=0)
    held_out: str = "fold:0"  # article: fold 0
    tiers: dict[str, tuple[str, ...]] = Field(default_factory=dict)  # used, by a mouse's name; else all
    reconstructed_mice: tuple[str, ...] | None = None  # article: 5 of the 10, by name; None: all
    trials_per_mouse: int = Field(default=10, ge=1)  # article: 10 movies of each mouse
    reconstructed_trials: dict[str, Places] = Field(default_factory=dict)  # by a mouse's name; else its first ones
    instances: int = Field(default=7, ge=1)  # article: 7
    from_predicted: bool = True  # article: Fig. 1–S2C, from the mean prediction of all instances
    batch_trials: int = Field(default=4, ge=1)  # movies optimised together; no influence on the result
    simulation: SimulationConfig = Field(default_factory=SimulationConfig)
    encoder: EncoderSettings = Field(default_factory=EncoderSettings)
    encoders: GivenEncoders = GivenEncoders()
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    masks: MaskSource = MaskSource()
    mask: MaskConfig = Field(default_factory=MaskConfig)
    mask_segments: int = Field(default=1, ge=1)  # scripts: one segment of each held-out movie, frames 50–81
    receptive_fields: ReceptiveFieldSettings = ReceptiveFieldSettings()
    reconstruction: ReconstructionConfig = Field(default_factory=ReconstructionConfig)
    variations: VariationSettings = VariationSettings()
    population: PopulationSettings = PopulationSettings()
    truth: TruthSettings = TruthSettings()
    noise: NoiseSettings = NoiseSettings()
    gratings: GratingSettings = GratingSettings()
    comparison: ComparisonSettings | None = None  # article: one architecture alone
    baselines: BaselineSettings = Field(default_factory=BaselineSettings)
    planning: PlanningSettings = PlanningSettings()
    cluster: ClusterSettings = ClusterSettings()
    notebooks: dict[str, dict[str, Any]] = Field(default_factory=dict)  # name: parameters other than the folders


def load_profile(name: str, folder: Path) -> Profile:
    """Read and check a profile.

    Parameters
    ----------
    name
        Name of a profile of `folder`, or the path of a YAML file. Its key ``based_on`` names a profile of `folder`
        whose keys it need not repeat.
    folder
        Where the profiles are.

    Raises
    ------
    ProfileError
        If there is no such profile, it is not YAML, or a key or value is not valid.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    if not path.is_file():
        hint = suggestion(Path(name).stem, [p.stem for p in folder.glob("*.yaml")])
        raise ProfileError(f"{path}: no such profile; {hint}")
    content = _read(path)
    if (base := content.pop("based_on", None)) is not None:
        below = folder / f"{base}.yaml"
        if not below.is_file() or below.resolve() == path.resolve():
            raise ProfileError(f"{path}: 'based_on': no other profile is called '{base}'")
        content = _merged(_read(below), content)
    return _anchored(parse_profile({"name": path.stem, **content}, str(path)), path.resolve().parent)


def parse_profile(content: Mapping[str, Any], source: str) -> Profile:
    """Check a profile's content.

    Raises
    ------
    ProfileError
        Names the key, what was expected, and for an unknown key the closest valid one.
    """
    try:
        content = with_methods(content)
    except ProfileError as error:
        raise ProfileError(f"{source}: {error}") from None
    unknown = unknown_key(content, Profile)
    if unknown is not None:
        raise ProfileError(f"{source}: {unknown}")
    try:
        # As JSON, so that lists may fill tuples while "1e-4", a text, still fills no number.
        text = json.dumps(content, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ProfileError(
            f"{source}: a value is neither text, finite number, switch, list nor mapping ({_one_line(error)})"
        ) from None
    try:
        return _complete(Profile.model_validate_json(text, strict=True), source)
    except (ValidationError, TypeError, ValueError) as error:
        raise ProfileError(f"{source}: {_explained(error)}") from None


def encoder_parameters(settings: EncoderSettings, neurons: tuple[int, ...]) -> dict[str, Any]:
    """All parameters that build the encoder for these mice."""
    return {**settings.parameters, _NEURONS: neurons}


def unknown_key(content: Any, model: Any, path: str = "") -> str | None:
    """First key of nested content that a model does not know, in words; None if all are known.

    Parameters
    ----------
    content
        What was read from YAML.
    model
        A pydantic model or a dataclass.
    path
        Key under which the content stands.
    """
    fields = _fields(model)
    if fields is None or not isinstance(content, Mapping):
        return None
    for key, value in content.items():
        if key not in fields:
            return f"unknown key '{path}{key}'; {suggestion(str(key), list(fields))}"
        found = unknown_key(value, fields[key], f"{path}{key}.")
        if found is not None:
            return found
    return None


def suggestion(key: str, valid: list[str]) -> str:
    """The valid key closest to a misspelt one, or all of them where none is close."""
    close = difflib.get_close_matches(key, valid, n=1)
    return f"did you mean '{close[0]}'?" if close else f"valid: {', '.join(sorted(valid))}"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = load_plain_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ProfileError(f"{path}: not readable as YAML ({_one_line(error)})") from None
    if not isinstance(content, dict):
        raise ProfileError(f"{path}: expected keys and values, found {type(content).__name__}")
    return content


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """One profile's keys over another's, section by section."""
    sections = {k for k in above if isinstance(above[k], Mapping) and isinstance(below.get(k), Mapping)}
    return {**below, **above, **{key: _merged(below[key], above[key]) for key in sections}}


def _anchored(profile: Profile, folder: Path) -> Profile:
    """Give the files that a profile names their place from its folder; absolute ones stay."""
    encoders = GivenEncoders(checkpoints=tuple(folder / path for path in profile.encoders.checkpoints))
    masks = profile.masks.model_copy(
        update={
            "checkpoint": profile.masks.checkpoint and folder / profile.masks.checkpoint,
            "files": tuple(folder / path for path in profile.masks.files),
        }
    )
    return profile.model_copy(update={"encoders": encoders, "masks": masks})


def _complete(profile: Profile, source: str) -> Profile:
    """Check the encoders' parameters against their configurations and fill in those that were left out."""
    if (given := len(profile.encoders.checkpoints)) not in (0, profile.instances):
        raise ProfileError(f"{source}: 'encoders.checkpoints': {given}, but instances: {profile.instances}")
    update: dict[str, Any] = {"encoder": _complete_encoder(profile.encoder, f"{source}: ", "encoder")}
    trainings = [("training", profile.training, update["encoder"])]
    if profile.planning.training is not None:
        trainings.append(("planning.training", profile.planning.training, update["encoder"]))
    if profile.comparison is not None:
        encoder = _complete_encoder(profile.comparison.encoder, f"{source}: ", "comparison.encoder")
        update["comparison"] = profile.comparison.model_copy(update={"encoder": encoder})
        trainings.append(("comparison.training", profile.comparison.training, encoder))
    for key, training, encoder in trainings:
        require_training(training, encoder.parameters.get("stack_frames"), f"{source}: '{key}")
    return profile.model_copy(update=update)


def _complete_encoder(settings: EncoderSettings, source: str, key: str) -> EncoderSettings:
    known = known_encoders()
    if settings.architecture not in known:
        raise ProfileError(
            f"{source}'{key}.architecture': no encoder is called '{settings.architecture}'; "
            f"{suggestion(settings.architecture, list(known))}"
        )
    config = known[settings.architecture]
    allowed = [field.name for field in dataclasses.fields(config) if field.name != _NEURONS]
    for name in settings.parameters:
        if name not in allowed:
            raise ProfileError(f"{source}unknown key '{key}.parameters.{name}'; {suggestion(name, allowed)}")
    adapter: TypeAdapter[Any] = TypeAdapter(config)
    complete = adapter.validate_json(json.dumps({**settings.parameters, _NEURONS: [1]}), strict=True)
    return settings.model_copy(update={"parameters": {name: getattr(complete, name) for name in allowed}})


def _fields(model: Any) -> dict[str, Any] | None:
    if get_origin(model) in (Union, types.UnionType):
        return next((fields for part in get_args(model) if (fields := _fields(part)) is not None), None)
    if isinstance(model, type) and issubclass(model, BaseModel):
        return {name: field.annotation for name, field in model.model_fields.items()}
    if isinstance(model, type) and dataclasses.is_dataclass(model):
        return {field.name: field.type for field in dataclasses.fields(model)}
    return None


def _explained(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return _one_line(error)
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"'{key}': {first['msg']}, found {first['input']!r}{more}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
