"""The forms in which one paper-size DwiseNeuro is inverted, and how long each takes for a stack."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import published_pattern
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from movrecon_core.encoders.checkpoints import load_checkpoint, save_checkpoint
from movrecon_core.encoders.dwiseneuro import DwiseNeuro, DwiseNeuroConfig
from movrecon_core.reconstruction.objective import poisson_loss

NEURONS = 8000  # of a mouse, about
STACKS = 70  # of an iteration: 35 windows of a 10 s movie, two each
FORMS = ("published_pattern", "readable", "float32", "bfloat16")
"""Published pattern: one stack at a time, gradients of all weights, depth-wise 3-D convolutions. The last two: fast."""


def paper_size(path: Path) -> Path:
    """Write an untrained paper-size encoder whose batch norms have seen a movie, so that its numbers are usual ones."""
    torch.manual_seed(0)
    encoder = DwiseNeuro(DwiseNeuroConfig((NEURONS,)))
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm3d):
            module.momentum = 1.0
    with torch.no_grad():
        encoder.train()(example_stacks(2), 0)
    save_checkpoint(path, encoder.eval())
    return path


def example_stacks(count: int) -> Tensor:
    """Smooth random movies (B, 5, 16, 64, 64) with constant behaviour."""
    random = torch.Generator().manual_seed(1)
    coarse = torch.rand(count, 1, 8, 8, 8, generator=random) * 255
    inputs = torch.rand(count, 5, 1, 1, 1, generator=random).repeat(1, 1, 16, 64, 64)
    inputs[:, :1] = nn.functional.interpolate(coarse, (16, 64, 64), mode="trilinear")
    inputs[:, :, :, :14] = inputs[:, :, :, 50:] = 0
    return inputs


def form_of(name: str, checkpoint: Path, device: torch.device | str) -> nn.Module:
    """Load the encoder in one of `FORMS`."""
    if name == "published_pattern":
        return published_pattern.load(checkpoint, device)
    encoder = load_checkpoint(checkpoint, device).eval()
    return encoder.requires_grad_(False) if name == "readable" else encoder.frozen_form(name)  # type: ignore[arg-type]


def gradient(encoder: nn.Module, inputs: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Responses to stacks, and the gradient of their loss with respect to the stacks (weights too, where they ask)."""
    inputs = inputs.clone().requires_grad_()
    encoder.zero_grad(set_to_none=True)
    responses = encoder(inputs, 0)
    poisson_loss(responses, target).sum().backward()
    assert inputs.grad is not None
    return responses.detach(), inputs.grad


def seconds_per_stack(encoder: nn.Module, stacks: int, budget: float, device: torch.device | str) -> float:
    """Least time of as many passes as fit `budget` seconds, forward and back to the pixels, divided by their stacks."""
    inputs = example_stacks(stacks).to(device)
    target = torch.rand(stacks, NEURONS, 16, generator=torch.Generator().manual_seed(2)).to(device)
    return least_seconds(lambda: gradient(encoder, inputs, target), budget, device) / stacks


def least_seconds(work: Callable[[], object], budget: float, device: torch.device | str) -> float:
    """Least wall time of a call: of one after the first, and of as many more as fit `budget` seconds, at most ten."""
    times: list[float] = []
    while len(times) < 2 or (len(times) < 11 and sum(times) + min(times) < budget):
        started = time.perf_counter()
        work()
        if torch.device(device).type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - started)
    return min(times[1:])


def work_of_a_stack(checkpoint: Path) -> dict[str, float]:
    """Floating-point operations forward and back to the pixels; bytes, if wide activations move once each way."""
    encoder = load_checkpoint(checkpoint, "cpu").eval()
    counter = FlopCounterMode(display=False)
    wide = 0

    def note(module: nn.Module, given: object, output: Tensor) -> None:
        nonlocal wide
        wide += output.numel()

    core = encoder.core  # type: ignore[union-attr]
    for block in list(core.blocks)[1::2]:  # type: ignore[union-attr, arg-type]
        for layer in (block.conv_pw, block.spat_covn_dw, block.temp_covn_dw):
            layer.register_forward_hook(note)
    with torch.no_grad(), counter:
        encoder(example_stacks(1), 0)
    # Written and read once on the way there, and once on the way back; two bytes each.
    return {"flop": 2.0 * counter.get_total_flops(), "bytes": float(wide * 2 * 2 * 2)}


def machine_speed(device: torch.device | str) -> dict[str, float]:
    """What this machine does at best: products of matrices in float32 and bfloat16, and copies, per second."""
    largest = 4096 if torch.device(device).type == "cpu" else 16384
    found = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        size, seconds = 256, 0.0
        while size < largest and seconds < 0.05:  # where products are slow, small ones tell as much
            size *= 2
            a = torch.randn(size, size, device=device).to(dtype)
            seconds = least_seconds(lambda a=a: a @ a, 0.5, device)
        found[f"flops_{name}"] = 2 * size**3 / seconds
    x = torch.zeros(2**26, dtype=torch.uint8, device=device)
    y = torch.empty_like(x)
    found["bytes"] = 2 * x.numel() / least_seconds(lambda: y.copy_(x), 0.5, device)
    return found


def relative_difference(found: Tensor, expected: Tensor) -> float:
    """Norm of the difference over the norm of what is expected."""
    difference = (found.double().cpu() - expected.double().cpu()).norm() / expected.double().norm().cpu()
    return float(np.round(difference.item(), 8))
