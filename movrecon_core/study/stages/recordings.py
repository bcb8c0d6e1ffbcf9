"""The recordings: simulated where none are given, checked, and divided into training and held-out movies."""

from pathlib import Path

import numpy as np
import xarray as xr

from movrecon_core.errors import RecordingError
from movrecon_core.process import give_back_memory
from movrecon_core.progress import Progress
from movrecon_core.recordings import Recording, load_array, valid_length
from movrecon_core.recordings.checks import RecordingReport, report_recording
from movrecon_core.recordings.folds import TrialSplit, fold_of, split_trials
from movrecon_core.simulation import simulate_recordings
from movrecon_core.storage.cost import Cost
from movrecon_core.storage.store import Store, Unit
from movrecon_core.study.growth import Growth
from movrecon_core.study.profile import Profile
from movrecon_core.study.sources import code_of
from movrecon_core.study.stage import Definition, Stage, Task, no_encoder
from movrecon_core.study.stages.masks import FIRST_FRAME, SEGMENT_FRAMES
from movrecon_core.study.study import Study
from movrecon_core.study.trials import ROLES
from movrecon_core.study.worker import Worker


def simulate(profile: Profile, out: Path) -> list[Recording]:
    """Simulate the profile's recordings below a study's folder; a mouse that is there is kept.

    Parameters
    ----------
    profile
        Its simulation and seed decide everything.
    out
        Folder of the results; recordings of other settings lie beside each other in it.
    """
    unit = simulation_unit(profile)
    store = Store(out / "store")
    with Progress(profile.simulation.mice, "recordings: simulate", "mouse") as progress:
        with Cost() as cost:
            recordings = simulate_recordings(out / "recordings" / unit.name, profile.simulation, profile.seed)
        progress.step(profile.simulation.mice)
    give_back_memory()
    if store.load(unit) is None:
        store.save(unit, xr.Dataset(), cost.attributes())
    return recordings


def simulation_unit(profile: Profile) -> Unit:
    """Keeps the cost of the simulated recordings; its name is that of their folder."""
    definition = {
        "simulation": profile.simulation.model_dump(mode="json"),
        "seed": profile.seed,
        "code": code_of(simulate_recordings),
    }
    return Unit("simulations", f"seed-{profile.seed}", definition)


def _define(study: Study, mouse: int) -> tuple[str, Definition]:
    tiers = study.of_mouse("tiers", mouse)
    used = {} if tiers is None else {"tiers": tiers}
    return study.mice[mouse], {"recording": study.trials.digest_of_recording(mouse), "held_out": study.held_out, **used}


def split_recording(work: Worker, task: Task) -> None:
    """Check a recording, then decide which movies are held out.

    Raises
    ------
    RecordingError
        With the recording's first problem and how many more there are, or if no movie is held out.
    """
    ((mouse,),), (unit,) = task.keys, task.units
    recording = work.study.recordings[mouse]
    with Cost() as cost:
        report = require_sound(recording)
        split = split_trials(recording, work.study.held_out, tiers=work.study.of_mouse("tiers", mouse))
        if mouse in work.study.reconstructed_mice:
            require_segments(recording, work.study.held_out, split, work.study.profile.mask_segments)
        dataset = _as_dataset(recording, split)
        dataset.attrs |= {"notes": report.notes()}
    work.save(unit, dataset, cost)


def require_sound(recording: Recording) -> RecordingReport:
    """Stop at a recording with problems; what else was found is given back.

    Raises
    ------
    RecordingError
        With the first problem and how many more there are.
    """
    report = report_recording(recording.path)
    if problems := report.problems:
        more = f" ({len(problems) - 1} more: movrecon check {recording.path})" if len(problems) > 1 else ""
        raise RecordingError(f"{problems[0]}{more}")
    return report


def require_segments(recording: Recording, rule: str, split: TrialSplit, most: int = 1) -> None:
    """Stop where the mask could not be trained: one segment is shown, another one is its background.

    Parameters
    ----------
    recording
        The mouse.
    rule
        That held out its movies.
    split
        Its trials.
    most
        Segments of one movie, as the profile's ``mask_segments``.

    Raises
    ------
    RecordingError
        If the training movies, which are taken where others lack, hold no two segments.
    """
    frames = [valid_length(load_array(recording.file("responses", trial))) for trial in split.training]
    segments = sum(min(most, (n - FIRST_FRAME) // SEGMENT_FRAMES) for n in frames)
    if segments < 2:
        raise RecordingError(
            f"{recording.path}: '{rule}' leaves a single movie to train on, and the mask is trained on two "
            "segments of movies at least; choose another rule, or set mask_segments to 2 if the movie is long enough"
        )


def _as_dataset(recording: Recording, split: TrialSplit) -> xr.Dataset:
    closest = {match.trial: match for match in split.closest}
    role = {
        **dict.fromkeys(split.training, ROLES.index("training")),
        **dict.fromkeys(split.held_out, ROLES.index("held-out")),
        **dict.fromkeys(split.excluded, ROLES.index("excluded")),
    }
    trials = list(recording.trials)
    tiers = sorted(set(recording.tiers.tolist()))
    columns: dict[str, list[float] | list[int]] = {
        "role": [role.get(t, ROLES.index("not used")) for t in trials],
        "fold": [fold_of(recording.movie(t)) for t in trials],
        "tier": [tiers.index(str(recording.tiers[t])) for t in trials],
        "closest": [closest[t].training_trial if t in closest else -1 for t in trials],
        "correlation": [closest[t].correlation if t in closest else float("nan") for t in trials],
    }
    return xr.Dataset(
        {name: ("trial", np.asarray(values)) for name, values in columns.items()},
        coords={"trial": np.asarray(trials)},
        attrs={"roles": list(ROLES), "tiers": tiers, "neurons": recording.neurons},
    )


def _growth(study: Study, mouse: int) -> Growth:
    return Growth(amount=sum(len(study.trials.of_role(mouse, role)) for role in ROLES))


RECORDINGS = Stage(
    name="recordings",
    label="recordings: check, folds, near-duplicates",
    item="recording",
    part="recordings",
    keys=lambda study: [(mouse,) for mouse in range(len(study.mice))],
    define=_define,
    perform=split_recording,
    architectures=no_encoder,
    growth=_growth,
)
