"""Small networks of the published kind, movies for them, and what two forms of one network are compared by."""

import torch

from movrecon_core.encoders.dwiseneuro import DwiseNeuro, DwiseNeuroConfig

CONFIGS = {
    # Channels that grow by whole multiples and not, odd neuron counts, every stride.
    "small": DwiseNeuroConfig((7,), core_features=(8, 12), spatial_strides=(2, 1), cortex_features=(16, 30)),
    "deep": DwiseNeuroConfig(
        (5, 9), core_features=(4, 4, 8), spatial_strides=(2, 2, 2), cortex_features=(16,), se_reduce_ratio=7
    ),
}


def trained(config, seed=0):
    """A network whose batch norms have seen some movies."""
    torch.manual_seed(seed)
    encoder = DwiseNeuro(config).double()
    with torch.no_grad():
        for _ in range(20):
            encoder.respond({mouse: movies(2, seed=seed) for mouse in range(len(encoder.neurons))})
    return encoder.eval()


def movies(count, frames=6, seed=0):
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 5, frames, 8, 8, generator=random, dtype=torch.float64) * 255
    return torch.nn.functional.interpolate(coarse, (frames, 64, 64), mode="trilinear")


def responses_and_gradient(encoder, inputs, mouse):
    inputs = inputs.clone().requires_grad_()
    responses = encoder(inputs, mouse)
    weights = torch.linspace(-1, 1, responses.numel(), dtype=responses.dtype).view_as(responses)
    (gradient,) = torch.autograd.grad((responses * weights).sum(), inputs)
    return responses.detach(), gradient


def relative(found, expected):
    return ((found.double() - expected).norm() / expected.norm()).item()
