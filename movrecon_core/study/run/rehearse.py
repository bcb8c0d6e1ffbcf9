"""A study rehearsed: every stage once with little effort, the costly ones again with more, and what follows."""

import json
from collections.abc import Sequence
from pathlib import Path

from movrecon_core.errors import StoreError
from movrecon_core.recordings import Recording, open_recordings
from movrecon_core.recordings.part import few_trials, part_of
from movrecon_core.storage.files import read_json, require_writable, write_json
from movrecon_core.study.profile import Profile
from movrecon_core.study.provenance import device_name
from movrecon_core.study.rehearsal import MICE, TRIALS, Effort, effort_of, longer, rehearsal_of
from movrecon_core.study.run.pipeline import require_device, run_study
from movrecon_core.study.run.projection import project
from movrecon_core.study.run.projection_table import save_projection
from movrecon_core.study.run.room import segments_that_fit
from movrecon_core.study.scale import Scale
from movrecon_core.study.study import Study

EFFORT_FILE = "effort.json"
"""In a rehearsal's folder: how far its trainings and reconstructions are carried."""


def run_rehearsal(
    profile: Profile,
    out: Path,
    recordings: Sequence[Path] = (),
    held_out: str | None = None,
    device: str | None = None,
    scheduler: str = "local",
) -> Study:
    """Run a profile's rehearsal and write what the whole would cost: ``OUT/costs.csv`` and ``OUT/costs.json``.

    Parameters
    ----------
    profile
        The study that is rehearsed.
    out
        Folder of the rehearsal, which holds no other results.
    recordings, held_out, device, scheduler
        As for `run_study`; of given recordings few trials are read.

    Raises
    ------
    MovreconError
        As `run_study`.
    """
    chosen = require_device(device)
    require_writable(out)
    given = tuple(open_recordings(recordings)) if recordings else ()
    scale = Scale(profile, given, chosen)
    rule = held_out or profile.held_out
    effort = _effort(scale, out, scheduler)
    used = [part.path for part in _parts(given, profile, rule, out.resolve() / "recordings" / "rehearsed")]
    short = rehearsal_of(profile, effort.third, _mice(profile, given))
    further = run_study(longer(short, effort, profile), out, used, rule, device, scheduler=scheduler)
    study = run_study(short, out, used, rule, device, scheduler=scheduler)
    save_projection(project(scale, (further, study), device_name(chosen), scheduler), study.out)
    return study


def _effort(scale: Scale, out: Path, scheduler: str) -> Effort:
    """Found once: timed anew, a rehearsal that goes on would be another one."""
    found, profile = read_json(out / EFFORT_FILE), json.loads(scale.profile.model_dump_json())
    if isinstance(found, dict) and found.get("profile") == profile:
        return Effort(**found["effort"])
    effort = effort_of(scale, segments_that_fit(scale, scheduler))
    write_json(out / EFFORT_FILE, {"profile": profile, "effort": effort._asdict()})
    return effort


def _mice(profile: Profile, recordings: Sequence[Recording]) -> Sequence[str]:
    """Beginnings of names of the few mice that are reconstructed."""
    if recordings and profile.reconstructed_mice is not None:
        return profile.reconstructed_mice[:MICE]
    names = [recording.name for recording in recordings] or [
        f"simulated-{profile.seed}-{mouse + 1}" for mouse in range(profile.simulation.mice)
    ]
    return names[:MICE] if len(names) <= MICE else names[1 : MICE + 1]  # the first one's name begins others' in turn


def _parts(recordings: Sequence[Recording], profile: Profile, rule: str, folder: Path) -> list[Recording]:
    """Links to a few trials of each recording, twice as many in every other one."""
    parts = []
    for place, recording in enumerate(recordings):
        tiers = next((value for name, value in profile.tiers.items() if recording.name.startswith(name)), None)
        trials = few_trials(recording, rule, tiers, TRIALS[place % 2])
        if len(trials) < 2:
            raise StoreError(f"{recording.path}: too few trials to rehearse with")
        parts.append(part_of(recording, trials, folder))
    return parts
