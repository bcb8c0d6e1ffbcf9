"""Whether a study fits the memory of the computer, the job and the device, found out before hours are spent."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import torch

from movrecon_core.decoders.lagged import MOST_SAMPLES, PART, STRIDE
from movrecon_core.encoders.inputs import CHANNELS
from movrecon_core.encoders.precision import mixed_precision
from movrecon_core.errors import ProfileError
from movrecon_core.process import memory_limit
from movrecon_core.recordings import FRAME_HEIGHT, FRAME_WIDTH
from movrecon_core.study.guides import MOST_MOVIES
from movrecon_core.study.profile import Profile
from movrecon_core.study.scale import FLOAT_BYTES, FRAMES, Scale

LIBRARIES = 1.0e9
"""Bytes of a process that has imported everything (tiny studies: 0.6 to 0.9 GB)."""
SHARE = 0.5
"""Of the memory, that a rehearsal's training fills: other programs need some, and processes side by side."""
STATES = 5
"""Copies of an encoder's weights in its training: weights, gradients, two moments, running mean."""
UNITS = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


class Need(NamedTuple):
    """Memory that a stage takes: what for, how many bytes, the keys that change it, and whether on the device."""

    what: str
    bytes: float
    keys: str
    on_device: bool


def needs(scale: Scale) -> Iterator[Need]:
    """Working sets of the stages that grow with what a profile asks for."""
    profile, study = scale.profile, scale.study
    frames, neurons = max(mouse.frames for mouse in scale.simulated), max(scale.sizes)
    weights = scale.weights * FLOAT_BYTES
    if not profile.encoders.checkpoints:
        batch = activations(scale) * profile.training.batch
        keys = "training.batch, or encoder.parameters"
        yield Need("the training of an encoder", batch + STATES * weights, keys, True)
    yield Need("all instances together", profile.instances * weights, "instances", True)
    if study.asked.decoders:
        trials = max(len(study.trials.of_role(mouse, "training")) for mouse in range(scale.mice))
        responses = trials * frames * (neurons + FRAME_HEIGHT * FRAME_WIDTH) * FLOAT_BYTES
        samples = min(MOST_SAMPLES, trials * frames // STRIDE)
        # Some of the features at a time, the kernels of both sets of lags, and what the solution makes of one.
        features = (PART + 5 * samples**2) * FLOAT_BYTES
        keys = "reconstruction.method" if profile.reconstruction.decoder else "baselines.decoders"
        yield Need("learning a decoder", responses + features, keys, False)
    if study.asked.guides:
        movies = min(MOST_MOVIES, scale.trials // scale.mice)
        # Recorded and predicted, movie by movie and joined.
        yield Need("the encoders' misfits", 4 * movies * frames * neurons * FLOAT_BYTES, "reconstruction.method", False)
    maps = FRAME_HEIGHT * FRAME_WIDTH * neurons * FLOAT_BYTES
    # On, Off, of an instance and their sums; three results, of which one is standardised at a time.
    yield Need("receptive fields", 8 * maps, "the number of neurons", False)


def activations(scale: Scale) -> float:
    """Bytes that an encoder keeps of one segment for its gradients, counted in one pass of an untrained one."""
    encoder, config = scale.encoder, scale.profile.training
    frames = encoder.stack_frames or config.segment_frames or FRAMES
    own = {weights.untyped_storage().data_ptr() for weights in encoder.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()  # held, so that no other one gets its place
        kept[storage.data_ptr()] = storage
        return tensor

    inputs = torch.rand(1, CHANNELS, frames, FRAME_WIDTH, FRAME_WIDTH, device=scale.device)
    encoder.train()
    with (
        torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor),
        mixed_precision(config.mixed_precision, scale.device),
    ):
        encoder(inputs, 0)
    encoder.eval()
    return float(sum(storage.nbytes() for place, storage in kept.items() if place not in own))


def segments_that_fit(scale: Scale, scheduler: str) -> float:
    """How large a batch may be so that a training fills half of the memory there is."""
    there = memory_there(scale, scheduler, on_device=True)
    return (SHARE * there - STATES * scale.weights * FLOAT_BYTES) / activations(scale)


def memory_there(scale: Scale, scheduler: str, on_device: bool) -> float:
    """Bytes that a stage may take, on the device or in the computer's memory."""
    if on_device and scale.device.type != "cpu":
        return float(torch.cuda.get_device_properties(scale.device).total_memory)
    return max(memory_of(scale.profile, scheduler)[0] - LIBRARIES, 1.0)


def require_room(scale: Scale, scheduler: str) -> None:
    """Stop at a profile whose largest working set is larger than what there is.

    Parameters
    ----------
    scale
        The profile, its recordings and the device.
    scheduler
        With ``slurm`` a job has what the profile asks for; else this computer is used, or one like it.

    Raises
    ------
    ProfileError
        Says what needs how much, what there is, and which key to change.
    """
    for need in sorted(needs(scale), key=lambda one: -one.bytes):
        there = memory_there(scale, scheduler, need.on_device)
        if need.bytes > there:
            device = need.on_device and scale.device.type != "cpu"
            place = str(scale.device) if device else memory_of(scale.profile, scheduler)[1]
            raise ProfileError(
                f"profile '{scale.profile.name}': {need.what} needs {need.bytes / 1e9:.1f} GB, {place} has "
                f"{there / 1e9:.1f} GB for it; change {need.keys}"
            )


def memory_of(profile: Profile, scheduler: str) -> tuple[float, str]:
    """Bytes that a process may use, and where that is said."""
    if scheduler == "slurm":
        return parsed_bytes(profile.cluster.memory), "a job (cluster.memory)"
    return memory_limit(), "this computer"


def parsed_bytes(text: str) -> float:
    """Of a size as job scripts have it, ``16GB`` or ``16G``.

    Raises
    ------
    ProfileError
        If it is none.
    """
    found = re.fullmatch(r"([0-9.]+)\s*([KMGT]?)(?:i?B)?", text, re.IGNORECASE)
    if found is None:
        raise ProfileError(f"cluster.memory: '{text}' is no size; write it as 16GB")
    return float(found[1]) * UNITS[found[2].upper()]
