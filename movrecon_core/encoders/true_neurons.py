"""The neurons of a simulated mouse as an encoder: what the microscope would see of them without noise."""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.fft import irfft, rfft
from torch.nn.functional import grid_sample, pad

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.inputs import crop_movie, encoder_inputs
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_RATE, FRAME_WIDTH, Recording
from movrecon_core.simulation import ImagingConfig, SimulatedNeurons
from movrecon_core.simulation.imaging import noise_free
from movrecon_core.simulation.microscope import LEAD
from movrecon_core.simulation.neurons import DARK, KERNEL_FRAMES, MEAN_GREY
from movrecon_core.simulation.rates import MAXIMAL_RATE

FOUND = ("output_scale", "exponent", "mean_drive", "rate_scale", "unit")
"""What the simulation found for its neurons and the encoder needs."""

TINY = 1e-30
"""Below it powers and roots count as 0, where their slopes are infinite."""


class TrueNeurons(Encoder):
    """Noise-free responses of one simulated mouse, its only readout, to any movie under any behaviour.

    Equal to the simulator's; before the first frame the screen had the mean grey and the mouse as in that frame.

    Parameters
    ----------
    recording
        As `simulate_mouse` wrote it.
    imaging
        Another indicator or microscope; None: the recording's own.

    Raises
    ------
    RecordingError
        If it was simulated by something else.
    """

    stack_frames = None
    stack_step = 1
    behavior_apart = True

    def __init__(self, recording: Recording, imaging: ImagingConfig | None = None) -> None:
        super().__init__()
        simulated = SimulatedNeurons(recording)
        population, config = simulated.population, simulated.config
        self.neurons = (population.neurons,)
        self._neuron, self._behaviour, self._imaging = config.neuron, config.behaviour, imaging or config.imaging
        self._eye = (self._neuron.eye_gain, self._behaviour.eye_center)
        self._phase = simulated.values["phase"]
        self._views: dict[int, Tensor] = {}
        self.fields = _fixed(np.concatenate([population.even, population.odd]))  # (2 N, 36 * 64)
        self.kernels = _fixed(np.stack([population.kernel, population.quadrature_kernel]))  # (2, N, K)
        self.pool = _fixed(simulated.pool)  # (N, N)
        unchanged = {"slope": np.ones(population.neurons), "offset": np.zeros(population.neurons)}
        columns = {
            **unchanged,
            "complex": population.parameters["kind"] == "complex",
            **{name: population.parameters[name] for name in ("running_gain", "pupil_gain")},
            **{
                name: simulated.values[name]
                for name in ("output_scale", "mean_drive", "rate_scale", "exponent", "unit")
            },
        }
        self.columns = nn.ParameterDict({name: _fixed(np.asarray(x)[:, None]) for name, x in columns.items()})  # (N, 1)
        x, y = ((np.arange(size) + 0.5) * (2 / size) - 1 for size in (FRAME_WIDTH, FRAME_HEIGHT))
        self.grid = _fixed(np.stack(np.meshgrid(x, y), axis=-1))  # (36, 64, 2): pixel centres from -1 to 1

    def forward(self, inputs: Tensor, mouse: int) -> Tensor:
        return self.forward_apart(inputs[:, 0], inputs[:, 1:].mean(dim=(-2, -1)), mouse)

    def forward_apart(self, movie: Tensor, behavior: Tensor, mouse: int) -> Tensor:
        # What precedes the movie matters as far as the microscope's samples reach back.
        before, after = _reach(self._imaging)
        rates = pad(self._rates(movie, behavior, before), (0, after))
        frames, views = movie.shape[1], self._view(movie)
        seen = sum(view * rates[..., lag : lag + frames] for lag, view in enumerate(views))
        return self.columns["offset"] + self.columns["slope"] * self.columns["unit"] * seen

    def expect(
        self, trials: Iterable[tuple[NDArray[np.floating], NDArray[np.floating]]], *, common: bool = False
    ) -> None:
        """Respond from now on as is recorded on average: deconvolution, which knows no negative activity, adds to it.

        Encoders learn that from their recordings. A neuron's line from noise-free to recorded responses is that of
        least squares, but not below 0.

        Parameters
        ----------
        trials
            Noise-free and recorded responses (N, T) to some movies, none of them held out.
        common
            One line for all neurons, in what each makes of a spike: for movies too few for a line of each.
        """
        unit = self.columns["unit"].numpy(force=True).astype(np.float64) if common else np.ones((self.neurons[0], 1))
        moments: NDArray[np.float64] = np.zeros(())  # takes the shape of what is added first
        for without, recorded in trials:
            x, y = without / unit, recorded / unit
            ones = np.ones_like(x)
            moments = moments + np.stack([product.sum(axis=1) for product in (ones, x, y, x * x, x * y)])
        count, x, y, xx, xy = moments.sum(axis=1, keepdims=True) if common else moments
        slope = (count * xy - x * y) / (count * xx - x**2)
        slope = np.where(slope * x > y, y / x, np.maximum(slope, 0))
        for name, values in {"slope": slope, "offset": (y - slope * x) / count * unit[:, 0]}.items():
            self.columns[name].data.copy_(torch.from_numpy(values)[:, None])

    def as_recorded(self, noise_free: NDArray[np.floating]) -> NDArray[np.float32]:
        """Responses (N, T) that stand for noise-free ones since `expect`; until then these."""
        slope, offset = (self.columns[name].numpy(force=True) for name in ("slope", "offset"))
        found = np.asarray(slope * noise_free, dtype=np.float32)
        found += offset
        return found

    def rates(self, movie: Tensor, behavior: Tensor) -> Tensor:
        """Expected spikes a second (B, N, T), of a movie (B, T, H, W) under behaviour (B, 4, T)."""
        return self._rates(movie, behavior, 0)

    def _rates(self, movie: Tensor, behavior: Tensor, before: int) -> Tensor:
        """As `rates`, with some frames before the movie: (B, N, before + T)."""
        dilation, speed, position = behavior[:, :1], behavior[:, 1:2], behavior[:, 2:]  # (B, 1 or 2, T)
        power = self._power(*self._outputs(self._seen(movie, position)))
        share, of = self._neuron.spontaneous, self.columns
        evoked = (1 - share) * power / of["mean_drive"] + share
        evoked = pad(evoked, (before, 0), value=share)
        dilation, speed = (torch.cat([x[..., :1].expand(-1, -1, before), x], dim=-1) for x in (dilation, speed))
        running = 1 - torch.exp(-speed / 5)
        dilated = (dilation - self._behaviour.pupil_mean) / self._behaviour.pupil_std
        gain = torch.exp(of["running_gain"] * running + of["pupil_gain"] * dilated)
        return (of["rate_scale"] * evoked * gain).clamp(max=MAXIMAL_RATE)

    def _seen(self, movie: Tensor, position: Tensor) -> Tensor:
        """Contrast (B, T, 36 * 64) that reaches the fields, which move with the eye at `position` (B, 2, T)."""
        contrast = 2 * (((crop_movie(movie) + DARK) / (MEAN_GREY + DARK)).sqrt() - 1)
        # In double precision: fields move by a small part of a position that is a large number.
        gain, centre = (position.new_tensor(x, dtype=torch.float64)[:, None] for x in self._eye)
        scale = position.new_tensor([2 / FRAME_WIDTH, 2 / FRAME_HEIGHT])[:, None]
        shift = (gain * (position.double() - centre)).to(position.dtype) * scale
        grid = self.grid + shift.transpose(1, 2).flatten(0, 1)[:, None, None]  # (B T, 36, 64, 2)
        moved = grid_sample(contrast.flatten(0, 1)[:, None], grid, padding_mode="zeros", align_corners=False)
        return moved.view(*movie.shape[:2], -1)

    def _outputs(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Linear outputs (B, N, T) of the fields in quadrature."""
        frames = seen.shape[1]
        length = frames + KERNEL_FRAMES
        even, odd = rfft((seen @ self.fields.t()).transpose(1, 2), length).chunk(2, dim=1)
        kernel, quadrature = rfft(self.kernels, length)
        products = even * kernel + odd * quadrature, odd * kernel - even * quadrature
        first, second = (irfft(product, length)[..., :frames] for product in products)
        return first, second

    def _power(self, first: Tensor, second: Tensor) -> Tensor:
        """Power (B, N, T) of the drive after normalisation."""
        first, second = first / self.columns["output_scale"], second / self.columns["output_scale"]
        energy = first.square() + second.square()
        divisor = (self._neuron.semisaturation**2 + self.pool @ energy).sqrt()
        rectified = torch.where(self.columns["complex"] > 0, _power(energy, 0.5), first.relu())
        return _power(rectified / divisor, self.columns["exponent"])

    def _view(self, movie: Tensor) -> Tensor:
        """The microscope's weights (lags, N, T) for movies (B, T, H, W)."""
        frames = movie.shape[1]
        if frames not in self._views or self._views[frames].dtype != movie.dtype:
            weights = torch.from_numpy(imaging_weights(self._phase, frames, self._imaging))
            with torch.inference_mode(False):  # what is kept may have to be differentiated later
                self._views[frames] = weights.to(movie.device, movie.dtype, copy=True)
        return self._views[frames].to(movie.device)


def shown_responses(
    recording: Recording,
    movie: NDArray[np.floating],
    behavior: NDArray[np.floating],
    pupil_center: NDArray[np.floating],
    noise: np.random.Generator | None,
    imaging: ImagingConfig | None = None,
) -> NDArray[np.float32]:
    """Responses (N, T) of a simulated mouse's neurons to a movie that they may never have seen.

    Parameters
    ----------
    recording, movie, behavior, pupil_center
        As for `shown_rates`.
    noise
        Decides the noise of the showing; None: there is none.
    imaging
        Another indicator or microscope; None: the recording's own.
    """
    if noise is not None:
        rates = shown_rates(recording, movie, behavior, pupil_center)
        return SimulatedNeurons(recording).recorded(rates, noise, imaging)
    with torch.inference_mode():
        return _known_neurons(recording, imaging).forward_apart(*_shown(movie, behavior, pupil_center), 0)[0].numpy()


def shown_rates(
    recording: Recording,
    movie: NDArray[np.floating],
    behavior: NDArray[np.floating],
    pupil_center: NDArray[np.floating],
) -> NDArray[np.float32]:
    """Expected spikes a second (N, T) of a simulated mouse's neurons that see a movie.

    Parameters
    ----------
    recording
        As `simulate_mouse` wrote it.
    movie
        (T, 36, 64), grey levels.
    behavior, pupil_center
        (2, T) each, under which it is shown.

    Raises
    ------
    RecordingError
        If the mouse was simulated by something else.
    """
    with torch.inference_mode():
        return _known_neurons(recording, None).rates(*_shown(movie, behavior, pupil_center))[0].numpy()


def _shown(
    movie: NDArray[np.floating], behavior: NDArray[np.floating], pupil_center: NDArray[np.floating]
) -> tuple[Tensor, Tensor]:
    """Movie (1, T, 64, 64) and behaviour (1, 4, T)."""
    inputs = encoder_inputs(movie, behavior, pupil_center)[None]
    return inputs[:, 0], inputs[:, 1:, :, 0, 0]


@lru_cache(maxsize=1)
def _known_neurons(recording: Recording, imaging: ImagingConfig | None) -> TrueNeurons:
    """The last mouse's, for all of its movies."""
    return TrueNeurons(recording, imaging)


def imaging_weights(phase: NDArray[np.float64], frames: int, config: ImagingConfig) -> NDArray[np.float32]:
    """How noise-free responses follow from rates: linearly, as scanning and resampling are.

    Parameters
    ----------
    phase
        (N,), place in the scan, 0..1.
    frames
        Of the movie.
    config
        Of the microscope.

    Returns
    -------
    NDArray
        (lags, N, T): weight of the rate at every frame from some before a response's to some after.
    """
    before, after = _reach(config)
    lags = before + after + 1
    found = np.zeros((lags, len(phase), frames), np.float32)
    place = np.arange(LEAD + frames)
    first = np.arange(frames) + LEAD - before  # the earliest frame that counts
    for comb in range(lags):  # impulses so far apart that only one reaches a response
        impulses = np.broadcast_to((place % lags == comb).astype(np.float32), (len(phase), len(place)))
        found[(comb - first) % lags, :, np.arange(frames)] = noise_free(impulses, phase, LEAD, config).T
    return found


def _reach(config: ImagingConfig) -> tuple[int, int]:
    """Frames before and after a response's whose rates count: it lies between two samples, each of an interval."""
    interval = FRAME_RATE / config.sampling_rate
    return int(np.ceil(2 * interval)) + 1, int(np.ceil(interval)) + 1


def _power(base: Tensor, exponent: Tensor | float) -> Tensor:
    """Power of numbers >= 0; 0, with slope 0, where they are 0."""
    return torch.where(base > TINY, base.clamp(min=TINY) ** exponent, 0)


def _fixed(values: NDArray) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(np.ascontiguousarray(values, np.float32)), requires_grad=False)
