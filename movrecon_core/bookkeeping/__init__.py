"""The folder of results as files: archives, claims, logs, how far a run is; knows nothing of encoders."""
