"""What a study computes, stage by stage; a unit that is in the store is not computed again."""

from movrecon_core.study.stages.encoders import cost_file, evaluate_encoders, train_encoders, training_log
from movrecon_core.study.stages.masks import map_receptive_fields, train_masks
from movrecon_core.study.stages.reconstructions import reconstruct_movies
from movrecon_core.study.stages.recordings import simulate, simulation_unit, split_recordings
from movrecon_core.study.stages.work import Work

__all__ = [
    "Work",
    "cost_file",
    "evaluate_encoders",
    "map_receptive_fields",
    "reconstruct_movies",
    "simulate",
    "simulation_unit",
    "split_recordings",
    "train_encoders",
    "train_masks",
    "training_log",
]
