"""Every natural movie as each decoder makes it of the recorded responses, and what an encoder says of all movies."""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis import response_correlation
from movrecon_core.decoders.by_name import RIDGE, decoder_of
from movrecon_core.encoders.prediction import predicted_responses
from movrecon_core.recordings import Trial
from movrecon_core.storage.cost import Cost
from movrecon_core.study.conditions import RECORDED, movie_name
from movrecon_core.study.stage import Definition, Stage, Task
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker

COMPONENTS, SHUFFLED = "ridge-components", "ridge-shuffled"
"""Of ridge regression: to principal components; and of responses that were exchanged between neurons, a control."""
OWN, TRUTH = "own", "truth"
"""The study's reconstruction, of the first instance alone; and the movie that was shown."""


def _define(study: Study, mouse: int, trial: int) -> tuple[str, Definition]:
    methods = study.profile.baselines.methods
    return f"{study.mice[mouse]}-{movie_name(trial)}", {
        "movie": {"trial": trial, "content": study.trials.digest_of_trial(mouse, trial)},
        "decoders": [study.unit("decoders", mouse, name).name for name in study.asked.decoders],
        "own": study.results.reconstruction_units(mouse, trial, RECORDED)[0].name,
        "methods": {name: study.unit("other-methods", mouse, trial, name).name for name in methods},
        "mask": study.unit("masks", mouse).name,
        "encoder": study.encoder_digests(1)[0],
        "seed": study.profile.seed,
    }


def _compare(work: Worker, task: Task) -> None:
    ((mouse, number),), (unit,), study = task.keys, task.units, work.study
    with Cost() as cost:
        trial = study.trial(mouse, number)
        decoded = dict(_decoded(study, mouse, trial))
        shown = {TRUTH: trial.movie, OWN: study.results.reconstruction(mouse, number, instances=[0])}
        shown |= study.results.other_movies(mouse, number) | decoded
        encoder = work.load(study.unit("encoders", 0))
        behaviour = (trial.behavior, trial.pupil_center)
        evoked = [predicted_responses(encoder, mouse, movie, *behaviour) for movie in shown.values()]
        correlations = [response_correlation(trial.responses, responses) for responses in evoked]
    dataset = xr.Dataset(
        {
            "movie": (("decoder", "time", "y", "x"), np.stack(list(decoded.values()))),
            "response_correlation": ("movies", np.array(correlations)),
        },
        attrs={"decoders": list(decoded), "movies": list(shown)},
    )
    work.save(unit, dataset, cost)


def _decoded(study: Study, mouse: int, trial: Trial) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for name in study.asked.decoders:
        stored = study.result("decoders", mouse, name)
        decoder = decoder_of(name, {str(key): values.to_numpy() for key, values in stored.items()})
        yield name, decoder.decode(trial.responses)
        if name == RIDGE:
            yield COMPONENTS, decoder.components.decode(trial.responses)
            exchanged = np.random.default_rng([study.profile.seed, trial.index]).permutation(len(trial.responses))
            yield SHUFFLED, decoder.decode(trial.responses[exchanged])


BASELINES = Stage(
    name="baselines",
    label="baselines",
    item="movie",
    part="baselines",
    keys=lambda study: study.asked.baseline_movies() if study.asked.decoders else (),
    define=_define,
    perform=_compare,
)
