"""What goes wrong in a way that the user can mend: one line that says where, what, and what to do."""


class MovreconError(Exception):
    """Base of every error that is reported to the user as one line, without a traceback."""


class RecordingError(MovreconError):
    """A recording, or one of its files, is missing, damaged or not in the Sensorium layout."""


class ProfileError(MovreconError):
    """A profile, a setting or a notebook parameter is unknown or out of range."""


class NothingToShowError(MovreconError):
    """A run holds nothing of what a figure shows, because its profile does not ask for it."""


class CheckpointError(MovreconError):
    """A checkpoint cannot be trusted, read, or does not fit the encoder that it should fill."""


class ReconstructionError(MovreconError):
    """A movie cannot be reconstructed from what was given."""


class StoreError(MovreconError):
    """A result cannot be written or read."""


class FetchError(MovreconError):
    """A public file cannot be fetched, is not the expected one, or cannot be unpacked safely."""
