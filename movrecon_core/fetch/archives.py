"""Which files are fetched from where: a YAML file, whose default names the article's archives."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from movrecon_core.errors import FetchError
from movrecon_core.plain_yaml import load_plain_yaml


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not path.name:
        raise ValueError("a file's name must stay inside its folder")
    return name


FileName = Annotated[str, AfterValidator(_inside)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class RemoteFile:
    """One file of an archive: its name below a folder, its address, and its checksum where one is known."""

    name: str
    url: str
    sha256: str | None = None

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name).stem


class Archive(BaseModel):
    """Files that lie below one address."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    address: Annotated[str, Field(pattern="^https?://")]
    files: tuple[FileName, ...] = Field(min_length=1)
    sha256: Mapping[str, Sha256] = Field(default_factory=dict)

    def remote_files(self) -> list[RemoteFile]:
        address = self.address.rstrip("/")
        return [RemoteFile(name, f"{address}/{name}", self.sha256.get(name)) for name in self.files]


class Archives(BaseModel):
    """Everything that can be fetched."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    recordings: tuple[Archive, ...] = ()
    weights: tuple[Archive, ...] = ()


def load_archives(path: Path | None = None) -> Archives:
    """Read which files there are.

    Parameters
    ----------
    path
        A YAML file of the form of the default one; None: the article's archives.

    Raises
    ------
    FetchError
        If the file is missing, is not YAML, or names an address or a file that cannot be.
    """
    source = str(path or "archives.yaml")
    try:
        text = (path or files("movrecon_core.fetch") / "archives.yaml").read_text(encoding="utf-8")
        return Archives.model_validate(load_plain_yaml(text))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise FetchError(f"{source}: '{key}': {first['msg']}, found {first['input']!r}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FetchError(f"{source}: cannot be read as YAML ({' '.join(str(error).split())})") from None
