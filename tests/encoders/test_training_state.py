"""States are written beside the training, whole, and as they were."""

from pathlib import Path
from threading import Event

import pytest
import torch

from movrecon_core.encoders.training_state import StateWriter
from movrecon_core.errors import StoreError


def test_a_state_is_written_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps go on meanwhile; a state that comes before the last one is written is left out."""
    go_on, save = Event(), torch.save
    monkeypatch.setattr(torch, "save", lambda *given: (go_on.wait(10), save(*given)))
    weights = torch.ones(3)
    state = {"step": 1, "encoder": {"weights": weights}, "optimiser": {"betas": (0.9, 0.99), "steps": [weights]}}
    with StateWriter(tmp_path / "state") as writer:
        writer.write(state)
        weights.zero_()
        writer.write(state | {"step": 2})
        go_on.set()
    found = torch.load(tmp_path / "state", weights_only=True)
    assert found["step"] == 1
    assert found["encoder"]["weights"].tolist() == found["optimiser"]["steps"][0].tolist() == [1, 1, 1]
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_what_cannot_be_written_stops_the_training(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"), StateWriter(tmp_path / "no folder" / "s") as writer:
        writer.write({"step": 1})


def interrupted(path: Path, state: dict[str, int]) -> None:
    with StateWriter(path) as writer:
        writer.write(state)
        raise KeyboardInterrupt


def test_a_training_that_is_stopped_has_its_last_state(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "state", {"step": 7})
    assert torch.load(tmp_path / "state", weights_only=True) == {"step": 7}
