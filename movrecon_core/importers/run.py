"""From a file or folder of another format to a recording."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from movrecon_core import __version__
from movrecon_core.errors import RecordingError
from movrecon_core.importers.experanto import read_experanto
from movrecon_core.importers.keys import read_keys
from movrecon_core.importers.nwb import UnclearError, read_nwb
from movrecon_core.importers.session import Cut, Session, cut
from movrecon_core.recordings import BEHAVIOUR, FRAME_RATE, SIMULATED_MARKER, Recording, recording_writer
from movrecon_core.recordings.plausibility import FARTHEST_SCALE, REAL_SCALE
from movrecon_core.recordings.recording import ORIGIN


@contextmanager
def _experanto(source: Path, mapping: dict[str, Any] | None) -> Iterator[Session]:
    yield read_experanto(source, mapping)


Reader = Callable[[Path, dict[str, Any] | None], AbstractContextManager[Session]]
KINDS: dict[str, Reader] = {"experanto": _experanto, "nwb": read_nwb}
"""Formats by name."""


def import_recording(
    kind: str, source: Path, out: Path, mapping: Path | None = None, *, simulated: bool = False
) -> Recording:
    """Write a session of another format as a recording.

    Trials are cut by the times at which movies were shown, and everything is resampled to 30 Hz: movies as they stood
    on the screen, averaged over areas to 36 × 64; signals linearly. What was done is noted in ``meta/origin.txt``,
    which stands in every figure's provenance.

    Parameters
    ----------
    kind
        One of `KINDS`.
    source
        File or folder.
    out
        The mouse's directory; must not exist yet.
    mapping
        YAML file that says what is what, where names vary.
    simulated
        Whether the session was simulated, which figures then say.

    Raises
    ------
    RecordingError
        If the source cannot be read, holds no movie with responses, or the directory exists. Where it is not clear
        what is what, a mapping is proposed beside `out`.
    """
    if kind not in KINDS:
        raise RecordingError(f"no format is called '{kind}'; choose {' or '.join(KINDS)}")
    if not source.exists():
        raise RecordingError(f"{source}: no such file or directory")
    try:
        return _imported(kind, source, out, mapping, simulated)
    except UnclearError as error:
        draft = out.parent / f"{out.name}.map.yaml"
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(error.draft, encoding="utf-8")
        raise RecordingError(f"{error}; complete {draft}, which lists what there is, and give it with --map") from None
    except RecordingError as error:
        named = any(str(path) in str(error) for path in (source, out, mapping or source))
        raise RecordingError(str(error) if named else f"{source}: {error}") from None


def _imported(kind: str, source: Path, out: Path, mapping: Path | None, simulated: bool) -> Recording:
    with (
        KINDS[kind](source, None if mapping is None else read_keys(mapping)) as session,
        recording_writer(out) as writer,
    ):
        factor: float | None = None
        tiers: list[str] = []
        left_out = 0
        for shown in session.movies:
            trial = cut(session, shown)
            if trial is None:
                left_out += 1
                continue
            factor = _factor(trial) if factor is None else factor
            writer.movie(len(tiers), trial.movie)
            writer.signal("responses", len(tiers), trial.responses * np.float32(factor))
            for name in BEHAVIOUR:
                if not np.isnan(getattr(trial, name)).all():
                    writer.signal(name, len(tiers), getattr(trial, name))
            tiers.append(trial.tier)
        if not tiers:
            raise RecordingError(f"{source}: {left_out} movies, none of them while responses were recorded")
        writer.metadata(tiers)
        writer.text(ORIGIN, "; ".join(_notes(kind, source, session, float(factor or 1), left_out)) + "\n")
        if simulated:
            writer.text(SIMULATED_MARKER, json.dumps({"imported": kind, "version": __version__}))
    return Recording(out.resolve())


def _factor(trial: Cut) -> float:
    """Power of ten that brings responses of another unit near the competition's; 1 where they are."""
    scale = float(np.median(trial.responses.std(axis=1, dtype=np.float64)))
    near = scale == 0 or REAL_SCALE / FARTHEST_SCALE <= scale <= REAL_SCALE * FARTHEST_SCALE
    return 1.0 if near else 10.0 ** round(np.log10(REAL_SCALE / scale))


def _notes(kind: str, source: Path, session: Session, factor: float, left_out: int) -> list[str]:
    """What was done to a session, each in a few words."""
    shown, responses = session.movies[0], session.responses
    size = " × ".join(map(str, np.shape(shown.load())[1:3]))
    rate = 1 / float(np.median(np.diff(shown.times)))
    notes = [f"imported from {source.name} ({kind})"]
    notes.append(f"movies of {size} pixels at {rate:.4g} Hz, to 36 × 64 at {FRAME_RATE:g} Hz")
    notes.append(f"responses at {responses.rate:.4g} Hz, interpolated linearly")
    if session.decay is not None:
        notes.append(f"deconvolved with a decay of {session.decay:g} s")
    if factor != 1:
        notes.append(f"responses multiplied by {factor:g}")
    if left_out:
        notes.append(f"{left_out} movies without responses left out")
    return notes
