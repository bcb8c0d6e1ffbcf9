"""What a scientist calls without a study: open, train, mask, reconstruct; `import movrecon_core as mr` offers it."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from movrecon_core.encoders.base import Encoder
from movrecon_core.encoders.checkpoints import load_checkpoint
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.encoders.prediction import predicted_responses
from movrecon_core.encoders.training import train_encoder as train_on
from movrecon_core.errors import ProfileError, RecordingError
from movrecon_core.reconstruction import SMOOTHING, MaskConfig, Target, ensemble, evaluation_mask, training_mask
from movrecon_core.reconstruction import reconstruct as find_movies
from movrecon_core.reconstruction import train_mask as train_on_segments
from movrecon_core.reconstruction.methods import METHODS
from movrecon_core.recordings import Recording, Trial, open_recordings, split_trials
from movrecon_core.storage.paths import EXAMPLE, PROFILES
from movrecon_core.study.profile import Profile, encoder_parameters
from movrecon_core.study.profile import load_profile as read_profile
from movrecon_core.study.stages.masks import mask_segments


def example_folder() -> Path:
    """Folder of the shipped example, simulated: ``mouse/`` with three trials, ``encoder.pth``, ``alpha.npy``.

    Examples
    --------
    >>> sorted(path.name for path in mr.example_folder().iterdir() if path.suffix != ".py")
    ['README.md', 'alpha.npy', 'encoder.pth', 'mouse']
    """
    return EXAMPLE


def open_recording(path: Path | str) -> Recording:
    """Open one mouse's recording; arrays are read when they are asked for.

    Parameters
    ----------
    path
        The mouse's directory, in the Sensorium 2023 layout.

    Raises
    ------
    RecordingError
        If there is no recording, or more than one.

    Examples
    --------
    >>> recording = mr.open_recording(mr.example_folder() / "mouse")
    >>> recording.trials, recording.simulated
    ((0, 1, 2), True)
    >>> recording.trial(0).movie.shape
    (150, 36, 64)
    """
    found = open_recordings([Path(path)])
    if len(found) > 1:
        raise RecordingError(f"{path}: {len(found)} mice; open one of them, such as {found[0].path}")
    return found[0]


def load_profile(name: str) -> Profile:
    """Read and check a profile: ``smoke``, ``demo``, ``paper``, or the path of a YAML file.

    Raises
    ------
    ProfileError
        If there is none, or a key or value is not valid.

    Examples
    --------
    >>> mr.load_profile("paper").reconstruction.iterations
    1000
    """
    return read_profile(name, PROFILES)


def train_encoder(
    recordings: Sequence[Recording],
    checkpoint: Path | str,
    *,
    held_out: str = "fold:0",
    profile: Profile | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
) -> Encoder:
    """Train an encoder on some mice together and write its checkpoint; a training that was stopped goes on.

    Parameters
    ----------
    recordings
        One a mouse, in the order of the encoder's readouts.
    checkpoint
        File for the weights; state and compact copies of the trials lie beside it meanwhile.
    held_out
        Rule for the movies that it is not trained on, as for `split_trials`.
    profile
        Whose encoder and training; None: those of ``demo``.
    seed
        Same seed, same weights.
    device
        Where it is trained.

    Raises
    ------
    MovreconError
        If a recording or a setting cannot be used.

    Examples
    --------
    >>> size = mr.SimulationConfig(trials=14, neurons=10, frames=90, oracle_trials=2)
    >>> recording = mr.simulate_mouse(Path("mice"), size, seed=0)
    >>> encoder = mr.train_encoder([recording], "encoder.pth", profile=mr.load_profile("smoke"))
    >>> encoder.neurons
    (10,)
    """
    chosen = profile or load_profile("demo")
    training = [split_trials(recording, held_out).training for recording in recordings]
    parameters = encoder_parameters(chosen.encoder, tuple(recording.neurons for recording in recordings))
    architecture = chosen.encoder.architecture
    path = Path(checkpoint)
    return train_on(recordings, training, architecture, parameters, chosen.training, seed, path, device)


def load_encoder(path: Path | str, device: str | torch.device = "cpu") -> Encoder:
    """Load a trained encoder, ours or the article's, ready for prediction. Nothing in the file is executed.

    Raises
    ------
    CheckpointError
        If the file is not a valid checkpoint.

    Examples
    --------
    >>> encoder = mr.load_encoder(mr.example_folder() / "encoder.pth")
    >>> encoder.neurons
    (1500,)
    """
    return load_checkpoint(Path(path), device)


def predict(encoder: Encoder, trial: Trial, mouse: int = 0) -> NDArray[np.float32]:
    """Responses (N, T) that an encoder predicts for a trial's movie and behaviour.

    Parameters
    ----------
    encoder
        From `load_encoder` or `train_encoder`.
    trial
        Its responses are not used.
    mouse
        Index of the readout.

    Examples
    --------
    >>> trial = mr.open_recording(mr.example_folder() / "mouse").trial(0)
    >>> mr.predict(mr.load_encoder(mr.example_folder() / "encoder.pth"), trial).shape == trial.responses.shape
    True
    """
    return predicted_responses(encoder, mouse, trial.movie, trial.behavior, trial.pupil_center)


def train_mask(
    encoder: Encoder,
    trials: Sequence[Trial],
    mouse: int = 0,
    *,
    config: MaskConfig | None = None,
    segments: int = 1,
    seed: int = 0,
    progress: bool = False,
) -> NDArray[np.floating]:
    """Train a mouse's transparency mask α (64, 64): which part of the frame its neurons see (article, Eqs. 1 to 5).

    Parameters
    ----------
    encoder
        One instance.
    trials
        Held-out ones, of 82 frames at least.
    mouse
        Index of the readout.
    config
        None: the article's, without its offset, so that the responses may have any unit.
    segments
        Most segments of 32 frames that are taken of one movie; two are needed in all.
    seed
        Decides where α starts and what is shown.
    progress
        Show a progress bar.

    Raises
    ------
    MovreconError
        If the trials are too short or too few, or do not fit the encoder.

    Examples
    --------
    >>> recording = mr.open_recording(mr.example_folder() / "mouse")
    >>> encoder = mr.load_encoder(mr.example_folder() / "encoder.pth")
    >>> quick = mr.MaskConfig(iterations=2)
    >>> mr.train_mask(encoder, [recording.trial(0), recording.trial(1)], config=quick).shape
    (64, 64)
    """
    found = [segment for trial in trials for segment in mask_segments(trial, segments)]
    chosen = config or MaskConfig(norm_offset=0.0)
    return train_on_segments(encoder, mouse, found, chosen, seed, progress=progress)


def evaluation_pixels(alpha: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Pixels (36, 64) of the screen in which a reconstruction is judged: α ≥ 1 (article, Eq. 5).

    Examples
    --------
    >>> pixels = mr.evaluation_pixels(np.load(mr.example_folder() / "alpha.npy"))
    >>> pixels.shape, pixels.dtype, bool(pixels.any())
    ((36, 64), dtype('bool'), True)
    """
    return crop_movie(evaluation_mask(alpha))


def reconstruct(
    encoders: Encoder | Sequence[Encoder],
    trial: Trial,
    alpha: NDArray[np.floating] | None = None,
    mouse: int = 0,
    *,
    method: str = "fast",
    on_iteration: Callable[[int, NDArray[np.float32]], None] | None = None,
    progress: bool = False,
) -> NDArray[np.float32]:
    """Find the movie that explains a trial's responses; the movie that was shown is not used.

    Parameters
    ----------
    encoders
        One, or several instances whose movies are averaged, as in the article.
    trial
        Its responses and behaviour.
    alpha
        (64, 64) transparency mask, outside which pixels stay grey; None: all pixels are free.
    mouse
        Index of the readout.
    method
        A name as in a profile's ``reconstruction: {method: ...}``; ``published`` takes an hour on a CPU.
    on_iteration
        Called after each iteration of each instance with their number and the movie (T, 36, 64) so far.
    progress
        Show a progress bar.

    Returns
    -------
    NDArray
        (T, 36, 64), grey levels 0..255, smoothed as in the article.

    Raises
    ------
    MovreconError
        If the method is unknown, or the trial does not fit the encoders.

    Examples
    --------
    >>> folder = mr.example_folder()
    >>> trial = mr.open_recording(folder / "mouse").trial(0)
    >>> alpha = np.load(folder / "alpha.npy")
    >>> movie = mr.reconstruct(mr.load_encoder(folder / "encoder.pth"), trial, alpha)
    >>> movie.shape
    (150, 36, 64)
    >>> mr.video_correlation(trial.movie[30:], movie[30:], mr.evaluation_pixels(alpha)) > 0.3
    True
    """
    if method not in METHODS:
        raise ProfileError(f"no method is called {method!r}; choose {' or '.join(METHODS)}")
    free = np.ones((64, 64), bool) if alpha is None else training_mask(alpha)
    target = Target(trial.responses, trial.behavior, trial.pupil_center, free)
    instances = [encoders] if isinstance(encoders, Encoder) else list(encoders)
    show = None if on_iteration is None else partial(_show, on_iteration)
    movies = []
    for encoder in instances:
        config = METHODS[method](encoder.stack_frames, encoder.stack_step)
        if config.decoder is not None:
            raise ProfileError(f"method '{method}' begins with what a decoder learns from training movies: run a study")
        (found,) = find_movies([encoder], mouse, [target], config, on_iteration=show, progress=progress)
        movies.append(found.movie)
    return crop_movie(ensemble(movies, SMOOTHING)).astype(np.float32)


def _show(tell: Callable[[int, NDArray[np.float32]], None], count: int, movies: list[torch.Tensor]) -> None:
    """Tell of the one movie that is found after so many iterations."""
    tell(count, crop_movie(movies[0]).float().cpu().numpy())
