"""What a profile asks for: of which movies, found how, by which decoders and instances."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from movrecon_core.stimuli import NoiseStimulus, SyntheticStimulus
from movrecon_core.study.conditions import (
    AVERAGED,
    CHOSEN,
    EXCHANGED,
    NOISE_FREE,
    RECORDED,
    SYNTHETIC_TRUTH,
    TRUTH_KNOWN,
    UNSHARED,
    VARIATIONS,
    WITHHELD,
    Condition,
    Movie,
)
from movrecon_core.study.profile import Profile
from movrecon_core.study.trials import Trials


class Reconstructed(Protocol):
    """What a study knows of its mice and natural movies."""

    @property
    def profile(self) -> Profile: ...
    @property
    def conditions(self) -> tuple[Condition, ...]: ...
    @property
    def fractions(self) -> tuple[float, ...]: ...
    @property
    def reconstructed_mice(self) -> Sequence[int]: ...
    @property
    def trials(self) -> Trials: ...
    def movies(self) -> Iterator[tuple[int, int]]: ...


@dataclass(frozen=True)
class Asked:
    """All reconstructions of a study, and the part that each figure has in them.

    Trials are the first of those that are reconstructed anyway, as many as the profile's section says.
    """

    study: Reconstructed

    def reconstructions(self) -> Iterator[tuple[int, Movie, Condition]]:
        """Mouse, movie and condition of all reconstructions, each once."""
        yield from dict.fromkeys((*self._natural(), *self._synthetic()))

    def _natural(self) -> Iterator[tuple[int, int, Condition]]:
        study = self.study
        for mouse, trial in study.movies():
            for condition in study.conditions:
                yield mouse, trial, condition
        for mouse in study.reconstructed_mice:
            for trial in self.variation_trials(mouse):
                for condition in VARIATIONS:
                    yield mouse, trial, condition
            for trial in self.repeated_trials(mouse):
                yield mouse, trial, AVERAGED
            for trial in self.population_trials(mouse):
                for dropped in study.profile.population.dropped:
                    for fraction in study.fractions:
                        yield mouse, trial, Condition(neurons=fraction, dropped=dropped)
            for trial in self.compared_trials(mouse):
                for condition in self.compared_conditions:
                    yield mouse, trial, condition
            for trial in self.redundancy_trials(mouse):
                for condition in self.redundancy_conditions(mouse).values():
                    yield mouse, trial, condition
            for trial in self.truth_trials(mouse):
                for condition in TRUTH_KNOWN:
                    yield mouse, trial, condition

    def _synthetic(self) -> Iterator[tuple[int, SyntheticStimulus, Condition]]:
        study = self.study
        for settings in (study.profile.noise, study.profile.gratings):
            for mouse in study.reconstructed_mice[: settings.mice]:
                for target in settings.targets:
                    for stimulus in settings.stimuli:
                        yield mouse, stimulus, Condition(target=target)
        for mouse in study.reconstructed_mice:
            for stimulus in self.resolution_stimuli(mouse):
                for condition in SYNTHETIC_TRUTH:
                    yield mouse, stimulus, condition
            for stimulus in self.microscope_stimuli(mouse):
                for condition in study.profile.resolution.microscopes:
                    yield mouse, stimulus, condition

    def variation_trials(self, mouse: int) -> tuple[int, ...]:
        """Trials that are also reconstructed with other masks and with gradient ensembling."""
        return self.study.trials.reconstructed(mouse)[: self.study.profile.variations.trials_per_mouse]

    def repeated_trials(self, mouse: int) -> tuple[int, ...]:
        """Those of the varied trials whose movie was shown more than once."""
        return tuple(t for t in self.variation_trials(mouse) if len(self.study.trials.showings(mouse, t)) > 1)

    def population_trials(self, mouse: int) -> tuple[int, ...]:
        """Trials that are also reconstructed from fewer neurons."""
        return self.study.trials.reconstructed(mouse)[: self.study.profile.population.trials_per_mouse]

    def compared_trials(self, mouse: int) -> tuple[int, ...]:
        """Trials that are also found with the other encoder; none where the profile has none."""
        comparison = self.study.profile.comparison
        return () if comparison is None else self.study.trials.reconstructed(mouse)[: comparison.trials_per_mouse]

    @property
    def compared_conditions(self) -> tuple[Condition, ...]:
        """Of these movies with either encoder: recorded, from the fewest neurons, without their own behaviour."""
        fractions = self.study.fractions
        fewest = [Condition(neurons=min(fractions), dropped="missing")] if fractions else []
        return (RECORDED, *fewest, WITHHELD, EXCHANGED)

    def redundancy_trials(self, mouse: int) -> tuple[int, ...]:
        """Trials that are also reconstructed from neurons chosen by what they tell."""
        return self.study.trials.reconstructed(mouse)[: self.study.profile.redundancy.trials_per_mouse]

    def redundancy_conditions(self, mouse: int) -> dict[tuple[str, float], Condition]:
        """Conditions of these movies by what is chosen or done to the noise, and the fraction that is kept."""
        fractions = (*sorted(self.study.profile.redundancy.fractions), 1.0)
        noise = (NOISE_FREE, UNSHARED) if self.study.trials.truth_known(mouse) else ()
        ways: dict[str, Condition] = {kind: replace(RECORDED, chosen=kind) for kind in CHOSEN}
        ways |= {condition.target: condition for condition in noise}
        return {
            (name, kept): replace(way, neurons=kept, dropped="missing") if kept < 1 else replace(way, chosen="random")
            for name, way in ways.items()
            for kept in fractions
        }

    def truth_trials(self, mouse: int) -> tuple[int, ...]:
        """Trials that are also found from noise-free responses and through the neurons themselves."""
        known = self.study.trials.truth_known(mouse)
        return self.study.trials.reconstructed(mouse)[: self.study.profile.truth.trials_per_mouse] if known else ()

    def resolution_stimuli(self, mouse: int) -> tuple[SyntheticStimulus, ...]:
        """Synthetic movies that are also found from the responses of a simulated mouse's own neurons."""
        study, profile = self.study, self.study.profile
        if not study.trials.truth_known(mouse) or mouse not in study.reconstructed_mice[: profile.resolution.mice]:
            return ()
        noise, gratings = profile.resolution.noise, profile.resolution.gratings
        directions = profile.gratings.directions[:1]
        return (
            *(s for s in profile.noise.stimuli if s.sample == 0 and (s.length, s.duration) in noise),
            *(
                s
                for s in profile.gratings.stimuli
                if s.direction in directions and (s.spatial_frequency, s.temporal_frequency) in gratings
            ),
        )

    def microscope_stimuli(self, mouse: int) -> tuple[SyntheticStimulus, ...]:
        """Those of them that other microscopes see, too: noise in one phase."""
        stimuli = self.resolution_stimuli(mouse)
        return tuple(s for s in stimuli if not (isinstance(s, NoiseStimulus) and s.inverted))

    def baseline_movies(self) -> Iterator[tuple[int, int]]:
        """Mouse and trial of every natural movie that is also found by other methods."""
        for mouse in self.study.reconstructed_mice:
            for trial in self.study.trials.reconstructed(mouse)[: self.study.profile.baselines.trials_per_mouse]:
                yield mouse, trial

    @property
    def guides(self) -> tuple[str, ...]:
        """Decoders from whose movies some reconstructions start."""
        configs = (self.study.profile.reconstruction, *self.study.profile.baselines.methods.values())
        return tuple(dict.fromkeys(config.decoder for config in configs if config.decoder is not None))

    @property
    def decoders(self) -> tuple[str, ...]:
        """Names of all decoders that are learned."""
        return tuple(dict.fromkeys((*self.guides, *self.study.profile.baselines.decoders)))
