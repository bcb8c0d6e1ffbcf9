"""What all groups of simulation parameters have in common."""

from pydantic import BaseModel, ConfigDict


class Parameters(BaseModel):
    """Parameters that cannot be changed once made; unknown names are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")
