"""Planning an experiment: how well movies are found from so many neurons, so large a patch, such noise."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from movrecon_core.errors import NothingToShowError
from movrecon_core.figures.fig5_population import published_sizes
from movrecon_core.figures.rows import NAN, Row, mean_row
from movrecon_core.study.study import Study

DRAWS = 1000
"""Bootstrap samples of movies."""


def planned_correlations(study: Study) -> pd.DataFrame:
    """Video correlation of the planning mouse's movies, for every part of its population and every noise level.

    Returns
    -------
    DataFrame
        ``ceiling`` (mean correlation of noise-free with recorded responses), ``area`` (mm², two digits), ``neurons``,
        ``movie``, ``video_correlation``, ``single_trial_correlation`` of the encoder at that noise level.

    Raises
    ------
    NothingToShowError
        If the profile plans nothing, as ``paper`` does.
    """
    if not study.profile.planning.ceilings:
        raise NothingToShowError(
            f"profile '{study.profile.name}' plans nothing; give it planning: {{ceilings: [0.3, 0.45, 0.6]}} and run "
            "it again, or open the results of the profile demo"
        )
    tables = []
    for ceiling in sorted(study.profile.planning.ceilings):
        found = study.result("planning", ceiling)
        table = found.to_dataframe().reset_index().drop(columns="population").round({"area": 2})
        table["single_trial_correlation"] = found.attrs["single_trial_correlation"]
        table.insert(0, "ceiling", ceiling)
        tables.append(table)
    columns = ["ceiling", "area", "neurons", "movie", "video_correlation", "single_trial_correlation"]
    return pd.concat(tables, ignore_index=True)[columns]


def rows(planned: pd.DataFrame, seed: int) -> Iterator[Row]:
    """Video correlation from parts of the largest patch's neurons, beside the article's from parts of a population.

    Parameters
    ----------
    planned
        As `planned_correlations`, of one noise level.
    seed
        Of the bootstrap over movies.
    """
    largest = planned[planned["area"] == planned["area"].max()]
    theirs, most = published_sizes(), largest["neurons"].max()
    for neurons, found in largest.groupby("neurons"):
        percent = 100 * neurons / most
        name = f"video correlation, {percent:.3g} % of the neurons ({neurons} here)"
        # One mouse: its movies are what is drawn anew.
        yield mean_row("planning", name, theirs.get(percent, NAN), found["video_correlation"], found["ceiling"], seed)


def needed_neurons(table: pd.DataFrame, wanted: float, seed: int) -> pd.DataFrame:
    """Number of neurons at which a video correlation is reached, between the numbers that were tried.

    The mean over movies is made to rise with the number (more neurons tell no less) and is read off linearly in the
    logarithm of the number. The interval draws movies anew. Beyond the largest number nothing is said.

    Parameters
    ----------
    table
        As `planned_correlations`.
    wanted
        The video correlation.
    seed
        Of the bootstrap.

    Returns
    -------
    DataFrame
        ``ceiling``, ``area``, ``neurons``, ``low``, ``high`` (95 %; infinite where it is not reached), ``largest``
        number that was tried, ``reached``: video correlation there.
    """
    rows = []
    random = np.random.default_rng(seed)
    for (ceiling, area), part in table.groupby(["ceiling", "area"]):
        curves = part.pivot(index="neurons", columns="movie", values="video_correlation").sort_index()
        numbers, values = curves.index.to_numpy(dtype=float), curves.to_numpy()
        drawn = random.integers(values.shape[1], size=(DRAWS, values.shape[1]))
        samples = [_number_at(numbers, values[:, movies].mean(axis=1), wanted) for movies in drawn]
        # Infinite samples are ordered last; between values no mean is taken, which would be undefined for them.
        low, high = np.quantile(samples, (0.025, 0.975), method="inverted_cdf")
        found = _number_at(numbers, values.mean(axis=1), wanted)
        rows.append((ceiling, area, found, low, high, int(numbers[-1]), values[-1].mean()))
    return pd.DataFrame(rows, columns=["ceiling", "area", "neurons", "low", "high", "largest", "reached"])


def _number_at(numbers: NDArray[np.floating], correlation: NDArray[np.floating], wanted: float) -> float:
    rising = np.maximum.accumulate(correlation)
    if rising[-1] < wanted:
        return float("inf")
    if rising[0] >= wanted:
        return float(numbers[0])
    above = int(np.argmax(rising >= wanted))
    share = (wanted - rising[above - 1]) / (rising[above] - rising[above - 1])
    low, high = np.log(numbers[above - 1 : above + 1])
    return float(np.exp(low + share * (high - low)))
