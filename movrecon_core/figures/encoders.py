"""Tables of the encoders: how they learned, how well they predict."""

import pandas as pd

from movrecon_core.study.stages import training_log
from movrecon_core.study.study import Study


def encoder_panels(study: Study) -> dict[str, pd.DataFrame]:
    """What the encoders figure draws.

    Returns
    -------
    dict
        ``A`` loss over training, ``B`` single-trial correlation of each mouse and instance, ``C`` correlation of each
        neuron.
    """
    return {
        "A": training_history(study),
        "B": single_trial_correlations(study),
        "C": _neuron_correlations(study),
    }


def training_history(study: Study) -> pd.DataFrame:
    """Mean loss of each epoch of training: ``instance``, ``step``, ``epoch``, ``loss``."""
    tables = []
    for instance, checkpoint in enumerate(study.checkpoints):
        table = pd.DataFrame(training_log(checkpoint), columns=["step", "epoch", "loss"])
        table.insert(0, "instance", instance)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def single_trial_correlations(study: Study) -> pd.DataFrame:
    """Mean over neurons of the correlation over all frames of the held-out movies.

    Returns
    -------
    DataFrame
        ``mouse``, ``encoder`` (``instance 0``, ..., ``ensemble``: of the instances' mean prediction), ``correlation``,
        ``neurons``.
    """
    rows = []
    for mouse in range(len(study.recordings)):
        found = study.store.require(study.evaluation_unit(mouse))
        correlations = {f"instance {i}": values for i, values in enumerate(found["correlation"].values)}
        correlations["ensemble"] = found["ensemble_correlation"].values
        for encoder, values in correlations.items():
            row = {"mouse": study.label(mouse), "encoder": encoder, "correlation": float(values.mean())}
            rows.append({**row, "neurons": len(values)})
    return pd.DataFrame(rows)


def _neuron_correlations(study: Study) -> pd.DataFrame:
    tables = []
    for mouse in range(len(study.recordings)):
        values = study.store.require(study.evaluation_unit(mouse))["ensemble_correlation"].values
        tables.append(pd.DataFrame({"mouse": study.label(mouse), "neuron": range(len(values)), "correlation": values}))
    return pd.concat(tables, ignore_index=True)
