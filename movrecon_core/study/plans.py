"""What could have been recorded of a mouse: fewer neurons, planes or minutes, a smaller area, another indicator."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import ReconstructionError
from movrecon_core.recordings import FRAME_RATE
from movrecon_core.simulation import known_truth
from movrecon_core.simulation.indicators import Indicator
from movrecon_core.study.settings import PlanningSettings
from movrecon_core.study.study import Study

MICROMETRES = 1000
"""In a millimetre."""
SECONDS = 60
"""In a minute."""
SLACK = 1e-6
"""Minutes by which whole movies may miss what is asked for: sums of decimal numbers are not exact."""


@dataclass(frozen=True)
class Plan:
    """An experiment.

    Attributes
    ----------
    density
        Neurons per mm² of an imaging plane.
    area
        Of a plane, mm²: a square in the middle of what was imaged.
    planes
        Imaging planes, each scanned as often as in the recording.
    minutes
        Of movies that an encoder is trained on; the movies that are reconstructed come in addition.
    indicator
        None: that of the recording.
    """

    density: float
    area: float
    planes: int
    minutes: float
    indicator: Indicator | None = None

    @property
    def neurons(self) -> int:
        """Of all planes together."""
        return round(self.density * self.area * self.planes)

    @property
    def name(self) -> str:
        """As part of a file's name."""
        parts = f"{self.density:g}-per-mm2", f"{self.area:g}-mm2", f"{self.planes}-planes", f"{self.minutes:g}-min"
        return "-".join([*parts, *([self.indicator] if self.indicator else [])])

    def changed_from(self, base: "Plan") -> str | None:
        """Name of the first attribute in which it differs from another plan; None: in none."""
        differing = (field.name for field in fields(self) if getattr(self, field.name) != getattr(base, field.name))
        return next(differing, None)


def plans_of(settings: PlanningSettings) -> tuple[Plan, ...]:
    """The base, of the first value of everything, then every other value with the rest as in the base.

    Examples
    --------
    >>> found = plans_of(PlanningSettings(densities=(200.0, 100.0), areas=(0.3,), planes=(10,), minutes=(5.0,)))
    >>> [(plan.density, plan.neurons) for plan in found]
    [(200.0, 600), (100.0, 300)]
    """
    if not settings.densities:
        return ()
    base = Plan(settings.densities[0], settings.areas[0], settings.planes[0], settings.minutes[0])
    return (
        base,
        *(replace(base, density=density) for density in settings.densities[1:]),
        *(replace(base, area=area) for area in settings.areas[1:]),
        *(replace(base, planes=planes) for planes in settings.planes[1:]),
        *(replace(base, minutes=minutes) for minutes in settings.minutes[1:]),
        *(replace(base, indicator=indicator) for indicator in settings.indicators),
    )


def planned(study: Study) -> Iterator[tuple[int, Plan]]:
    """Mouse and plan of everything that is planned: another indicator of simulated mice alone."""
    for mouse in study.reconstructed_mice:
        again = not study.recordings or known_truth(study.recordings[mouse])
        for plan in plans_of(study.profile.planning):
            if plan.indicator is None or again:
                yield mouse, plan


def kept_neurons(coordinates: NDArray[np.floating], plan: Plan, seed: int) -> NDArray[np.intp]:
    """Neurons that a plan records; one that asks for more of something holds those of one that asks for less.

    Parameters
    ----------
    coordinates
        (N, 3), micrometres; the third tells the planes apart.
    plan
        Density, area and planes.
    seed
        Of the order in which planes and neurons are taken.

    Returns
    -------
    NDArray
        (`plan.neurons`,), places in the population, ascending.

    Raises
    ------
    ReconstructionError
        If so many were not recorded.
    """
    random = np.random.default_rng(seed)
    places = coordinates[:, :2]
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    imaged = float(np.prod(np.ptp(places, axis=0))) / MICROMETRES**2
    if plan.area > imaged:
        raise ReconstructionError(f"{plan.area:g} mm² of {imaged:.2f}")
    depths = random.permutation(np.unique(coordinates[:, 2]))
    if plan.planes > len(depths):
        raise ReconstructionError(f"{plan.planes} planes of {len(depths)}")
    inside = np.abs(places - middle).max(axis=1) <= np.sqrt(plan.area) * MICROMETRES / 2
    there = inside & np.isin(coordinates[:, 2], depths[: plan.planes])
    order = random.permutation(len(coordinates))
    kept: NDArray[np.intp] = np.sort(order[there[order]][: plan.neurons])
    if len(kept) < max(plan.neurons, 1):
        raise ReconstructionError(f"{plan.neurons} neurons of {len(kept)} in {plan.planes} planes of {plan.area:g} mm²")
    return kept


def kept_movies(frames: NDArray[np.integer], minutes: float) -> int:
    """How many training movies, the first ones, last so many minutes, no longer.

    Parameters
    ----------
    frames
        Of each movie, in order.
    minutes
        That are wanted.

    Raises
    ------
    ReconstructionError
        If there are fewer, or not even two movies are that short.
    """
    passed = np.cumsum(frames) / FRAME_RATE / SECONDS
    if minutes > passed[-1] + SLACK:
        raise ReconstructionError(f"{minutes:g} minutes of {passed[-1]:.1f}")
    movies = int(np.searchsorted(passed, minutes + SLACK, side="right"))
    if movies < 2:
        raise ReconstructionError(f"{minutes:g} minutes hold fewer than two movies")
    return movies
