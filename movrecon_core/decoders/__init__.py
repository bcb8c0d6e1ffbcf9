"""Movies straight from responses: what is learned from training movies alone, in closed form or by a small network."""

from movrecon_core.decoders.convolutional import ConvolutionalDecoder, learn_convolutional
from movrecon_core.decoders.linear import LinearDecoder
from movrecon_core.decoders.nearest import NearestMovie, learn_nearest
from movrecon_core.decoders.receptive_fields import learn_pseudo_inverse, learn_receptive_field_sum
from movrecon_core.decoders.ridge import RidgeDecoder, learn_mean_frame, learn_ridge

__all__ = [
    "ConvolutionalDecoder",
    "LinearDecoder",
    "NearestMovie",
    "RidgeDecoder",
    "learn_convolutional",
    "learn_mean_frame",
    "learn_nearest",
    "learn_pseudo_inverse",
    "learn_receptive_field_sum",
    "learn_ridge",
]
