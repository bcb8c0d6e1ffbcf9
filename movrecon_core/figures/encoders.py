"""The encoders: how they learned, how well they predict."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from movrecon_core.figures.published import published
from movrecon_core.figures.rows import NAN, Row, mean_row
from movrecon_core.study.study import Study
from movrecon_core.study.worker import training_log

ENSEMBLE = "ensemble"
MEASURES = {"correlation": "", "windows": "window_"}
"""Column → how the stored correlation begins."""


def training_history(study: Study) -> pd.DataFrame:
    """Mean loss of each epoch of training: ``instance``, ``step``, ``epoch``, ``loss``."""
    tables = []
    for instance, checkpoint in enumerate(study.checkpoints):
        table = pd.DataFrame(training_log(checkpoint), columns=["step", "epoch", "loss"])
        table.insert(0, "instance", instance)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def single_trial_correlations(study: Study) -> pd.DataFrame:
    """Mean over neurons of the correlation over the held-out movies.

    Returns
    -------
    DataFrame
        ``mouse``, ``encoder`` (``instance 0``, ..., ``ensemble``: of the instances' mean prediction), ``correlation``
        over all frames, each predicted by all stacks that contain it, ``windows``: over windows that lie end to end,
        each predicted by itself, as the article's value, ``neurons``.
    """
    rows = []
    for mouse in study.in_order:
        found = study.result("evaluations", mouse)
        columns: dict[str, list[NDArray[np.float64]]] = {
            column: [*found[f"{prefix}correlation"].values, found[f"{prefix}ensemble_correlation"].values]
            for column, prefix in MEASURES.items()
        }
        names = [*(f"instance {i}" for i in range(study.profile.instances)), ENSEMBLE]
        for i, encoder in enumerate(names):
            row = {"mouse": study.label(mouse), "encoder": encoder}
            means = {column: float(values[i].mean()) for column, values in columns.items()}
            rows.append({**row, **means, "neurons": len(columns["correlation"][i])})
    return pd.DataFrame(rows)


def mouse_correlations(correlations: pd.DataFrame, measure: str = "correlation") -> pd.DataFrame:
    """Mean over the single instances, and the ensemble's, of each mouse: ``mouse``, ``single``, ``ensemble``.

    Parameters
    ----------
    correlations
        Of `single_trial_correlations`.
    measure
        Which of its columns.
    """
    kind = np.where(correlations["encoder"] == ENSEMBLE, ENSEMBLE, "single")
    found = correlations.groupby(["mouse", kind], sort=False)[measure].mean().unstack()
    return found[["single", ENSEMBLE]].reset_index()


def rows(correlations: pd.DataFrame, seed: int) -> Iterator[Row]:
    """How well single trials are predicted by one instance, and by the mean of all.

    Parameters
    ----------
    correlations
        Of `single_trial_correlations`.
    seed
        Of the bootstrap.
    """
    theirs = published("encoder.single_trial_correlation")
    names = {"single": ("retrained_validation", "one instance"), ENSEMBLE: ("competition", "mean of the instances")}
    for kind, (key, name) in names.items():
        label = f"encoder's single-trial correlation, {name}"
        for measure, windows, value in (
            ("correlation", "", NAN),
            ("windows", ", in windows of 31 frames", theirs[key]),
        ):
            mice = mouse_correlations(correlations, measure)
            yield mean_row("1", f"{label}{windows}", value, mice[kind], mice["mouse"], seed, note="n: mice")
    instances = correlations["encoder"].nunique() - 1
    yield Row("1", "instances", "count", published("encoder.instances"), instances)


def neuron_correlations(study: Study) -> pd.DataFrame:
    """Correlation of the ensemble's prediction for each neuron: ``mouse``, ``neuron``, ``correlation``."""
    tables = []
    for mouse in study.in_order:
        values = study.result("evaluations", mouse)["ensemble_correlation"].values
        tables.append(pd.DataFrame({"mouse": study.label(mouse), "neuron": range(len(values)), "correlation": values}))
    return pd.concat(tables, ignore_index=True)
