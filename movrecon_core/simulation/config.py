"""All parameters of a simulated experiment."""

from typing import Self

from pydantic import Field, model_validator

from movrecon_core.recordings.folds import FOLDS
from movrecon_core.simulation.behaviour import BehaviourConfig
from movrecon_core.simulation.imaging import ImagingConfig
from movrecon_core.simulation.movies import MovieConfig
from movrecon_core.simulation.neurons import NeuronConfig
from movrecon_core.simulation.parameters import Parameters
from movrecon_core.simulation.variability import VariabilityConfig


class MouseSize(Parameters):
    """What of one mouse's recording is of another size; None: as the first mouse's."""

    trials: int | None = Field(default=None, ge=FOLDS)
    frames: int | None = Field(default=None, ge=82)
    neurons: int | None = Field(default=None, ge=2)


class SimulationConfig(Parameters):
    """A simulated experiment; the defaults are those of the demo profile.

    Examples
    --------
    >>> mr.SimulationConfig(neurons=100).frames
    300
    """

    mice: int = Field(default=3, ge=1)
    """The article reconstructs from five."""
    trials: int = Field(default=77, ge=FOLDS)
    """A movie each; the recordings have some 700, this is what trains within minutes."""
    frames: int = Field(default=300, ge=82)
    """At 30 Hz: 10 s, as recorded (article, Source data)."""
    neurons: int = Field(default=1500, ge=2)
    """A mouse; the recordings have about 8000."""
    oracle_trials: int = Field(default=3, ge=0)
    """Movies of tier `oracle`; the recordings have 6. They are of hash fold 0, as many as it holds, so that no rule
    trains on one showing of a movie and holds out another."""
    repeats: int = Field(default=5, ge=1)
    """Showings of each of them, the later ones after all other trials, which they leave as they are; the recordings
    have 10. At 1 a movie is shown once."""
    ceiling: float = Field(default=0.45, ge=0.05, le=0.95)
    """Correlation between noise-free and recorded responses, mean over neurons, over the first showings of the movies
    of fold 0 and tier `oracle`. An assumption: what part of the responses' variance in the recordings is noise is not
    known. As the s.d. / mean of the responses is given, it decides how sparse the noise-free ones are."""
    sharpness: float | None = Field(default=None, gt=0)
    """Factor on the exponents of the neurons' output, which makes them respond more sparsely; where it is given, the
    ceiling is what comes out."""
    noise: float = Field(default=0.25, gt=0)
    """Imaging noise of a sample, s.d. relative to the transient of one spike, median over neurons (chosen; small
    beside a burst, so that the responses are 0 as often as the ten real mice's)."""
    noise_spread: float = Field(default=0.3, ge=0)
    """s.d. over neurons of the logarithm of the imaging noise (chosen)."""
    unit: tuple[float, float] = (0.56, 0.75)
    """What deconvolution makes of one spike, arbitrary units: median over neurons, s.d. of its logarithm (mean
    responses of the ten real mice)."""
    shared_gain: float = Field(default=0.2, ge=0)
    """s.d. of the logarithm of a gain that neurons share and nobody observes (Goris, Movshon & Simoncelli 2014)."""
    movie: MovieConfig = MovieConfig()
    neuron: NeuronConfig = NeuronConfig()
    behaviour: BehaviourConfig = BehaviourConfig()
    imaging: ImagingConfig = ImagingConfig()
    variability: VariabilityConfig = VariabilityConfig()
    others: tuple[MouseSize, ...] = ()
    """Sizes of the second and further mice, where they differ from the first's; those of real mice always do."""

    @model_validator(mode="after")
    def _enough_mice(self) -> Self:
        if len(self.others) >= self.mice:
            raise ValueError(f"others: sizes of {len(self.others)} further mice, but there are {self.mice} mice in all")
        return self

    def of_mouse(self, mouse: int) -> Self:
        """Parameters of one mouse, by its place from 0."""
        size = self.others[mouse - 1] if 0 < mouse <= len(self.others) else MouseSize()
        return self.model_copy(update={"others": (), **size.model_dump(exclude_none=True)})
