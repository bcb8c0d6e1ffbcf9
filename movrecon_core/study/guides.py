"""Guides of the best method's movies: a decoder's movie of the same responses, its errors, the encoders' misfits."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from movrecon_core.decoders import RidgeDecoder
from movrecon_core.decoders.by_name import decoder_of
from movrecon_core.decoders.errors import spread_of_frequencies
from movrecon_core.decoders.roots import learn_roots
from movrecon_core.encoders.true_neurons import TrueNeurons
from movrecon_core.reconstruction import Guide, Misfit, ReconstructionConfig, Target, learn_misfit
from movrecon_core.study.conditions import Condition
from movrecon_core.study.study import Study

MOST_MOVIES = 100
"""Training movies that misfits are learned from, the first ones: 17 minutes of 10 s each."""


def guided(
    study: Study,
    mouse: int,
    targets: Sequence[Target],
    conditions: Sequence[Condition],
    misfits: Sequence[Misfit],
    name: str,
) -> list[Target]:
    """Give natural movies of one mouse their guides.

    Parameters
    ----------
    study
        With decoders.
    targets
        Of which only responses are looked at.
    conditions
        One for each: those of single trials hold noise, predicted ones none, and means over showings count as such.
    misfits
        Of the encoders that find the movies, as `misfits_of` or `neurons_misfit`.
    name
        Of the decoder, one that knows its errors.
    """
    decoder: RidgeDecoder = decoder_of(name, _arrays(study, "decoders", mouse, name))
    found = []
    for target, condition in zip(targets, conditions, strict=True):
        responses = target.responses
        if target.neurons_in_loss is not None:  # nothing is known of the others: they do as they mostly do
            responses = np.where(target.neurons_in_loss[:, None], responses, decoder.usual[:, None])
        noisy = condition.target in ("recorded", "unshared")
        allowed = [misfit if noisy else misfit.noise_free for misfit in misfits]
        found.append(replace(target, guide=guide_of(decoder, responses, allowed)))
    return found


def guide_of(decoder: RidgeDecoder, responses: NDArray[np.floating], misfits: Sequence[Misfit]) -> Guide:
    """A decoder's movie of some responses (N, T), what is known of its errors, and of the encoders'."""
    spread = spread_of_frequencies(decoder.error_power, int(decoder.samples_apart), responses.shape[1])
    return Guide(decoder.decode(responses), spread, tuple(misfits))


def misfits_of(study: Study, mouse: int, instances: Sequence[int]) -> list[Misfit]:
    """Those of the study's encoders, which were learned before."""
    return [Misfit(**_arrays(study, "misfits", mouse, instance)) for instance in instances]


def neurons_misfit(study: Study, mouse: int, neurons: TrueNeurons) -> Misfit:
    """That of a simulated mouse's own neurons, on the training movies that encoders are looked at with."""
    numbers = compared_trials(study, mouse)
    recorded = [study.trial(mouse, number).responses for number in numbers]  # and not the movies, which fill memory
    expected = [neurons.as_recorded(study.trials.noise_free(mouse, number)) for number in numbers]
    return learn_misfit(recorded, expected, learn_roots(recorded))


def compared_trials(study: Study, mouse: int) -> tuple[int, ...]:
    """Training trials that misfits are learned from."""
    return study.trials.of_role(mouse, "training")[:MOST_MOVIES]


def guide_definition(
    study: Study, mouse: int, instances: Sequence[int], config: ReconstructionConfig
) -> dict[str, Any] | None:
    """What decides the guides, for the definition of a unit; None where there are none."""
    if config.decoder is None:
        return None
    misfits = [study.unit("misfits", mouse, instance).name for instance in instances]
    return {"decoder": study.unit("decoders", mouse, config.decoder).name, "misfits": misfits}


def _arrays(study: Study, *key: Any) -> dict[str, Any]:
    return {str(name): values.to_numpy() for name, values in study.result(*key).items()}
