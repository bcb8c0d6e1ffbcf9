from movrecon_core.analysis import video_correlation as video_correlation
from movrecon_core.api import evaluation_pixels as evaluation_pixels
from movrecon_core.api import example_folder as example_folder
from movrecon_core.api import load_encoder as load_encoder
from movrecon_core.api import load_profile as load_profile
from movrecon_core.api import open_recording as open_recording
from movrecon_core.api import predict as predict
from movrecon_core.api import reconstruct as reconstruct
from movrecon_core.api import train_encoder as train_encoder
from movrecon_core.api import train_mask as train_mask
from movrecon_core.reconstruction import MaskConfig as MaskConfig
from movrecon_core.recordings import check_recording as check_recording
from movrecon_core.recordings import split_trials as split_trials
from movrecon_core.recordings.arrays import write_recording as write_recording
from movrecon_core.simulation import SimulationConfig as SimulationConfig
from movrecon_core.simulation import simulate_mouse as simulate_mouse
from movrecon_core.study import open_study as open_study
from movrecon_core.study.run.pipeline import run_study as run_study

__version__: str
