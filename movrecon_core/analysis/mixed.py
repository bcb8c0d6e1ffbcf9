"""A test of levels that respects that movies are nested in mice: a linear mixed model."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.tools.sm_exceptions import ConvergenceWarning

MICE, MOVIES = 3, 2
"""Fewest mice, and movies of each, whose variances can be told apart."""


@dataclass(frozen=True)
class MixedModel:
    """Likelihood-ratio test of a factor in a linear mixed model.

    Attributes
    ----------
    chi_squared, df, p
        Twice the difference of the log likelihoods, its degrees of freedom, upper tail of χ²; NaN where left out.
    left_out
        Why the model was not fitted; empty where it was.
    """

    chi_squared: float
    df: int
    p: float
    left_out: str


def mixed_model(values: ArrayLike, levels: ArrayLike, mice: ArrayLike, movies: ArrayLike) -> MixedModel:
    """Test whether a value depends on a level, where each movie has a value at every level.

    Mice differ at random in their mean and in what each level does to them, movies of a mouse differ at random in
    their mean; the model with the levels' means is compared with the one without, both fitted by maximum likelihood.
    With few mice its p is somewhat too small: read it beside the analysis of variance over mice.

    Parameters
    ----------
    values, levels, mice, movies
        (n,), one row a movie and level.
    """
    columns = {"value": values, "level": levels, "mouse": mice, "movie": movies}
    table = pd.DataFrame({name: np.asarray(column) for name, column in columns.items()}).astype(
        {"value": float, "level": str, "mouse": str, "movie": str}
    )
    df = table["level"].nunique() - 1
    reason = _left_out(table)
    if not reason:
        with warnings.catch_warnings():
            # At the border of what is possible, a variance of 0, the optimiser warns of its Hessian.
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            warnings.simplefilter("ignore", UserWarning)
            with_levels, without = (_log_likelihood(f"value ~ {terms}", table) for terms in ("level", "1"))
        chi_squared = 2 * (with_levels - without)
        if np.isfinite(chi_squared):
            chi_squared = max(0.0, chi_squared)
            return MixedModel(chi_squared, df, float(stats.chi2.sf(chi_squared, df)), "")
        reason = "the fit did not converge"
    return MixedModel(float("nan"), df, float("nan"), reason)


def _left_out(table: pd.DataFrame) -> str:
    counts = table.groupby("mouse")["movie"].nunique()
    if table["level"].nunique() < 2:
        return "needs two levels"
    if len(counts) < MICE or counts.min() < MOVIES:
        return f"needs {MICE} mice with {MOVIES} movies each"
    return "the values do not vary" if np.ptp(table["value"]) == 0 else ""


def _log_likelihood(formula: str, table: pd.DataFrame) -> float:
    parts = {"movie": "0 + C(movie)", "level": "0 + C(level)"}
    scaled = table.assign(value=(table["value"] - table["value"].mean()) / table["value"].std())
    model = smf.mixedlm(formula, scaled, groups="mouse", re_formula="1", vc_formula=parts)
    best = -np.inf
    for method in ("lbfgs", "powell"):  # the likelihood can be flat: the better of two searches
        try:
            best = max(best, float(model.fit(reml=False, method=method).llf))
        except (np.linalg.LinAlgError, ValueError):
            continue
    return best
