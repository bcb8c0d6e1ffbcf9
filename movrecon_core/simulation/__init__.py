"""The in-silico mouse: naturalistic movies, neurons of V1, behaviour and two-photon imaging.

Sources of the parameters, as cited beside them:

- Adelson & Bergen 1985, J Opt Soc Am A 2:284. Energy models.
- Bonin et al. 2011, J Neurosci 31:18506. Receptive fields of mouse V1.
- Carandini & Heeger 2012, Nat Rev Neurosci 13:51. Normalisation.
- Chen et al. 2013, Nature 499:295. GCaMP6.
- de Vries et al. 2020, Nat Neurosci 23:138. The Allen Brain Observatory.
- Field 1987, J Opt Soc Am A 4:2379. Spectra of natural images.
- Friedrich, Zhou & Paninski 2017, PLoS Comput Biol 13:e1005423. OASIS.
- Gao, DeAngelis & Burkhalter 2010, J Neurosci 30:5912. Spatial and temporal frequencies in mouse V1.
- Goris, Movshon & Simoncelli 2014, Nat Neurosci 17:858. Shared gain.
- Heeger 1992, Vis Neurosci 9:181. Divisive normalisation.
- Lee, Mumford & Huang 2001, Int J Comput Vis 41:35. Dead leaves.
- Liu et al. 2009, J Neurosci 29:10520. On and Off subfields in mouse V1.
- Niell & Stryker 2008, J Neurosci 28:7520. Receptive fields in mouse V1.
- Niell & Stryker 2010, Neuron 65:472. Running.
- Reimer et al. 2014, Neuron 84:355. Pupil.
- Rochefort et al. 2011, Neuron 71:425. Direction selectivity in mouse V1.
- Ruderman & Bialek 1994, Phys Rev Lett 73:814. Scaling in natural images.
- Sakatani & Isa 2007, Neurosci Res 58:324. Eye movements of mice.
- Vinck et al. 2015, Neuron 86:740. Arousal and running.
- Zhang et al. 2023, Nature 615:884. jGCaMP8.
"""

from movrecon_core.simulation.behaviour import BehaviourConfig
from movrecon_core.simulation.config import SimulationConfig
from movrecon_core.simulation.imaging import ImagingConfig
from movrecon_core.simulation.microscope import mean_correlation
from movrecon_core.simulation.mouse import TRUTH, simulate_mouse, simulate_recordings
from movrecon_core.simulation.movies import MovieConfig
from movrecon_core.simulation.neurons import NeuronConfig
from movrecon_core.simulation.probe import SimulatedNeurons, known_imaging, known_truth, noise_free_file
from movrecon_core.simulation.variability import VariabilityConfig

__all__ = [
    "TRUTH",
    "BehaviourConfig",
    "ImagingConfig",
    "MovieConfig",
    "NeuronConfig",
    "SimulatedNeurons",
    "SimulationConfig",
    "VariabilityConfig",
    "known_imaging",
    "known_truth",
    "mean_correlation",
    "noise_free_file",
    "simulate_mouse",
    "simulate_recordings",
]
