"""The simulated neurons see a movie and its reconstructions, without noise and once more with it."""

from collections.abc import Iterator

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from movrecon_core.analysis import SKIPPED_FRAMES, match_contrast_luminance, response_correlation
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.encoders.true_neurons import TrueNeurons
from movrecon_core.reconstruction import ensemble
from movrecon_core.recordings import Trial
from movrecon_core.simulation import SimulatedNeurons
from movrecon_core.storage.cost import Cost
from movrecon_core.study.conditions import PREDICTED, RECORDED
from movrecon_core.study.stage import Definition, Stage, Task, no_encoder
from movrecon_core.study.study import Study
from movrecon_core.study.worker import Worker

RESPONDING = ("encoders", "neurons", "second showing")
"""What responds: the trained encoders' mean, the neurons without noise, and the neurons as recorded once more."""
REFERENCES = ("recorded", "noise-free")
"""Responses to the movie that they are compared with: of the recorded trial, and of the same trial without noise."""


def _keys(study: Study) -> Iterator[tuple[int, int]]:
    for mouse in study.reconstructed_mice:
        for trial in study.asked.truth_trials(mouse):
            yield mouse, trial


def _define(study: Study, mouse: int, trial: int) -> tuple[str, Definition]:
    responses = study.unit("responses", mouse, trial)
    truth = study.trials.truth_digest(mouse, trial)
    return responses.label, {"responses": responses.name, "truth": truth, "seed": study.profile.seed}


def _show(work: Worker, task: Task) -> None:
    """Correlations from frame 30 on: ``correlation`` (responding, stimulus, reference)."""
    study = work.study
    ((mouse, number),), (unit,) = task.keys, task.units
    with Cost() as cost:
        trial, recording = study.trial(mouse, number), study.recordings[mouse]
        neurons, simulated = TrueNeurons(recording).to(work.device), SimulatedNeurons(recording)
        references = (trial.responses, study.trials.noise_free(mouse, number))
        stimuli = _shown_movies(study, mouse, trial)
        behavior = torch.from_numpy(np.concatenate([trial.behavior, trial.pupil_center]))[None]
        predicted = study.results.responses(mouse, number)["predicted"]
        found = np.zeros((len(RESPONDING), len(stimuli), len(REFERENCES)))
        for place, (name, movie) in enumerate(stimuli.items()):
            frames = torch.from_numpy(np.pad(movie, ((0, 0), (14, 14), (0, 0))).astype(np.float32))[None]
            shown, done = frames.to(work.device), behavior.to(work.device)
            with torch.inference_mode():
                expected, rates = neurons.forward_apart(shown, done, 0)[0], neurons.rates(shown, done)[0]
            noise = np.random.default_rng([study.profile.seed, mouse, number, place])
            responding = (
                predicted.sel(stimulus=name).values,
                expected.cpu().numpy(),
                simulated.recorded(rates.cpu().numpy(), noise),
            )
            found[:, place] = [[_correlation(a, b) for b in references] for a in responding]
    dims = ("responding", "stimulus", "reference")
    dataset = xr.Dataset({"correlation": (dims, found)}, attrs={"stimuli": list(stimuli)})
    work.save(unit, dataset, cost)


def _shown_movies(study: Study, mouse: int, trial: Trial) -> dict[str, NDArray[np.floating]]:
    """The movies (T, 36, 64) of a trial that are shown, as in `Results.responses`; of all instances, unsmoothed."""
    found = crop_movie(ensemble(list(study.results.instance_movies(mouse, trial.index, RECORDED)), None))
    stimuli: dict[str, NDArray[np.floating]] = {
        "true": trial.movie,
        "reconstructed": found,
        "matched": match_contrast_luminance(found, trial.movie, crop_movie(study.results.training_mask(mouse))),
    }
    if PREDICTED in study.conditions:
        expected = study.results.instance_movies(mouse, trial.index, PREDICTED)
        stimuli["expected"] = crop_movie(ensemble(list(expected), None))
    return stimuli


def _correlation(responses: np.ndarray, reference: np.ndarray) -> float:
    return response_correlation(reference[:, SKIPPED_FRAMES:], responses[:, SKIPPED_FRAMES:])


SHOWINGS = Stage(
    name="showings",
    label="responses of the simulated neurons",
    item="movie",
    part="responses",
    keys=_keys,
    define=_define,
    perform=_show,
    architectures=no_encoder,
)
