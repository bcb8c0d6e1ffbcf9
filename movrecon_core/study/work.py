"""What every stage works with: the study, the device, the encoders, and one way to save a unit."""

from dataclasses import dataclass
from functools import cached_property

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

    def encoder(self, instance: int) -> Encoder:
        """A trained instance; it is read once and kept."""
        if instance not in self._encoders:
            self._encoders[instance] = load_checkpoint(self.study.checkpoint(instance), self.device)
        return self._encoders[instance]

    def encoders(self, count: int | None = None) -> list[Encoder]:
        """All trained instances, or the first `count` of them."""
        return [self.encoder(instance) for instance in range(self.study.profile.instances)[:count]]

    @cached_property
    def _encoders(self) -> dict[int, Encoder]:
        return {}
