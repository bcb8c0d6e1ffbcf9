"""The folder of results as files: archives, claims, logs, how far a run is; knows nothing of encoders."""

PLAN, CLAIMS, LOGS = "plan.json", "claims", "logs"
"""In the folder: all units that a study has, which of them are being computed, and what happened to each task."""
