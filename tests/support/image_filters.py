"""An encoder small enough to reason about, and targets for it."""

import numpy as np
import torch
from torch import nn

from movrecon_core.encoders.base import Encoder
from movrecon_core.reconstruction import Target

NEURONS = 6


class Filters(Encoder):
    """Each neuron is a softplus of one random image, with running speed as a gain; frames are independent."""

    def __init__(self, stack_frames=None, stack_step=1, seed=0):
        super().__init__()
        self.stack_frames, self.stack_step, self.neurons = stack_frames, stack_step, (NEURONS,)
        random = torch.Generator().manual_seed(seed)
        self.images = nn.Parameter(torch.randn(NEURONS, 64, 64, generator=random) / 64)

    def forward(self, inputs, mouse):
        drive = torch.einsum("bthw,nhw->bnt", inputs[:, 0] / 127.5 - 1, self.images)
        return nn.functional.softplus(drive * 4 + inputs[:, 2].mean(dim=(-2, -1))[:, None])


def target(frames=12, seed=0, **changes):
    random = np.random.default_rng(seed)
    values = {
        "responses": random.random((NEURONS, frames)).astype(np.float32) * 3,
        "behavior": random.random((2, frames)).astype(np.float32),
        "pupil_center": random.random((2, frames)).astype(np.float32),
        "update_mask": np.ones((64, 64), dtype=bool),
    }
    return Target(**(values | changes))
