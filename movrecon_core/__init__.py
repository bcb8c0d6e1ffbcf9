"""movrecon: movies reconstructed from the activity of mouse visual cortex."""

from movrecon_core.process import keep_freed_memory, share_cores

__version__ = "0.1.0"

share_cores()
keep_freed_memory()
