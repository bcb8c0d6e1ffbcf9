"""What every stage works with: the study, the device, the encoders, and one way to save a unit or train an encoder."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import xarray as xr

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.checkpoints import load_checkpoint
from movrecon_core.encoders.given import given_encoder
from movrecon_core.encoders.training import TrainingConfig, train_encoder
from movrecon_core.recordings import Recording
from movrecon_core.storage.cost import Cost
from movrecon_core.storage.files import read_json, write_json
from movrecon_core.storage.store import Unit
from movrecon_core.study.profile import encoder_parameters
from movrecon_core.study.provenance import unit_provenance
from movrecon_core.study.settings import EncoderSettings
from movrecon_core.study.study import Study, cost_file


@dataclass(frozen=True)
class Worker:
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

    def save(self, unit: Unit, dataset: xr.Dataset, cost: Cost) -> None:
        self.save_together([(unit, dataset)], cost)

    def save_together(self, results: Sequence[tuple[Unit, xr.Dataset]], cost: Cost) -> None:
        """Store what was computed together; each has an equal share of the cost."""
        provenance = unit_provenance(self.study.profile, self.device)
        self.study.store.save_together(results, {**provenance, **cost.attributes(max(1, len(results)))})

    def train(
        self,
        unit: Unit,
        recordings: Sequence[Recording],
        trials: Sequence[Sequence[int]],
        encoder: EncoderSettings,
        training: TrainingConfig,
        seed: int,
    ) -> None:
        """Train an encoder on some trials of each recording, and note beside its checkpoint what that cost."""
        checkpoint = self.study.path(unit)
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        parameters = encoder_parameters(encoder, tuple(recording.neurons for recording in recordings))
        with Cost() as cost:
            train_encoder(recordings, trials, encoder.architecture, parameters, training, seed, checkpoint, self.device)
        write_json(cost_file(checkpoint), {**unit_provenance(self.study.profile, self.device), **cost.attributes()})

    def load(self, unit: Unit) -> Encoder:
        """A trained encoder; it is read once and kept."""
        if unit.name not in self._encoders:
            self._encoders[unit.name] = load_checkpoint(self.study.path(unit), self.device)
        return self._encoders[unit.name]

    def given(self, checkpoint: Path) -> Encoder:
        """An encoder that the profile names, its readouts in the order of the recordings."""
        settings = self.study.profile.encoder
        return given_encoder(checkpoint, self.study.recordings, settings.architecture, settings.parameters, self.device)

    def encoders(self, count: int | None = None) -> list[Encoder]:
        """All trained instances, or the first `count` of them."""
        return [self.load(self.study.unit("encoders", i)) for i in range(self.study.profile.instances)[:count]]

    @cached_property
    def _encoders(self) -> dict[str, Encoder]:
        return {}


def training_log(checkpoint: Path) -> list[dict[str, Any]]:
    """What training noted beside a checkpoint, step by step."""
    log = read_json(checkpoint.with_suffix(".history.json"))
    return log if isinstance(log, list) else []
