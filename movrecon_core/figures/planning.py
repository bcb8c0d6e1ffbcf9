"""Planning an experiment: how well movies are found from so many neurons, planes and minutes, and what buys most."""

from collections.abc import Iterator
from dataclasses import asdict

import pandas as pd
import xarray as xr

from movrecon_core.errors import NothingToShowError
from movrecon_core.figures.rows import NAN, Row, estimate, mean_row
from movrecon_core.study.plans import Plan, plans_of
from movrecon_core.study.plans import planned as planned_of
from movrecon_core.study.study import Study

QUANTITIES = {
    "density": "neurons per mm² of a plane",
    "area": "area of a plane (mm²)",
    "planes": "imaging planes",
    "minutes": "minutes of training movies",
    "indicator": "indicator",
}
"""What is planned, with units."""

BASE = "base"
AS_RECORDED = "as recorded"
MOVIE = ["mouse", "trial"]


def planned_correlations(study: Study) -> pd.DataFrame:
    """Video correlation of every movie under every plan that could be made of its mouse's recording.

    Returns
    -------
    DataFrame
        ``changed``: the quantity in which a plan differs from the base, or ``base``; the quantities, as in `Plan`;
        ``neurons``, ``mouse``, ``trial``, ``video_correlation``, ``single_trial_correlation`` of the encoder.

    Raises
    ------
    NothingToShowError
        If the profile plans nothing, as ``paper`` does, or the base asks for more than was recorded of any mouse.
    """
    tables = []
    for mouse, plan, result in _results(study):
        if "left_out" in result.attrs:
            continue
        table = result.to_dataframe().reset_index().rename(columns={"movie": "trial"})
        columns = {**_described(study, plan), "neurons": result.attrs["neurons"], "mouse": study.label(mouse)}
        for place, (name, value) in enumerate(columns.items()):
            table.insert(place, name, value)
        tables.append(table.assign(single_trial_correlation=result.attrs["single_trial_correlation"]))
    found = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["changed"])
    if BASE not in set(found["changed"]):
        reasons = "; ".join(left_out(study)["why"].unique())
        raise NothingToShowError(f"the base of planning asks for more than was recorded: {reasons}; plan for less")
    return found


def left_out(study: Study) -> pd.DataFrame:
    """Plans that ask for more than was recorded of a mouse: ``mouse``, the quantities, ``why``."""
    rows = [
        {"mouse": study.label(mouse), **_described(study, plan), "why": found.attrs["left_out"]}
        for mouse, plan, found in _results(study)
        if "left_out" in found.attrs
    ]
    return pd.DataFrame(rows, columns=["mouse", *QUANTITIES, "why"])


def _results(study: Study) -> Iterator[tuple[int, Plan, xr.Dataset]]:
    if not study.profile.planning.densities:
        raise NothingToShowError(
            f"profile '{study.profile.name}' plans nothing; give it planning: {{densities: [180.0, 360.0]}} and run it "
            "again, or open the results of the profile demo"
        )
    for mouse, plan in planned_of(study):
        yield mouse, plan, study.result("planning", mouse, plan)


def _described(study: Study, plan: Plan) -> dict[str, object]:
    base = plans_of(study.profile.planning)[0]
    return {"changed": plan.changed_from(base) or BASE, **asdict(plan), "indicator": plan.indicator or AS_RECORDED}


def levels(planned: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Movies at every value of a quantity, all else as in the base, in ascending order: the same columns.

    Only movies that have all of them: a mouse that was recorded for too short a time, or has too few neurons, would be
    in some means and not in others.
    """
    there = planned[planned["changed"].isin([BASE, quantity])]
    values = there.groupby(MOVIE)[quantity].transform("nunique")
    there = there[values == there[quantity].nunique()]
    return there if quantity == "indicator" else there.sort_values(quantity, kind="stable")


def gains(planned: pd.DataFrame, seed: int) -> pd.DataFrame:
    """What each plan adds to the video correlation of the base, on the same movies.

    Parameters
    ----------
    planned
        As `planned_correlations`.
    seed
        Of the bootstrap over mice and their movies.

    Returns
    -------
    DataFrame
        ``plan`` in words, ``changed``, ``value``, ``factor`` of the base's value (NaN for an indicator), ``neurons``
        of a mouse, ``gain`` with ``low`` and ``high`` (95 %), ``mice``, ``movies``.
    """
    base, rows = _of_base(planned), []
    for changed in QUANTITIES:
        others = planned[planned["changed"] == changed]
        for value, plan in others.groupby(changed, sort=False):
            found = _difference(plan, base)
            of = estimate(found, found.index.get_level_values("mouse"), seed)
            factor = NAN if changed == "indicator" else value / base[changed].iloc[0]
            interval = {"gain": of.mean, "low": of.low, "high": of.high, "mice": of.mice, "movies": of.n}
            named = {"plan": _in_words(changed, value, factor), "changed": changed, "value": value, "factor": factor}
            rows.append({**named, "neurons": plan["neurons"].iloc[0], **interval})
    columns = ["plan", "changed", "value", "factor", "neurons", "gain", "low", "high", "mice", "movies"]
    return pd.DataFrame(rows, columns=columns)


def _of_base(planned: pd.DataFrame) -> pd.DataFrame:
    return planned[planned["changed"] == BASE]


def _difference(plan: pd.DataFrame, other: pd.DataFrame) -> pd.Series:
    """Of the movies that both have."""
    measure = "video_correlation"
    return (plan.set_index(MOVIE)[measure] - other.set_index(MOVIE)[measure]).dropna()


def _in_words(changed: str, value: object, factor: float) -> str:
    if changed == "indicator":
        return f"{value} instead"
    times = {2.0: "twice", 0.5: "half"}.get(round(factor, 6), f"{factor:.3g} times")
    return f"{times} the {changed}"


def answer(planned: pd.DataFrame, seed: int, simulated: bool) -> str:
    """What of more neurons, planes, minutes or another indicator buys most, in a sentence."""
    found = gains(planned, seed)
    more = found[(found["factor"] > 1) | found["factor"].isna()].sort_values("gain", ascending=False)
    base = _of_base(planned)
    mice = f"{'simulated ' if simulated else ''}mice"
    start = f"In {mice}, from {base['video_correlation'].mean():.3f} with {base['neurons'].iloc[0]} neurons"
    if more.empty:
        return f"{start}, nothing larger was planned."
    best = more.iloc[0]
    by = f"{best['gain']:+.3f} (95 % over mice and their movies {best['low']:+.3f} to {best['high']:+.3f})"
    alike = [row["plan"] for _, row in more.iloc[1:].iterrows() if not _worse(planned, best, row, seed)]
    others = f"; not told apart from it: {', '.join(alike)}" if alike else ""
    if best["low"] > 0:
        return f"{start}, {best['plan']} buys most: {by}{others}."
    return f"{start}, nothing buys more for certain; the largest mean gain is that of {best['plan']}: {by}{others}."


def _worse(planned: pd.DataFrame, best: pd.Series, other: pd.Series, seed: int) -> bool:
    """Whether a plan is worse than the best one for certain."""
    chosen, than = (
        planned[(planned["changed"] == row["changed"]) & (planned[row["changed"]] == row["value"])]
        for row in (best, other)
    )
    found = _difference(chosen, than)
    return estimate(found, found.index.get_level_values("mouse"), seed).low > 0


def rows(planned: pd.DataFrame, seed: int) -> Iterator[Row]:
    """Video correlation under the base, and what every other plan adds to it."""
    base = _of_base(planned)
    name = f"video correlation, base ({base['neurons'].iloc[0]} neurons)"
    yield mean_row("planning", name, NAN, base["video_correlation"], base["mouse"], seed)
    for row in gains(planned, seed).itertuples():
        name = f"video correlation with {row.plan}, less the base's"
        yield Row("planning", name, "mean", ours=row.gain, low=row.low, high=row.high, n=row.movies)


def encoders(planned: pd.DataFrame) -> pd.DataFrame:
    """Single-trial correlation of every plan's encoders on the movies that are reconstructed, mean over mice."""
    columns = [*QUANTITIES, "neurons"]
    return planned.groupby(columns, sort=False)["single_trial_correlation"].mean().reset_index()
