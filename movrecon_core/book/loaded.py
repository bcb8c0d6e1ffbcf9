"""Everything that notebooks import, for kernels that are forked from a process that has it."""

import gc

import ipykernel.kernelapp
import matplotlib.backends.backend_agg
import matplotlib.backends.backend_pdf
import matplotlib.backends.backend_svg
import scipy.stats
import seaborn
import statsmodels.api

import movrecon_core.book.videos
import movrecon_core.figures.encoder_comparison
import movrecon_core.figures.physiology
import movrecon_core.figures.planning
import movrecon_core.figures.report
import movrecon_core.plotting

__all__ = ["ipykernel", "matplotlib", "movrecon_core", "scipy", "seaborn", "statsmodels"]

# What is loaded stays: looking through it would copy its pages into every kernel.
gc.freeze()
