"""The training movie whose responses are most alike: it recognises what was seen before, and reconstructs nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movrecon_core.decoders.frames import doubled, halved
from movrecon_core.decoders.lagged import STRIDE, lagged
from movrecon_core.decoders.roots import Roots, learn_roots
from movrecon_core.recordings import Trial


@dataclass(frozen=True)
class NearestMovie:
    """All training movies with their responses.

    Attributes
    ----------
    scale, root
        As `Roots`.
    responses
        (movies, N, S), roots of the responses at every fourth frame, each neuron less its mean; 0 after the
        end of a shorter movie.
    movies
        (movies, T, 576) uint8, grey levels; the last frame is repeated after the end.
    mean
        (N,), what was taken off.
    """

    scale: NDArray[np.float32]
    root: NDArray[np.int64]
    responses: NDArray[np.float32]
    movies: NDArray[np.uint8]
    mean: NDArray[np.float32]

    def decode(self, responses: NDArray[np.floating]) -> NDArray[np.float32]:
        """The training movie (T, 36, 64) whose responses, frame by frame, correlate best with these (N, T)."""
        seen = lagged(responses, Roots(self.scale, self.root), (0,), slice(None, None, STRIDE)).T - self.mean[:, None]
        count = min(seen.shape[1], self.responses.shape[2])
        known = self.responses[..., :count]
        products = np.einsum("mns,ns->m", known, seen[:, :count])
        lengths = np.sqrt(np.square(known).sum(axis=(1, 2)))
        chosen = self.movies[int(np.argmax(products / np.maximum(lengths, 1e-12)))]
        frames = np.minimum(np.arange(responses.shape[1]), len(chosen) - 1)
        return doubled(chosen[frames])


def learn_nearest(trials: Sequence[Trial]) -> NearestMovie:
    """Keep the training movies and their responses."""
    roots = learn_roots([trial.responses for trial in trials])
    seen = [lagged(trial.responses, roots, (0,), slice(None, None, STRIDE)).T for trial in trials]
    mean = np.concatenate(seen, axis=1).mean(axis=1)
    frames, samples = max(trial.frames for trial in trials), max(known.shape[1] for known in seen)
    responses = np.zeros((len(trials), len(roots.scale), samples), np.float32)
    for place, known in enumerate(seen):
        responses[place, :, : known.shape[1]] = known - mean[:, None]
    shown = [halved(trial.movie).round().astype(np.uint8) for trial in trials]
    movies = np.stack([np.pad(movie, ((0, frames - len(movie)), (0, 0)), mode="edge") for movie in shown])
    return NearestMovie(roots.scale, roots.root, responses, movies, mean)
