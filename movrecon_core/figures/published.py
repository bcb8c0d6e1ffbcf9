"""The article's numbers, to stand beside a run's own; never a target."""

from importlib.resources import files
from typing import Any

import pandas as pd
import yaml


def published_values() -> dict[str, Any]:
    """Everything in `published_values.yaml`: numbers of the article and of its notebooks' printed output."""
    text = (files("movrecon_core.figures") / "published_values.yaml").read_text(encoding="utf-8")
    values: dict[str, Any] = yaml.safe_load(text)
    return values


def published(path: str) -> Any:
    """One published value.

    Parameters
    ----------
    path
        Keys joined by dots: ``figure_2.video_correlation.mean``.

    Raises
    ------
    KeyError
        If there is no such value.

    Examples
    --------
    >>> published("figure_2.video_correlation.mean")
    0.569
    """
    value: Any = published_values()
    for key in path.split("."):
        value = value[key]
    return value


def published_grid(path: str, rows: str, columns: str) -> pd.Series:
    """A published table as a series, with the values of its rows and columns as index.

    Parameters
    ----------
    path
        Keys of the table, joined by dots.
    rows, columns
        Keys of what its rows and columns stand for.
    """
    index = pd.MultiIndex.from_product([published(rows), published(columns)])
    return pd.Series([value for row in published(path) for value in row], index=index, dtype=float)
