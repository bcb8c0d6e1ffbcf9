"""The optimisation: loss and video correlation over its iterations (Fig. 1)."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from movrecon_core.analysis import repeated_measures_anova
from movrecon_core.encoders.checkpoints import load_checkpoint
from movrecon_core.encoders.shapes import layer_shapes
from movrecon_core.figures.published import published
from movrecon_core.figures.rows import NAN, Row, estimate, mean_row
from movrecon_core.storage.store import unit_attributes
from movrecon_core.study.conditions import RECORDED
from movrecon_core.study.study import Study

WHOLE = "whole movies"
MEASURES = {"C": "loss", "D": "video_correlation"}
"""Panel → what it shows over iterations."""


def schematic_panels(study: Study) -> dict[str, pd.DataFrame]:
    """What the schematics draw, from the first instance and the settings of the run.

    Returns
    -------
    dict
        ``A`` layers of the encoder: ``layer``, ``channels``, ``frames``, ``pixels`` of a frame, ``shape`` in words;
        ``B`` steps of the reconstruction: ``step``, ``detail``.
    """
    mouse, trial = next(study.movies())
    config, frames = study.profile.reconstruction, len(study.movie(mouse, trial))
    layers = []
    for layer, shape in layer_shapes(load_checkpoint(study.checkpoint(0)), mouse, config.window_frames or frames):
        time, pixels = (shape[1] if len(shape) > 1 else 1), int(np.prod(shape[2:], dtype=int))
        layers.append((layer, shape[0], time, pixels, " × ".join(map(str, shape))))
    started, loss = f"{config.initial_grey:g}", "Poisson, with the\nrecorded responses"
    if config.decoder is not None:
        started, loss = f"{config.decoder} regression's", "of the responses' roots,\nand the pull to the start"
    window = "the whole movie at once" if config.window_frames is None else f"windows of {config.window_frames} frames"
    neurons, instances = study.recordings[mouse].neurons, study.profile.instances
    steps = [
        ("movie", f"{frames} × 64 × 64 pixels\nstarts at {started}"),
        ("encoder", f"{study.profile.encoder.architecture}\n{window}\nweights do not change"),
        ("prediction", f"{neurons} neurons\n× {frames} frames"),
        ("loss", loss),
        ("gradient", f"of the movie, in the mask\n{config.iterations} iterations\n{instances} instances, averaged"),
    ]
    return {
        "A": pd.DataFrame(layers, columns=["layer", "channels", "frames", "pixels", "shape"]),
        "B": pd.DataFrame(steps, columns=["step", "detail"]),
    }


def optimisation_curves(study: Study) -> pd.DataFrame:
    """Loss and video correlation of every movie and instance over the iterations.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``instance``, ``iteration`` from 1; ``loss`` of the movie with which the iteration
        begins, mean over neurons and frames; ``video_correlation`` of the one with which it ends, NaN while the movie
        is flat.
    """
    tables = []
    for mouse, trial in study.movies():
        for instance, unit in enumerate(study.results.reconstruction_units(mouse, trial, RECORDED)):
            found = study.store.require(unit)
            columns = {"mouse": study.label(mouse), "trial": trial, "instance": instance}
            iteration = np.arange(1, found.sizes["iteration"] + 1)
            curves = {name: found[name].values for name in MEASURES.values()}
            tables.append(pd.DataFrame({**columns, "iteration": iteration, **curves}))
    return pd.concat(tables, ignore_index=True)


def loss_axis(study: Study) -> str:
    """What the curves of the loss show, by the method that lowered it."""
    if study.profile.reconstruction.decoder is None:
        return "Poisson loss\n(mean over neurons and frames)"
    return "negative log likelihood\n(of roots, sum over neurons and frames)"


def whole_losses(study: Study) -> pd.DataFrame:
    """Poisson loss of a grey movie and of each instance's last one, as the scripts log it.

    Of the responses predicted for the whole movie at once, grey outside the evaluation mask, from frame 32 on; the
    curves are of the optimiser's own windows, and of the movie as it is.

    Returns
    -------
    DataFrame
        ``mouse``, ``trial``, ``instance``, ``iteration`` that begins with the movie, ``loss``.
    """
    rows = []
    for mouse, trial in study.movies():
        units = study.results.reconstruction_units(mouse, trial, RECORDED)
        losses = study.results.responses(mouse, trial)["loss"].values
        for instance, (unit, (first, last)) in enumerate(zip(units, losses, strict=True)):
            name, done = (study.label(mouse), trial, instance), study.store.require(unit).sizes["iteration"]
            rows += [(*name, 1, first), (*name, done + 1, last)]
    return pd.DataFrame(rows, columns=["mouse", "trial", "instance", "iteration", "loss"])


def comparable_losses(study: Study, whole: pd.DataFrame) -> pd.DataFrame | None:
    """What `whole_losses` gave, where the curves are of the same loss and begin with the same grey movie; else None."""
    return whole if study.profile.reconstruction.decoder is None else None


def method_panels(curves: pd.DataFrame, instance: int, whole: pd.DataFrame | None = None) -> dict[str, pd.DataFrame]:
    """What the method's figure draws.

    Parameters
    ----------
    curves
        Of `optimisation_curves`.
    instance
        Whose movies are drawn one by one.
    whole
        Of `whole_losses`; None where the method lowers another loss than that (`comparable_losses`).

    Returns
    -------
    dict
        ``C`` loss and ``D`` video correlation: ``curves`` (``movies`` of that instance; ``instances``, each the mean
        over its movies, of which those that are finished stay as they are; ``whole movies``, the mean of what the
        scripts log), ``line`` (its name), ``mouse`` (empty for instances), ``iteration`` and the value.
    """
    movies = curves[curves["instance"] == instance]
    movies = movies.assign(curves="movies", line=movies["mouse"] + ", trial " + movies["trial"].astype(str))
    means = _carried_on(curves).groupby(["instance", "iteration"])[list(MEASURES.values())].mean().reset_index()
    instances = means.assign(curves="instances", line="instance " + means["instance"].astype(str), mouse="")
    parts = [movies, instances]
    if whole is not None:
        logged = whole.groupby(["instance", "iteration"])["loss"].mean().reset_index()
        parts.append(logged.assign(curves=WHOLE, line="instance " + logged["instance"].astype(str), mouse=""))
    both = pd.concat(parts, ignore_index=True)
    columns = ["curves", "line", "mouse", "iteration"]
    return {panel: both[[*columns, measure]].dropna().round({measure: 6}) for panel, measure in MEASURES.items()}


def optimisation_summary(curves: pd.DataFrame, seed: int) -> pd.DataFrame:
    """How loss and video correlation move together, each movie's instances averaged.

    Parameters
    ----------
    curves
        Of `optimisation_curves`.
    seed
        Of the bootstrap over mice and then their movies.

    Returns
    -------
    DataFrame
        ``quantity``, and what `Estimate` holds.
    """
    runs = pd.DataFrame(
        [(mouse, trial, *_run(run)) for (mouse, trial, _), run in curves.groupby(["mouse", "trial", "instance"])],
        columns=["mouse", "trial", *_QUANTITIES],
    )
    movies = runs.groupby(["mouse", "trial"], sort=False)[list(_QUANTITIES)].mean().reset_index()
    known = {quantity: movies.dropna(subset=[quantity]) for quantity in _QUANTITIES}
    return pd.DataFrame(
        [
            {"quantity": quantity, **asdict(estimate(rows[quantity], rows["mouse"], seed))}
            for quantity, rows in known.items()
            if len(rows)
        ]
    )


def instance_summary(curves: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Video correlation at a movie's last iteration, each instance by itself.

    Returns
    -------
    DataFrame
        ``instance``, what `Estimate` holds, and ``p``, the same in every row, of a repeated-measures ANOVA over
        instances with Greenhouse–Geisser correction (null: the instances are alike), NaN where it is ``left_out``.
    """
    last = _last(curves)
    found = pd.DataFrame(
        [
            {"instance": instance, **asdict(estimate(movies["video_correlation"], movies["mouse"], seed))}
            for instance, movies in last.groupby("instance")
        ]
    )
    table = last.pivot_table(index="mouse", columns="instance", values="video_correlation")
    enough = min(table.shape) > 1
    p = repeated_measures_anova(table).p_greenhouse_geisser if enough else np.nan
    return found.assign(p=p, left_out="" if enough else "ANOVA: it needs two mice and two instances")


def reconstruction_minutes(study: Study) -> list[float]:
    """Time that finding one movie with one instance took, of each, as far as it is noted beside the results."""
    units = [
        unit for mouse, trial in study.movies() for unit in study.results.reconstruction_units(mouse, trial, RECORDED)
    ]
    found = [unit_attributes(study.store, unit) for unit in units]
    return [attributes["seconds"] / 60 for attributes in found if "seconds" in attributes]


def rows(curves: pd.DataFrame, whole: pd.DataFrame, minutes: Sequence[float], seed: int) -> Iterator[Row]:
    """What a single instance finds, and what that takes.

    Parameters
    ----------
    curves
        Of `optimisation_curves`.
    whole
        Of `whole_losses`.
    minutes
        Of `reconstruction_minutes`.
    seed
        Of the bootstrap.
    """
    iterations = int(curves["iteration"].max())
    movies = _last(curves).groupby(["mouse", "trial"], sort=False)["video_correlation"].mean().reset_index()
    gain = 1 + published("figure_3.gain_percent.instances_1_to_7") / 100
    theirs, note = published("figure_2.video_correlation.mean") / gain, "article: from the ensemble's and its gain"
    if len(movies):
        values = movies["video_correlation"]
        name = "video correlation, one instance, not smoothed"
        yield mean_row("1", name, theirs, values, movies["mouse"], seed, note=note)
    ends = whole.groupby(["mouse", "trial", "instance"], sort=False)["loss"].agg(["first", "last"])
    fallen = (ends["last"] - ends["first"]).groupby(["mouse", "trial"], sort=False).mean().reset_index(name="loss")
    name = "loss of whole movies, grey outside the mask: found movie less grey"
    yield mean_row("1", name, NAN, fallen["loss"], fallen["mouse"], seed, kind="statistic", note="the scripts' reading")
    yield Row("1", "iterations", "count", published("reconstruction.iterations"), iterations)
    theirs = published("cost.minutes_per_10s_movie_per_instance_1000_epochs")
    mean = float(np.mean(minutes)) if minutes else NAN
    note = "article: DwiseNeuro, RTX 4070; n: movies and instances"
    yield Row("1", "minutes a movie and instance", "minutes", theirs, mean, n=len(minutes), note=note)


def _carried_on(curves: pd.DataFrame) -> pd.DataFrame:
    """Every movie and instance at every iteration: as at its last one after that."""
    run = ["mouse", "trial", "instance"]
    there = curves.set_index([*run, "iteration"])[list(MEASURES.values())].unstack("iteration")
    carried = [there[measure].ffill(axis=1).stack().rename(measure) for measure in MEASURES.values()]
    return pd.concat(carried, axis=1).reset_index()


def _last(curves: pd.DataFrame) -> pd.DataFrame:
    """The last iteration of each movie and instance, of which some may have been finished before others."""
    last = curves.sort_values("iteration").groupby(["mouse", "trial", "instance"], sort=False).tail(1)
    return last.sort_index().dropna(subset=["video_correlation"])


_QUANTITIES = (
    "loss, last minus first iteration",
    "video correlation, last iteration",
    "video correlation, best minus last iteration",
    "rank correlation of loss and video correlation over iterations",
)


def _run(run: pd.DataFrame) -> tuple[float, ...]:
    """The quantities of one movie and instance."""
    loss, correlation = run["loss"].to_numpy(), run["video_correlation"].to_numpy()
    # The loss is that of the movie before the iteration, the correlation that of the movie after it.
    after, of_same_movie = loss[1:], correlation[:-1]
    known = np.isfinite(of_same_movie)
    varies = known.sum() > 2 and np.ptp(after[known]) > 0 and np.ptp(of_same_movie[known]) > 0
    together = float(spearmanr(after[known], of_same_movie[known])[0]) if varies else np.nan
    best = correlation[np.isfinite(correlation)].max(initial=-1.0)
    return float(loss[-1] - loss[0]), float(correlation[-1]), float(best - correlation[-1]), together
