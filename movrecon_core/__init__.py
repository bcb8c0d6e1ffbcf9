"""movrecon: movies reconstructed from the activity of mouse visual cortex."""

import os

__version__ = "0.1.0"

# Threads that wait for work by spinning make everything several times slower as soon as another program shares the
# cores. Read when torch loads its OpenMP; a value that is set already stays.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
