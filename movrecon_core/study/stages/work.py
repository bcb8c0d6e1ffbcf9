"""What every stage works with: the study, the device, and one way to save a unit."""

from dataclasses import dataclass

import torch
import xarray as xr

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.checkpoints import load_checkpoint
from movrecon_core.study.cost import Cost
from movrecon_core.study.provenance import unit_provenance
from movrecon_core.study.store import Unit
from movrecon_core.study.study import Study


@dataclass(frozen=True)
class Work:
    """A study and where it is computed.

    Attributes
    ----------
    study
        Settings, recordings and store.
    device
        Of the encoders.
    """

    study: Study
    device: torch.device

    def save(self, unit: Unit, dataset: xr.Dataset, cost: Cost, share: int = 1) -> None:
        provenance = unit_provenance(self.study.profile, self.device)
        self.study.store.save(unit, dataset, {**provenance, **cost.attributes(share)})

    def load_encoders(self, count: int | None = None) -> list[Encoder]:
        """The trained instances, or the first `count` of them."""
        return [load_checkpoint(path, self.device) for path in self.study.checkpoints[:count]]
