"""Profiles that do not fit are refused, with the key to change."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from movrecon_core import process
from movrecon_core.encoders.training import TrainingConfig
from movrecon_core.errors import ProfileError
from movrecon_core.storage.paths import PROFILES
from movrecon_core.study.profile import Profile, load_profile
from movrecon_core.study.run.room import activations, needs, parsed_bytes, require_room
from movrecon_core.study.scale import Scale

CPU = torch.device("cpu")


def scaled(**changed: object) -> Scale:
    return Scale(load_profile("smoke", PROFILES).model_copy(update=changed), (), CPU)


def of_batch(batch: int) -> Scale:
    training = load_profile("smoke", PROFILES).training
    return scaled(training=TrainingConfig(**{**vars(training), "batch": batch}))


class Exponential(torch.nn.Module):
    """Keeps its input, for the weights' gradient, and its output."""

    stack_frames = 4

    def __init__(self) -> None:
        super().__init__()
        self.weights = torch.nn.Parameter(torch.ones(1))

    def forward(self, inputs: torch.Tensor, mouse: int) -> torch.Tensor:
        return torch.exp(self.weights * inputs)


def test_what_a_segment_keeps_is_counted() -> None:
    profile = SimpleNamespace(training=TrainingConfig(mixed_precision=False))
    scale = SimpleNamespace(encoder=Exponential(), profile=profile, device=CPU)
    assert activations(scale) == 2 * 5 * 4 * 64 * 64 * 4  # channels, frames, pixels, bytes


def test_the_smoke_profile_fits() -> None:
    require_room(scaled(), "cores")


def test_a_batch_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ProfileError, match=r"the training of an encoder needs .* GB, .* has .* change training\.batch"):
        require_room(of_batch(10_000_000), "cores")


def test_the_training_grows_with_its_batch() -> None:
    one, two = (next(iter(needs(of_batch(batch)))).bytes for batch in (100, 200))
    three = next(iter(needs(of_batch(300)))).bytes
    assert three - two == pytest.approx(two - one)


def test_a_job_has_what_the_profile_asks_for() -> None:
    scale = scaled()
    small = scale.profile.cluster.model_copy(update={"memory": "1001MB"})
    with pytest.raises(ProfileError, match=r"a job \(cluster\.memory\) has 0\.0 GB"):
        require_room(scaled(cluster=small), "slurm")
    require_room(scaled(cluster=small), "cores")


def test_a_container_has_less_than_its_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(process, "CONTAINER", tmp_path)
    limit.write_text("1001000000\n")
    with pytest.raises(ProfileError, match="this computer"):
        require_room(scaled(), "cores")
    limit.write_text("max\n")
    require_room(scaled(), "cores")


def test_decoders_of_a_paper_sized_mouse_are_named() -> None:
    """600 training movies of 8,000 neurons are 600 × 300 × 8000 × 4 bytes, 5.8 GB; of the features, 2.1 GB, a part."""
    paper: Profile = load_profile("paper", PROFILES)
    small = paper.model_copy(update={"encoder": load_profile("smoke", PROFILES).encoder})
    found = {need.what: need for need in needs(Scale(small, (), CPU))}
    decoder = found["learning a decoder"]
    assert decoder.keys == "baselines.decoders"
    assert 0 < decoder.bytes - 600 * 300 * (8000 + 36 * 64) * 4 < 6000 * 8000 * 11 * 4


@pytest.mark.parametrize(
    ("text", "expected"), [("16GB", 16e9), ("16G", 16e9), ("1.5TB", 1.5e12), ("500 MB", 5e8), ("12GiB", 12e9)]
)
def test_sizes_of_job_scripts(text: str, expected: float) -> None:
    assert parsed_bytes(text) == expected


def test_no_size() -> None:
    with pytest.raises(ProfileError, match="write it as 16GB"):
        parsed_bytes("much")
