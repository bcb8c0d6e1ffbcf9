"""Movies and masks found by gradients through encoders: arrays in, arrays out."""

from movrecon_core.reconstruction.config import MaskConfig, Reconstruction, ReconstructionConfig, Target, fast_config
from movrecon_core.reconstruction.ensemble import SMOOTHING, ensemble
from movrecon_core.reconstruction.masks import (
    Segment,
    evaluation_mask,
    nested_populations,
    population_mask,
    train_mask,
    training_mask,
)
from movrecon_core.reconstruction.reconstruct import UnfinishedError, reconstruct

__all__ = [
    "SMOOTHING",
    "MaskConfig",
    "Reconstruction",
    "ReconstructionConfig",
    "Segment",
    "Target",
    "UnfinishedError",
    "ensemble",
    "evaluation_mask",
    "fast_config",
    "nested_populations",
    "population_mask",
    "reconstruct",
    "train_mask",
    "training_mask",
]
