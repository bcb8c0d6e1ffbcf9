"""Which movies are held out: folds by perceptual hash, tiers, and near-duplicates of training movies."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from movrecon_core.errors import RecordingError
from movrecon_core.recordings.recording import Recording

FOLDS = 7
"""Folds of the published split (Methods, State-of-the-art dynamic neural encoding model)."""
HASHED_FRAMES = 5
NEAR_DUPLICATE_CORRELATION = 0.98
"""First frames that correlate above this show the same clip but for a few pixels."""


def movie_hash(movie: NDArray[np.floating]) -> int:
    """Perceptual hash of a movie: the XOR of the 64-bit pHash of five frames spread over it.

    Parameters
    ----------
    movie
        (T, H, W), grey levels 0..255; the frames from the first whose pixel (0, 0) is NaN are padding.

    Raises
    ------
    RecordingError
        If fewer than five frames are left.
    """
    padding = np.flatnonzero(np.isnan(movie[:, 0, 0]))
    length = int(padding[0]) if padding.size else movie.shape[0]
    if length < HASHED_FRAMES:
        raise RecordingError(f"a movie hash needs {HASHED_FRAMES} frames, found {length}")
    step = length // HASHED_FRAMES
    frames = movie[step // 2 : length : step][:HASHED_FRAMES]
    hashed = 0
    for frame in frames:
        # Values are cut, not rounded, to 8 bit, as in the published hash.
        hashed ^= int(str(imagehash.phash(Image.fromarray(frame.astype(np.uint8)))), 16)
    return hashed


def fold_of(movie: NDArray[np.floating]) -> int:
    """Fold 0..6 of a movie (T, H, W): its hash modulo 7 (method, Folds)."""
    return movie_hash(movie) % FOLDS


@dataclass(frozen=True)
class ClosestMatch:
    """The training movie whose first frame is most correlated with that of a held-out movie."""

    trial: int
    training_trial: int
    correlation: float


@dataclass(frozen=True)
class TrialSplit:
    """Trials of one recording by use.

    Attributes
    ----------
    held_out
        Movies to be reconstructed and predicted, never trained on; repeats of a movie are kept.
    training
        Every other trial with responses.
    excluded
        Trials that the rule holds out but whose movie has a near-duplicate in training; in neither list above.
    closest
        For every held-out or excluded trial its closest training movie.
    """

    held_out: tuple[int, ...]
    training: tuple[int, ...]
    excluded: tuple[int, ...]
    closest: tuple[ClosestMatch, ...]


def used_trials(recording: Recording, tiers: Sequence[str] | None = None) -> tuple[int, ...]:
    """Trials with responses, of some tiers or of all.

    Parameters
    ----------
    recording
        The mouse.
    tiers
        Which; ``-none`` means all but ``none``. None: all.

    Raises
    ------
    RecordingError
        If a tier is not there.
    """
    known = set(recording.tiers.tolist())
    left_out = {tier[1:] for tier in tiers or () if tier.startswith("-")}
    chosen = {tier for tier in tiers or () if not tier.startswith("-")} or known
    if chosen - known:
        raise RecordingError(
            f"{recording.path}: no trial of tier {', '.join(sorted(chosen - known))}; "
            f"the profile's `tiers` may name {', '.join(sorted(known))}"
        )
    chosen -= left_out
    return tuple(t for t in recording.trials if recording.has_responses(t) and str(recording.tiers[t]) in chosen)


def held_out_trials(recording: Recording, rule: str, tiers: Sequence[str] | None = None) -> tuple[int, ...]:
    """Trials with responses that a rule holds out, near-duplicates included.

    Parameters
    ----------
    recording
        The mouse.
    rule
        ``fold:K`` (hash fold K of 0..6; the article uses 0) or ``tier:NAME`` (a tier of the recording).
    tiers
        As for `used_trials`.

    Raises
    ------
    RecordingError
        If the rule is none of these or holds out no movie.
    """
    choices = ", ".join([f"fold:0 .. fold:{FOLDS - 1}", *(f"tier:{t}" for t in sorted(set(recording.tiers.tolist())))])
    candidates = used_trials(recording, tiers)
    if match := re.fullmatch(rf"fold:([0-{FOLDS - 1}])", rule):
        fold = int(match.group(1))
        held_out = tuple(t for t in candidates if fold_of(recording.movie(t)) == fold)
    elif rule.startswith("tier:"):
        held_out = tuple(t for t in candidates if recording.tiers[t] == rule.removeprefix("tier:"))
    else:
        raise RecordingError(f"{recording.path}: unknown held-out rule '{rule}'; choose one of {choices}")
    if not held_out:
        raise RecordingError(f"{recording.path}: '{rule}' holds out no movie with responses; choose one of {choices}")
    return held_out


def split_trials(
    recording: Recording,
    rule: str,
    threshold: float = NEAR_DUPLICATE_CORRELATION,
    tiers: Sequence[str] | None = None,
) -> TrialSplit:
    """Split a recording into held-out and training trials, without near-duplicates across the two.

    The excluded side is the held-out one: the article replaced the held-out movies that had a twin in training.

    Parameters
    ----------
    recording
        The mouse.
    rule
        As for `held_out_trials`.
    threshold
        Correlation of first frames above which a held-out movie is excluded.
    tiers
        As for `used_trials`; trials of others are in no list.

    Raises
    ------
    RecordingError
        If nothing is left to hold out or to train on.

    Examples
    --------
    >>> small = mr.SimulationConfig(trials=14, neurons=4, frames=90, oracle_trials=2, repeats=1)
    >>> recording = mr.simulate_mouse(Path("divided"), small, seed=0)
    >>> split = mr.split_trials(recording, "tier:oracle")
    >>> len(split.held_out), len(split.training)
    (2, 12)
    """
    candidates = held_out_trials(recording, rule, tiers)
    training = tuple(t for t in used_trials(recording, tiers) if t not in candidates)
    if not training:
        raise RecordingError(f"{recording.path}: '{rule}' leaves no trial with responses to train on")
    closest = closest_matches(recording, candidates, training)
    excluded = tuple(match.trial for match in closest if match.correlation > threshold)
    held_out = tuple(t for t in candidates if t not in excluded)
    if not held_out:
        raise RecordingError(
            f"{recording.path}: all {len(candidates)} movies of '{rule}' have a near-duplicate in training "
            f"(first frames correlate above {threshold}); choose another rule"
        )
    return TrialSplit(held_out, training, excluded, closest)


def closest_matches(recording: Recording, held_out: Sequence[int], training: Sequence[int]) -> tuple[ClosestMatch, ...]:
    """For each held-out trial the training trial with the most correlated first frame.

    A frame without contrast correlates with nothing (0).
    """

    def first_frames(trials: Sequence[int]) -> NDArray[np.float64]:
        frames = np.stack([recording.movie(t, frames=1)[0].ravel() for t in trials]).astype(float)
        frames -= frames.mean(axis=1, keepdims=True)
        norm = np.linalg.norm(frames, axis=1, keepdims=True)
        return np.divide(frames, norm, out=np.zeros_like(frames), where=norm > 0)

    correlation = first_frames(held_out) @ first_frames(training).T  # (held-out, training)
    best = correlation.argmax(axis=1)
    return tuple(
        ClosestMatch(trial, training[j], float(correlation[i, j]))
        for i, (trial, j) in enumerate(zip(held_out, best, strict=True))
    )
