"""Movies and masks found by gradients through encoders: arrays in, arrays out."""

from movrecon_core.reconstruction.config import (
    MaskConfig,
    Reconstruction,
    ReconstructionConfig,
    Target,
    best_config,
    fast_config,
    without_decoder,
)
from movrecon_core.reconstruction.ensemble import SMOOTHING, ensemble
from movrecon_core.reconstruction.guide import Guide, Misfit, learn_misfit
from movrecon_core.reconstruction.masks import (
    Segment,
    evaluation_mask,
    population_mask,
    train_mask,
    training_mask,
)
from movrecon_core.reconstruction.reconstruct import UnfinishedError, reconstruct

__all__ = [
    "SMOOTHING",
    "Guide",
    "MaskConfig",
    "Misfit",
    "Reconstruction",
    "ReconstructionConfig",
    "Segment",
    "Target",
    "UnfinishedError",
    "best_config",
    "ensemble",
    "evaluation_mask",
    "fast_config",
    "learn_misfit",
    "population_mask",
    "reconstruct",
    "train_mask",
    "training_mask",
    "without_decoder",
]
