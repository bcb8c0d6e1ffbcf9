"""The simulated neurons as an encoder: equal to the simulator, differentiable, for any movie and behaviour."""

import numpy as np
import pytest
import torch

from movrecon_core.encoders.inputs import encoder_inputs
from movrecon_core.encoders.prediction import predict
from movrecon_core.encoders.true_neurons import TrueNeurons, shown_responses
from movrecon_core.errors import RecordingError
from movrecon_core.recordings import SIMULATED_MARKER, Recording
from movrecon_core.simulation import TRUTH, ImagingConfig, SimulatedNeurons, SimulationConfig, simulate_recordings
from movrecon_core.simulation.behaviour import Behaviour
from movrecon_core.simulation.imaging import noise_free, scanned_at
from movrecon_core.simulation.indicators import imaged_with
from movrecon_core.simulation.microscope import LEAD
from movrecon_core.simulation.neurons import behavioural_gain, evoked, field_shift, filter_outputs, normalised_drive
from movrecon_core.simulation.rates import MAXIMAL_RATE

MICROSCOPES = [
    *(imaged_with(indicator, ImagingConfig()) for indicator in ("GCaMP6f", "jGCaMP8s")),
    *(scanned_at(rate, ImagingConfig()) for rate in (3.0, 15.0, 30.0)),
]
REACH = 9
"""Frames before a response's that count in it: 2 samples of 1/8 s, and one frame between which they lie."""


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Recording:
    # Exponents below 1, to which so small a recording would be calibrated, magnify the simulator's own rounding at 0.
    config = SimulationConfig(mice=1, trials=14, frames=90, neurons=24, oracle_trials=2, sharpness=1.0)
    return simulate_recordings(tmp_path_factory.mktemp("simulated"), config, seed=5)[0]


@pytest.fixture(scope="module")
def neurons(recording: Recording) -> TrueNeurons:
    return TrueNeurons(recording)


def responses(neurons: TrueNeurons, trial) -> np.ndarray:
    return predict(neurons, encoder_inputs(trial.movie, trial.behavior, trial.pupil_center), 0).numpy()


def test_equal_to_the_recordings_truth(recording: Recording, neurons: TrueNeurons) -> None:
    """Relative to a neuron's largest response; frames before depend on what the mouse did before the recording."""
    folder = recording.path / TRUTH / "noise_free_responses"
    expected = np.stack([np.load(folder / f"{number}.npy") for number in recording.trials])
    found = np.stack([responses(neurons, recording.trial(number)) for number in recording.trials])
    error = np.abs(found - expected) / expected.max(axis=(0, 2))[:, None]
    assert error[..., REACH:].max() < 1e-5
    assert error[..., :REACH].max() < 1


@pytest.mark.parametrize("behavior", ["at rest", "any"])
def test_equal_for_any_movie_and_behaviour(recording: Recording, neurons: TrueNeurons, behavior: str) -> None:
    """Against the simulator's parts in a row; white noise has every frequency, and the eye moves out of the frame."""
    rng = np.random.default_rng(0)
    movie = rng.integers(0, 256, (70, 36, 64)).astype(np.float32)
    reference = neurons._behaviour
    state = np.zeros((4, 70), np.float32)
    state[0], state[2:] = reference.pupil_mean, np.asarray(reference.eye_center)[:, None]
    if behavior == "any":
        state += np.array([[8], [10], [40], [30]]) * rng.standard_normal((4, 70))
        state[1] = np.abs(state[1])
    state = state.astype(np.float32)
    expected = simulated_responses(recording, movie, state)
    found = predict(neurons, encoder_inputs(movie, state[:2], state[2:]), 0).numpy()
    assert found.std() > 0.1
    assert np.abs((found - expected) / expected.max(axis=1, keepdims=True)).max() < 1e-5


@pytest.mark.parametrize("imaging", MICROSCOPES, ids=str)
def test_equal_under_any_microscope(recording: Recording, imaging: ImagingConfig) -> None:
    movie = np.random.default_rng(1).integers(0, 256, (60, 36, 64)).astype(np.float32)
    state = np.tile(np.array([[48.0], [3.0], [149.5], [144.2]], np.float32), 60)
    expected = simulated_responses(recording, movie, state, imaging)
    found = shown_responses(recording, movie, state[:2], state[2:], None, imaging)
    assert np.abs((found - expected) / expected.max(axis=1, keepdims=True)).max() < 1e-5
    # Noise-free responses stand for spikes, whatever the indicator; another scan takes other samples of them.
    own = shown_responses(recording, movie, state[:2], state[2:], None)
    assert np.array_equal(found, own) == (imaging.sampling_rate == ImagingConfig().sampling_rate)


def simulated_responses(
    recording: Recording, movie: np.ndarray, state: np.ndarray, imaging: ImagingConfig | None = None
) -> np.ndarray:
    """Noise-free responses (N, T), computed by the simulator; the mouse was before the movie as in its first frame."""
    simulated = SimulatedNeurons(recording)
    population, config, values = simulated.population, simulated.config, simulated.values
    led = np.pad(state, ((0, 0), (LEAD, 0)), mode="edge")
    session = Behaviour(led[1], led[0], led[2:])
    shift = field_shift(session, config.behaviour, config.neuron)[:, LEAD:]
    outputs = filter_outputs(population, movie, shift)
    drive = normalised_drive(population, *outputs, values["output_scale"], simulated.pool, config.neuron)
    drive = np.pad(drive, ((0, 0), (LEAD, 0)))
    rates = evoked(drive, values["exponent"], values["mean_drive"], config.neuron.spontaneous)
    rates = rates * behavioural_gain(population, session, config.behaviour) * values["rate_scale"][:, None]
    rates = np.minimum(rates, MAXIMAL_RATE)
    return values["unit"][:, None] * noise_free(rates, values["phase"], LEAD, imaging or config.imaging)


def test_gradients_are_those_of_finite_differences(recording: Recording) -> None:
    """Of movie and behaviour, in float64."""
    neurons = TrueNeurons(recording).double()
    generator = torch.Generator().manual_seed(0)
    movie = 255 * torch.rand(1, 30, 64, 64, generator=generator, dtype=torch.float64)
    behavior = torch.tensor([[48.0], [3.0], [149.5], [144.2]], dtype=torch.float64).expand(1, 4, 30).contiguous()
    behavior = behavior + torch.rand(behavior.shape, generator=generator, dtype=torch.float64)
    movie.requires_grad_()
    behavior.requires_grad_()
    target = torch.rand(24, 30, generator=generator, dtype=torch.float64)

    def loss() -> torch.Tensor:
        found = neurons.forward_apart(movie, behavior, 0)
        return (found - target * torch.log(found)).sum()

    gradients = torch.autograd.grad(loss(), [movie, behavior])
    for values, gradient, step in ((movie, gradients[0], 1e-3), (behavior, gradients[1], 1e-5)):
        assert torch.isfinite(gradient).all()
        for _ in range(4):
            direction = torch.randn(values.shape, generator=generator, dtype=torch.float64)
            with torch.no_grad():
                values += step * direction
                above = loss()
                values -= 2 * step * direction
                below = loss()
                values += step * direction
            found = ((above - below) / (2 * step)).item()
            exact = (gradient * direction).sum().item()
            assert found == pytest.approx(exact, abs=1e-5 * gradient.norm().item())  # a direction's typical slope


def test_expects_what_is_recorded_on_average(recording: Recording) -> None:
    """A line by np.polyfit; one neuron falls, which none can, and one has an offset below 0."""
    neurons = TrueNeurons(recording)
    rng = np.random.default_rng(3)
    trial = recording.trial(0)
    shown = responses(neurons, trial)
    slopes, offsets = rng.uniform(0.5, 1.5, (24, 1)), rng.uniform(0.1, 1, (24, 1))
    slopes[0], offsets[1] = -0.1, -0.01
    spread = 0.02 * shown.std(axis=1, keepdims=True)
    noisy = [slopes * shown + offsets + spread * rng.standard_normal(shown.shape) for _ in range(3)]
    neurons.expect((shown, recorded) for recorded in noisy)
    found = responses(neurons, trial)
    for n in range(2, 24):
        line = np.polyfit(np.tile(shown[n], 3), np.concatenate([x[n] for x in noisy]), 1)
        np.testing.assert_allclose(found[n], np.polyval(line, shown[n]), rtol=1e-4)
    assert np.ptp(found[0]) == 0
    np.testing.assert_allclose(found[1].mean(), np.mean([x[1].mean() for x in noisy]), rtol=1e-4)
    assert (found[1] >= 0).all()


def test_expects_one_line_of_all_neurons_in_their_units(recording: Recording) -> None:
    neurons = TrueNeurons(recording)
    units = SimulatedNeurons(recording).values["unit"][:, None]
    rng, trial = np.random.default_rng(4), recording.trial(0)
    shown = responses(neurons, trial)
    noisy = [1.3 * shown + 0.4 * units + 0.1 * units * rng.standard_normal(shown.shape) for _ in range(3)]
    neurons.expect(((shown, recorded) for recorded in noisy), common=True)
    line = np.polyfit(np.tile(shown / units, 3).ravel(), np.concatenate([x / units for x in noisy], axis=1).ravel(), 1)
    np.testing.assert_allclose(responses(neurons, trial), units * np.polyval(line, shown / units), rtol=1e-4)


def test_rows_outside_the_movie_are_not_seen(neurons: TrueNeurons) -> None:
    movie = torch.rand(1, 40, 64, 64) * 255
    behavior = torch.tensor([[48.0], [3.0], [149.5], [144.2]]).expand(1, 4, 40)
    other = movie.clone()
    other[:, :, :14] = 0
    other[:, :, 50:] = 255
    torch.testing.assert_close(neurons.forward_apart(movie, behavior, 0), neurons.forward_apart(other, behavior, 0))


def test_grey_has_finite_gradients(neurons: TrueNeurons) -> None:
    movie = torch.full((1, 40, 64, 64), 127.5, requires_grad=True)
    behavior = torch.tensor([[48.0], [3.0], [149.5], [144.2]]).expand(1, 4, 40)
    (gradient,) = torch.autograd.grad(neurons.forward_apart(movie, behavior, 0).sum(), movie)
    assert torch.isfinite(gradient).all()


def test_movies_as_long_as_one_that_was_predicted_before_have_gradients(recording: Recording) -> None:
    neurons, trial = TrueNeurons(recording), recording.trial(0)
    responses(neurons, trial)  # in inference mode
    movie = torch.full((1, trial.frames, 64, 64), 127.5, requires_grad=True)
    behavior = torch.tensor([[48.0], [3.0], [149.5], [144.2]]).expand(1, 4, trial.frames)
    (gradient,) = torch.autograd.grad(neurons.forward_apart(movie, behavior, 0).sum(), movie)
    assert torch.isfinite(gradient).all()


def test_another_simulations_recording_is_refused(tmp_path) -> None:
    (tmp_path / SIMULATED_MARKER).parent.mkdir()
    (tmp_path / SIMULATED_MARKER).write_text('{"by": "another program"}')
    with pytest.raises(RecordingError, match="not written by this simulator"):
        TrueNeurons(Recording(tmp_path))
