"""The book: executed notebooks, pages, videos and figures, built into one folder that reads with no network."""
