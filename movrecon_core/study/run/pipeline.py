"""A study from its recordings to its last stage, or up to one of them."""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from movrecon_core.encoders.precision import used_precision
from movrecon_core.errors import ProfileError
from movrecon_core.process import give_back_memory
from movrecon_core.recordings import open_recordings
from movrecon_core.recordings.folds import FOLDS
from movrecon_core.storage.files import read_json, remove_abandoned, require_writable
from movrecon_core.storage.locks import alone
from movrecon_core.storage.paths import STUDY_FILE
from movrecon_core.study.profile import Profile
from movrecon_core.study.run.inventory import write_inventory
from movrecon_core.study.run.room import require_room
from movrecon_core.study.run.schedulers import open_scheduler, require_scheduler, run_stages
from movrecon_core.study.scale import Scale
from movrecon_core.study.stages import GROUPS, STAGES
from movrecon_core.study.stages.recordings import simulate
from movrecon_core.study.study import Study


def run_study(
    profile: Profile,
    out: Path,
    recordings: Sequence[Path] = (),
    held_out: str | None = None,
    device: str | None = None,
    until: str = STAGES[-1].name,
    scheduler: str = "local",
) -> Study:
    """Compute a study; what is in its folder is not computed again.

    Parameters
    ----------
    profile
        Sizes and parameters.
    out
        Folder of the results.
    recordings
        Mice's directories, or folders of such; none: the profile's recordings are simulated.
    held_out
        Overrides the profile's rule.
    device
        Of the encoders; None: a GPU where there is one.
    until
        Last stage to run, by its name.
    scheduler
        Where units are computed, as for `require_scheduler`.

    Raises
    ------
    MovreconError
        If anything that is needed is missing, unreadable or not writable.

    Examples
    --------
    >>> study = mr.run_study(mr.load_profile("smoke"), Path("results"), until="recordings")
    >>> study.simulated, len(study.recordings)
    (True, 2)
    """
    out = out.resolve()
    if not recordings:
        _require_no_names(profile)
    rule = held_out or profile.held_out
    if not re.fullmatch(rf"fold:[0-{FOLDS - 1}]|tier:.+", rule):
        raise ProfileError(f"held-out movies '{rule}': choose fold:0 to fold:{FOLDS - 1}, or tier:NAME")
    _require_own_folder(profile, out)
    found = open_recordings(recordings) if recordings else None
    if found is not None:
        Study(out, profile, tuple(found), rule).require_given()
    require_scheduler(scheduler, out)
    chosen = require_device(device)
    require_writable(out)
    if not _has_begun(profile, out):
        require_room(Scale(profile, tuple(found or ()), chosen), scheduler)
    with alone(out):
        remove_abandoned(out)
        precision = used_precision("bfloat16", chosen)
        study = Study(out, profile, tuple(found or simulate(profile, out)), rule, precision)
        study.require_given()
        study.save()
    if precision != "bfloat16":
        print(
            f"precision: {precision} wherever bfloat16 is asked for; see the book's page on performance",
            file=sys.stderr,
        )
    last = [stage.name for stage in STAGES].index(until)
    with open_scheduler(scheduler, profile, out, None if device is None else chosen) as computing:
        final = False
        for group in GROUPS:
            wanted = [stage for stage in group if STAGES.index(stage) <= last]
            if not wanted:
                break
            final = final or write_inventory(study)
            run_stages(group, study, computing, wanted)
            study.digests.save()
            give_back_memory()
    return study


def _require_no_names(profile: Profile) -> None:
    """Stop before recordings are simulated for a profile that names its mice: they would be other mice.

    Raises
    ------
    ProfileError
        If it does.
    """
    if profile.reconstructed_mice is not None and not profile.rehearsal:
        raise ProfileError(
            f"profile '{profile.name}' reconstructs {', '.join(profile.reconstructed_mice)}, but no recordings are "
            "given; `movrecon fetch --out DIR` gets the article's, --recordings DIR uses them"
        )


def _has_begun(profile: Profile, out: Path) -> bool:
    """Whether the same profile was found to fit by an earlier run."""
    settings = read_json(out / STUDY_FILE)
    return isinstance(settings, dict) and settings.get("profile") == json.loads(profile.model_dump_json())


def _require_own_folder(profile: Profile, out: Path) -> None:
    """Stop where a rehearsal would stand among results, or results among those of a rehearsal.

    Raises
    ------
    ProfileError
        If the folder holds the other kind.
    """
    settings = read_json(out / STUDY_FILE)
    known = settings.get("profile") if isinstance(settings, dict) else None
    if isinstance(known, dict) and bool(known.get("rehearsal")) != profile.rehearsal:
        kinds = ("a rehearsal", "a study") if profile.rehearsal else ("a study", "a rehearsal")
        raise ProfileError(f"{out}: holds {kinds[1]}; give {kinds[0]} another folder with --out")


def require_device(name: str | None) -> torch.device:
    """The device of that name; None: a GPU where there is one.

    Raises
    ------
    ProfileError
        If it cannot be used.
    """
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(1, device=device)
        return device
    except (RuntimeError, AssertionError) as error:
        raise ProfileError(
            f"device '{name}' cannot be used ({str(error).splitlines()[0].split('. ')[0]}); try --device cpu"
        ) from None
