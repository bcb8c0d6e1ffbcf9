"""Running a study: its stages one after the other, on any scheduler, and how far it is."""
