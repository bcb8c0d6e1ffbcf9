"""movrecon: movies reconstructed from the activity of mouse visual cortex."""

__version__ = "0.1.0"
