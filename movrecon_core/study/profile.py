"""The size of a study: one YAML file, every key checked before anything runs."""

import dataclasses
import json
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from movrecon_core.encoders.checkpoints import known_encoders
from movrecon_core.encoders.training import TrainingConfig
from movrecon_core.encoders.training_limits import require_training
from movrecon_core.errors import ProfileError, ReconstructionError
from movrecon_core.plain_yaml import load_plain_yaml
from movrecon_core.reconstruction import MaskConfig, ReconstructionConfig
from movrecon_core.reconstruction.methods import with_methods
from movrecon_core.simulation import SimulationConfig
from movrecon_core.study.settings import (
    NEURONS,
    STRICT,
    BaselineSettings,
    ClusterSettings,
    ComparisonSettings,
    EncoderSettings,
    GivenEncoders,
    GratingSettings,
    MaskSource,
    NoiseSettings,
    Places,
    PlanningSettings,
    PopulationSettings,
    ReceptiveFieldSettings,
    RedundancySettings,
    ResolutionSettings,
    TruthSettings,
    VariationSettings,
    suggestion,
)


class Profile(BaseModel):
    """Everything that decides the size and the parameters of a study."""

    model_config = STRICT

    name: str
    rehearsal: bool = False  # set by `rehearsal_of`: results, figures and book say that they mean nothing
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
    redundancy: RedundancySettings = RedundancySettings()
    truth: TruthSettings = TruthSettings()
    noise: NoiseSettings = NoiseSettings()
    gratings: GratingSettings = GratingSettings()
    resolution: ResolutionSettings = ResolutionSettings()
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
        whose keys it need not repeat; of a section that names a ``method`` nothing is taken over.
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
    content = _with_base(path, folder, ())
    return parse_profile({"name": path.stem, **content}, str(path))


def _with_base(path: Path, folder: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """A profile's content over that of the one that it is based on, which may have one itself."""
    content = _anchored(_read(path), path.resolve().parent)
    if (base := content.pop("based_on", None)) is None:
        return content
    below, known = folder / f"{base}.yaml", (*above, path.resolve())
    if not below.is_file() or below.resolve() in known:
        raise ProfileError(f"{path}: 'based_on': no other profile is called '{base}'")
    return _merged(_with_base(below, folder, known), content)


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
    except ReconstructionError as error:
        raise ProfileError(f"{source}: {error}") from None


def encoder_parameters(settings: EncoderSettings, neurons: tuple[int, ...]) -> dict[str, Any]:
    """All parameters that build the encoder for these mice."""
    return {**settings.parameters, NEURONS: neurons}


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


def _read(path: Path) -> dict[str, Any]:
    try:
        content = load_plain_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ProfileError(f"{path}: not readable as YAML ({_one_line(error)})") from None
    if not isinstance(content, dict):
        raise ProfileError(f"{path}: expected keys and values, found {type(content).__name__}")
    return content


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """One profile's keys over another's, section by section; a method brings all settings of its section."""
    both = {key for key in above if isinstance(above[key], Mapping) and isinstance(below.get(key), Mapping)}
    sections = {key for key in both if "method" not in above[key]}
    return {**below, **above, **{key: _merged(below[key], above[key]) for key in sections}}


_FILES = (("encoders", "checkpoints"), ("masks", "checkpoint"), ("masks", "files"))
"""Sections and keys of a profile that name files."""


def _anchored(content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Give the files that a profile names their place from its folder; absolute ones stay."""

    def placed(value: Any) -> Any:
        if isinstance(value, list):
            return [placed(one) for one in value]
        return str(folder / value) if isinstance(value, str) else value

    found = dict(content)
    for section, key in _FILES:
        if isinstance(part := found.get(section), Mapping) and key in part:
            found[section] = {**part, key: placed(part[key])}
    return found


def _complete(profile: Profile, source: str) -> Profile:
    """Check the encoders' parameters against their configurations and fill in those that were left out."""
    if (given := len(profile.encoders.checkpoints)) not in (0, profile.instances):
        raise ProfileError(f"{source}: 'encoders.checkpoints': {given}, but instances: {profile.instances}")
    if profile.masks.instances > profile.instances:
        raise ProfileError(
            f"{source}: 'masks.instances': {profile.masks.instances}, but instances: {profile.instances}"
        )
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
    allowed = [field.name for field in dataclasses.fields(config) if field.name != NEURONS]
    for name in settings.parameters:
        if name not in allowed:
            raise ProfileError(f"{source}unknown key '{key}.parameters.{name}'; {suggestion(name, allowed)}")
    adapter: TypeAdapter[Any] = TypeAdapter(config)
    try:
        complete = adapter.validate_json(json.dumps({**settings.parameters, NEURONS: [1]}), strict=True)
    except ValidationError as error:
        raise ProfileError(f"{source}{_explained(error, f'{key}.parameters')}") from None
    return settings.model_copy(update={"parameters": {name: getattr(complete, name) for name in allowed}})


def _fields(model: Any) -> dict[str, Any] | None:
    if get_origin(model) in (Union, types.UnionType):
        return next((fields for part in get_args(model) if (fields := _fields(part)) is not None), None)
    if isinstance(model, type) and issubclass(model, BaseModel):
        return {name: field.annotation for name, field in model.model_fields.items()}
    if isinstance(model, type) and dataclasses.is_dataclass(model):
        return {field.name: field.type for field in dataclasses.fields(model)}
    return None


def _explained(error: Exception, section: str = "") -> str:
    """What is wrong with the first key of a section that is not valid."""
    if not isinstance(error, ValidationError):
        return _one_line(error)
    first = error.errors()[0]
    key = ".".join(str(part) for part in (section, *first["loc"]) if part != "")
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    found = "" if ", found " in first["msg"] else f", found {first['input']!r}"
    return f"'{key}': {first['msg']}{found}{more}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
