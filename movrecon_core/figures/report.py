"""Findings and published numbers of a run, counted once and kept beside its results."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from movrecon_core.figures.findings import qualitative_findings
from movrecon_core.figures.measured import Measured
from movrecon_core.figures.published_table import published_table
from movrecon_core.study.files import read_json, write_json
from movrecon_core.study.paths import REPORT_FILE
from movrecon_core.study.study import Study


@dataclass(frozen=True)
class Report:
    """What a run shows of the article.

    Attributes
    ----------
    findings
        As `qualitative_findings` makes them.
    published
        As `published_table` makes it.
    """

    findings: pd.DataFrame
    published: pd.DataFrame


def report(study: Study) -> Report:
    """Count a study's findings, unless that was done for the same results with the same code."""
    content = study.content_fingerprint()
    kept = read_json(study.out / REPORT_FILE)
    if not isinstance(kept, dict) or kept.get("content") != content:
        measured = Measured(study)
        made = {"findings": qualitative_findings(measured), "published": published_table(measured)}
        kept = {"content": content, **{name: _plain(table) for name, table in made.items()}}
        write_json(study.out / REPORT_FILE, kept)
    return Report(_table(kept["findings"]), _table(kept["published"]))


def _plain(table: pd.DataFrame) -> dict[str, list[Any]]:
    """A table as JSON, missing numbers as null."""
    cells = table.astype(object).where(table.notna(), None)
    return {"columns": list(table.columns), "rows": cells.to_numpy().tolist()}


def _table(plain: dict[str, list[Any]]) -> pd.DataFrame:
    table = pd.DataFrame(plain["rows"], columns=plain["columns"])
    texts = [name for name in table if table[name].map(lambda value: isinstance(value, str)).any()]
    return table.astype(dict.fromkeys(table.columns.difference(texts), float))


def correlations(published: pd.DataFrame) -> pd.DataFrame:
    """Rows of the published table that are correlations of this run and of the article."""
    chosen = published["quantity"].str.contains("correlation|responses and those|% of the neurons", regex=True)
    chosen &= ~published["quantity"].str.contains(r"change|(?:^|, )p\b|goes with|p of", regex=True)
    return published[chosen & published["this_run"].notna()].reset_index(drop=True)
