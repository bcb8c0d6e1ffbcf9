"""One file a figure: the numbers of its panels, its statistics, its rows beside the article's."""

from movrecon_core.figures.comparisons import comparison_table
from movrecon_core.figures.findings import figure_findings, qualitative_findings
from movrecon_core.figures.levels import level_statistics
from movrecon_core.figures.published import published
from movrecon_core.figures.rows import Row, beside_published, estimate, readable, rows_table

__all__ = [
    "Row",
    "beside_published",
    "comparison_table",
    "estimate",
    "figure_findings",
    "level_statistics",
    "published",
    "qualitative_findings",
    "readable",
    "rows_table",
]
