"""Natural movies found once more from recorded responses, with other settings and the first instance."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from movrecon_core.analysis.metrics import GREY
from movrecon_core.reconstruction import Target, reconstruct
from movrecon_core.reconstruction.truth import TruthComparison
from movrecon_core.storage.cost import Cost
from movrecon_core.study.conditions import RECORDED, movie_name
from movrecon_core.study.growth import Growth, frames_of, reconstructed
from movrecon_core.study.guides import guide_definition, guided, misfits_of
from movrecon_core.study.stage import Definition, Stage, Task, as_json, together
from movrecon_core.study.study import Key, Study
from movrecon_core.study.targets import build_target
from movrecon_core.study.worker import Worker


def _keys(study: Study) -> Iterator[Key]:
    for name in study.profile.baselines.methods:
        for mouse, trial in study.asked.baseline_movies():
            yield mouse, trial, name


def _define(study: Study, mouse: int, trial: int, name: str) -> tuple[str, Definition]:
    config = study.profile.baselines.methods[name]
    return f"{study.mice[mouse]}-{movie_name(trial)}-{name}", {
        "mouse": mouse,
        "movie": {"trial": trial, "content": study.trials.digest_of_trial(mouse, trial)},
        "encoder": study.encoder_digests(1)[0],
        "mask": study.unit("masks", mouse).name,
        "reconstruction": as_json(config),
        "guide": guide_definition(study, mouse, (0,), config),
    }


def _batches(study: Study, keys: Sequence[Key]) -> Iterable[Sequence[Key]]:
    """Movies of one mouse and method."""
    return together(keys, lambda key: (key[0], key[2]), study.profile.batch_trials)


def _reconstruct(work: Worker, task: Task) -> None:
    study, (mouse, _, name) = work.study, task.keys[0]
    config = study.profile.baselines.methods[name]
    with Cost() as cost:
        encoder = work.load(study.unit("encoders", 0))
        targets = [build_target(study, mouse, trial, RECORDED, [encoder], []) for _, trial, _ in task.keys]
        if config.decoder is not None:
            misfits = misfits_of(study, mouse, (0,))
            targets = guided(study, mouse, targets, [RECORDED] * len(targets), misfits, config.decoder)
        likest = _Likest(targets)
        found = reconstruct([encoder], mouse, targets, config, device=work.device, on_iteration=likest)
    dimensions = ("time", "y", "x")
    datasets = [
        xr.Dataset(
            {
                "movie": (dimensions, result.movie.astype(np.float32)),
                "oracle": (dimensions, oracle),
                "video_correlation": ("iteration", result.video_correlation.astype(np.float32)),
            }
        )
        for result, oracle in zip(found, likest.movies, strict=True)
    ]
    work.save_together(list(zip(task.units, datasets, strict=True)), cost)


class _Likest:
    """Keeps each movie as it was at the iteration where it was most like the truth, which nobody else can know."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self.targets = targets
        self.truths: list[TruthComparison] = []
        self.highest = [-np.inf] * len(targets)
        self.movies: list[NDArray[np.float32]] = [np.empty((0, 0, 0), np.float32)] * len(targets)

    def __call__(self, iteration: int, movies: Sequence[Tensor]) -> None:
        # Made where the movies are, which is known now.
        pairs = zip(self.targets, movies, strict=True)
        self.truths = self.truths or [TruthComparison([target], GREY, movie) for target, movie in pairs]
        for place, (truth, movie) in enumerate(zip(self.truths, movies, strict=True)):
            likeness = float(truth.video_correlation(movie[None])[0].nan_to_num(-1))
            if likeness > self.highest[place]:
                self.highest[place] = likeness
                self.movies[place] = movie.float().cpu().numpy().copy()


def _growth(study: Study, mouse: int, trial: int, name: str) -> Growth:
    return reconstructed(study.profile.baselines.methods[name], frames_of(study, mouse, trial), name)


OTHER_METHODS = Stage(
    name="other-methods",
    label="reconstructions by other methods",
    item="movie",
    part="baselines",
    keys=_keys,
    define=_define,
    perform=_reconstruct,
    batches=_batches,
    growth=_growth,
)
"""With the movie at the end, and the one at the step where the truth would have said to stop."""
