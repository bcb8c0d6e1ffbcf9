"""Guides of the best method's movies: a decoder's movie of the same responses, its errors, the encoders' misfits."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from movrecon_core.decoders import RidgeDecoder
from movrecon_core.decoders.by_name import decoder_of
from movrecon_core.decoders.errors import spread_of_frequencies
from movrecon_core.reconstruction import Guide, Misfit, ReconstructionConfig, Target
from movrecon_core.study.conditions import Condition
from movrecon_core.study.study import Study


def guided(
    study: Study,
    mouse: int,
    targets: Sequence[Target],
    conditions: Sequence[Condition],
    instances: Sequence[int],
    name: str,
) -> list[Target]:
    """Give natural movies of one mouse their guides.

    Parameters
    ----------
    study
        With decoders and misfits.
    targets
        Of which only responses are looked at.
    conditions
        One for each: predicted responses hold no noise.
    instances
        Of the encoders that find the movies.
    name
        Of the decoder, one that knows its errors.
    """
    decoder: RidgeDecoder = decoder_of(name, _arrays(study, "decoders", mouse, name))
    misfits = [Misfit(**_arrays(study, "misfits", mouse, instance)) for instance in instances]
    found = []
    for target, condition in zip(targets, conditions, strict=True):
        responses = target.responses
        if target.neurons_in_loss is not None:  # nothing is known of the others: they do as they mostly do
            responses = np.where(target.neurons_in_loss[:, None], responses, decoder.usual[:, None])
        spread = spread_of_frequencies(decoder.error_power, int(decoder.samples_apart), target.frames)
        noisy = condition.target == "recorded"
        allowed = tuple(misfit if noisy else misfit.noise_free for misfit in misfits)
        found.append(replace(target, guide=Guide(decoder.decode(responses), spread, allowed)))
    return found


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
