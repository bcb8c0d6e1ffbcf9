"""A small convolutional network from responses to movies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from movrecon_core.decoders.frames import COLUMNS, PIXELS, ROWS, doubled, halved
from movrecon_core.decoders.lagged import lagged
from movrecon_core.decoders.roots import Roots, learn_roots
from movrecon_core.recordings import Trial

HIDDEN = 128
"""Combinations of neurons, each with its course over time."""
CHANNELS = 8
"""Of the images that the combinations make, at a quarter of the resolution."""
TAPS, DILATION = 9, 4
"""Time points of a combination, and frames between them: from 16 frames before to 16 after the `DELAY`."""
DELAY = 9
"""Frames from a picture to the middle of the responses to it."""
CROP, EVERY = 60, 2
"""Frames of a training sample, of which every other is compared."""
BATCH = 8
RATE = 2e-3
WEIGHT_DECAY = 1e-2
DROPOUT = 0.3
"""Of neurons, while learning."""
ROUNDS, UPDATES = 12, 40
"""At most so many rounds, of so many updates each; the last fifth of the movies says how many."""
CONTRAST = 60.0
"""Grey levels, about one standard deviation of natural footage."""


class _Network(nn.Module):
    """Responses to images: combinations of neurons over time, a coarse map, two convolutions to half resolution."""

    def __init__(self, neurons: int) -> None:
        super().__init__()
        self.time = nn.Conv1d(neurons, HIDDEN, TAPS, dilation=DILATION)
        self.image = nn.Conv1d(HIDDEN, CHANNELS * (ROWS // 2) * (COLUMNS // 2), 1)
        self.first = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.second = nn.Conv2d(CHANNELS, 1, 5, padding=2)

    def forward(self, responses: Tensor, every: int = 1) -> Tensor:
        """Images (B, T / every, 576), in `CONTRAST`, of responses (B, N, T), the ends repeated."""
        reach = DILATION * (TAPS - 1) // 2
        ahead = torch.cat([responses[..., DELAY:], responses[..., -1:].expand(-1, -1, DELAY)], dim=-1)
        ahead = F.dropout1d(ahead, DROPOUT, self.training)
        hidden = F.gelu(self.time(F.pad(ahead, (reach, reach), mode="replicate")))[..., ::every]
        coarse = self.image(hidden).transpose(1, 2).reshape(-1, CHANNELS, ROWS // 2, COLUMNS // 2)
        fine = F.interpolate(F.gelu(coarse), scale_factor=2, mode="bilinear", align_corners=False)
        shown = self.second(F.gelu(self.first(fine)))
        return shown.reshape(len(responses), -1, PIXELS)


@dataclass(frozen=True)
class ConvolutionalDecoder:
    """A learned network and what its responses and images are measured in.

    Attributes
    ----------
    scale, root
        As `Roots`.
    mean
        (576,), mean frame of the training movies.
    weights
        Arrays of the network by name.
    """

    scale: NDArray[np.float32]
    root: NDArray[np.int64]
    mean: NDArray[np.float32]
    weights: Mapping[str, NDArray[np.float32]]

    def decode(self, responses: NDArray[np.floating]) -> NDArray[np.float32]:
        """The movie (T, 36, 64) of responses (N, T), grey levels 0..255."""
        network = _Network(len(self.scale)).eval()
        network.load_state_dict({name: torch.from_numpy(value) for name, value in self.weights.items()})
        with torch.no_grad():
            shown = network(_seen(responses, Roots(self.scale, self.root))[None])[0].numpy()
        return doubled(shown * CONTRAST + self.mean)


def learn_convolutional(trials: Sequence[Trial], seed: int) -> ConvolutionalDecoder:
    """Learn the network: first how long, judged by the last fifth of the movies, then with all movies.

    Parameters
    ----------
    trials
        Training movies of one mouse.
    seed
        Of the first weights and of the order of samples.
    """
    roots = learn_roots([trial.responses for trial in trials])
    pixels = [halved(trial.movie) for trial in trials]
    mean = np.concatenate(pixels).mean(axis=0)
    data = [
        (_seen(trial.responses, roots), torch.from_numpy((shown - mean) / CONTRAST))
        for trial, shown in zip(trials, pixels, strict=True)
    ]
    judging = max(1, len(trials) // 5)
    _, errors = _learned(data[:-judging], data[-judging:], ROUNDS, seed)
    network, _ = _learned(data, [], int(np.argmin(errors)) + 1, seed)
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    return ConvolutionalDecoder(roots.scale, roots.root, mean, weights)


def _seen(responses: NDArray[np.floating], roots: Roots) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(lagged(responses, roots, (0,)).T))


def _learned(
    learning: Sequence[tuple[Tensor, Tensor]], judging: Sequence[tuple[Tensor, Tensor]], rounds: int, seed: int
) -> tuple[_Network, list[float]]:
    """The network after so many rounds, and the judging movies' squared error after each."""
    random = np.random.default_rng(seed)
    length = min(CROP, *(seen.shape[1] for seen, _ in learning))
    errors = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _Network(len(learning[0][0]))
        optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=WEIGHT_DECAY)
        for _ in range(rounds):
            network.train()
            for _ in range(UPDATES):
                seen, shown = _batch(learning, length, random)
                optimiser.zero_grad()
                (network(seen, EVERY) - shown[:, ::EVERY]).square().mean().backward()
                optimiser.step()
            network.eval()
            with torch.no_grad():
                pairs = [(network(seen[None], EVERY)[0], shown[::EVERY]) for seen, shown in judging]
                errors.append(sum(float((found - shown).square().sum()) for found, shown in pairs))
    return network, errors


def _batch(movies: Sequence[tuple[Tensor, Tensor]], length: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Stretches of movies drawn at random."""
    seen, shown = [], []
    for place in random.integers(len(movies), size=BATCH):
        start = int(random.integers(movies[place][0].shape[1] - length + 1))
        seen.append(movies[place][0][:, start : start + length])
        shown.append(movies[place][1][start : start + length])
    return torch.stack(seen), torch.stack(shown)
