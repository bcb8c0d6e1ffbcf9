"""All units that a study has, written down for `movrecon status`, which computes nothing."""

from typing import Any

from movrecon_core.errors import MovreconError, StoreError
from movrecon_core.storage import PLAN
from movrecon_core.storage.files import write_json
from movrecon_core.study.stage import Stage
from movrecon_core.study.stages import STAGES
from movrecon_core.study.study import Study


def write_inventory(study: Study) -> bool:
    """Note the files of every stage; before the encoders are there, how many of those that depend on them.

    Returns
    -------
    bool
        Whether every file could be named, so that the inventory is final.
    """
    stages = [entry for stage in STAGES if (entry := _entry(study, stage)) is not None]
    write_json(
        study.out / PLAN, {"profile": study.profile.name, "rehearsal": study.profile.rehearsal, "stages": stages}
    )
    return len(stages) == len(STAGES) and all("files" in stage for stage in stages)


def _entry(study: Study, stage: Stage) -> dict[str, Any] | None:
    """A stage's files below the results, and the code that computes them; None where not even their number is known."""
    try:
        keys = stage.asked(study)
    except MovreconError:  # the recordings are not divided yet
        return None
    try:
        units = [study.unit(stage.name, *key) for key in keys]
    except MovreconError:  # the encoders are not there yet
        return {"stage": stage.name, "count": len(keys)}
    files = [study.file(unit) for unit in units]
    return {"stage": stage.name, "code": stage.code(study), "files": files}


def require_results(study: Study) -> None:
    """Stop where a study's results are missing, or of another version of the code.

    Raises
    ------
    StoreError
        Names the first stage that lacks some, and the command that computes them.
    """
    for stage in STAGES:
        units = [study.unit(stage.name, *key) for key in stage.asked(study)]
        lacking = study.lacking(units)
        if lacking:
            old = study.superseded(lacking)
            why = f"{len(lacking)} of {len(units)} missing" + (f", {old} there from another version" if old else "")
            raise StoreError(f"{study.out}: {stage.label}: {why}; `{_command(study)}` computes them")


def _command(study: Study) -> str:
    """The command that made a study."""
    given = [str(recording.path) for recording in study.recordings if not recording.path.is_relative_to(study.out)]
    parts = ["movrecon run --profile", study.profile.name, *(["--recordings", *given] if given else [])]
    return " ".join([*parts, "--held-out", study.held_out, "--out", str(study.out)])
