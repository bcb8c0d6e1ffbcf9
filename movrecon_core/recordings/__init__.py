"""Recordings in the Sensorium layout: read lazily, checked, written, copied for training, divided into folds."""

from movrecon_core.recordings.checks import check_recording, report_recording
from movrecon_core.recordings.folds import split_trials
from movrecon_core.recordings.npy import TIERS_FILE, load_array
from movrecon_core.recordings.recording import (
    BEHAVIOUR,
    DEGREES_PER_PIXEL,
    FRAME_HEIGHT,
    FRAME_RATE,
    FRAME_WIDTH,
    SIGNALS,
    SIMULATED_MARKER,
    Recording,
    Trial,
    is_trial_name,
    open_recordings,
    valid_length,
)
from movrecon_core.recordings.writer import RecordingWriter, recording_writer

__all__ = [
    "BEHAVIOUR",
    "DEGREES_PER_PIXEL",
    "FRAME_HEIGHT",
    "FRAME_RATE",
    "FRAME_WIDTH",
    "SIGNALS",
    "SIMULATED_MARKER",
    "TIERS_FILE",
    "Recording",
    "RecordingWriter",
    "Trial",
    "check_recording",
    "is_trial_name",
    "load_array",
    "open_recordings",
    "recording_writer",
    "report_recording",
    "split_trials",
    "valid_length",
]
