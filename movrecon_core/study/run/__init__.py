"""Running a study: its stages, one group after the other, on any scheduler, and how far it is."""
