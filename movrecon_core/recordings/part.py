"""Some trials of a recording as a recording of its own, without a copy of its arrays."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from movrecon_core.recordings.folds import FOLDS, movie_hash, used_trials
from movrecon_core.recordings.recording import Recording

HELD_OUT = 3
"""At least so many movies; one of them may have a near-duplicate that is trained on."""


def part_of(recording: Recording, trials: Sequence[int], folder: Path) -> Recording:
    """A recording of the same name in `folder`, of links to the files of some trials; what was there is replaced."""
    path = folder / recording.name
    shutil.rmtree(path, ignore_errors=True)
    for signal in recording.signals:
        (path / "data" / signal).mkdir(parents=True)
        for trial in trials:
            (path / "data" / signal / f"{trial}.npy").symlink_to(recording.file(signal, trial))
    for entry in recording.path.iterdir():
        if entry.name != "data" and entry.is_dir():
            (path / entry.name).symlink_to(entry)
    return Recording(path)


def few_trials(recording: Recording, rule: str, tiers: Sequence[str] | None, count: int) -> tuple[int, ...]:
    """The first trials that a rule trains on and, of other movies each, a seventh that it holds out.

    Parameters
    ----------
    recording
        The mouse; its movies are read until there are enough.
    rule, tiers
        As for `held_out_trials`.
    count
        Of all trials; fewer where there are no more.
    """
    kind, _, name = rule.partition(":")
    held_out = max(HELD_OUT, round(count / FOLDS))
    wanted = {True: held_out, False: count - held_out}
    chosen, shown = [], set()
    for trial in used_trials(recording, tiers):
        movie = movie_hash(recording.movie(trial))
        judged = recording.tiers[trial] == name if kind == "tier" else movie % FOLDS == int(name)
        if wanted[judged] > 0 and not (judged and movie in shown):
            wanted[judged] -= 1
            chosen.append(trial)
            shown.add(movie)
        if not any(wanted.values()):
            break
    return tuple(chosen)
