"""The in-silico mouse: naturalistic movies, neurons of V1, behaviour and two-photon imaging."""

from movrecon_core.simulation.mouse import (
    TRUTH,
    SimulationConfig,
    mean_correlation,
    simulate_mouse,
    simulate_recordings,
)

__all__ = ["TRUTH", "SimulationConfig", "mean_correlation", "simulate_mouse", "simulate_recordings"]
