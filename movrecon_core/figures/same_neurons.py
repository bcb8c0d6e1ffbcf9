"""What movies and reconstructions evoke in the neurons themselves, beside the encoders (simulated recordings)."""

from collections.abc import Iterator

import pandas as pd

from movrecon_core.figures.quality_loss import truth_movies
from movrecon_core.figures.rows import NAN, Row, mean_row
from movrecon_core.study.stages.showings import REFERENCES, RESPONDING
from movrecon_core.study.study import Study

FIGURE = "beyond 2"
SHOWN = {
    "true": "true movie",
    "reconstructed": "reconstruction",
    "matched": "reconstruction, matched",
    "expected": "expected reconstruction",
}
"""Stored name of a movie that is shown → its name here; matched: in contrast and luminance, to the true movie."""


def evoked(study: Study) -> pd.DataFrame:
    """Correlation of the responses that movies evoke with those to the true movie, over all neurons, from frame 30 on.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``responding`` (encoders, neurons, or these in a second, noisy showing), ``shown``
        (`SHOWN`), ``with`` (recorded or noise-free responses), ``correlation``.

    Raises
    ------
    NothingToShowError
        As `truth_movies`.
    """
    rows = []
    for mouse, trial in truth_movies(study):
        found = study.result("showings", mouse, trial)
        values = found["correlation"].assign_coords(
            responding=list(RESPONDING), stimulus=found.attrs["stimuli"], reference=list(REFERENCES)
        )
        for reference in REFERENCES:
            for responding in RESPONDING:
                for stimulus in (name for name in SHOWN if name in found.attrs["stimuli"]):
                    value = values.sel(responding=responding, stimulus=stimulus, reference=reference).item()
                    rows.append((study.label(mouse), trial, responding, SHOWN[stimulus], reference, value))
    return pd.DataFrame(rows, columns=["mouse", "trial", "responding", "shown", "with", "correlation"])


def rows(table: pd.DataFrame, seed: int) -> Iterator[Row]:
    """Mean of every kind of correlation.

    Parameters
    ----------
    table
        Of `evoked`.
    seed
        Of the bootstrap.
    """
    for (reference, responding, shown), part in table.groupby(["with", "responding", "shown"], sort=False):
        name = f"{reference} responses and those of the {responding} to the {shown}"
        yield mean_row(FIGURE, name, NAN, part["correlation"], part["mouse"], seed)
