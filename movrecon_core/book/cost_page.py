"""The page on what a study costs: the table of a rehearsal, where the book is of one."""

from movrecon_core.errors import StoreError
from movrecon_core.study.run.projection_table import read_projection, table, verdict
from movrecon_core.study.study import Study

NONE = "This book is of no rehearsal; that of one has its table here."


def cost_page(study: Study) -> dict[str, str]:
    """Values of the page: the rehearsal's table, and what runs out first."""
    try:
        projection = read_projection(study.out)
    except StoreError:
        return {"costs": NONE}
    found = table(projection)
    rows = [[name if isinstance(name, str) else f"{name:.3g}" for name in row] for row in found.to_numpy().tolist()]
    lines = [list(found.columns), ["---"] * found.shape[1], *rows]
    data = ", recordings simulated for it" if projection.simulated else ""
    head = f"Profile *{projection.profile}*, {projection.device}{data}."
    limits = (f"- {line}" for line in verdict(projection))
    return {"costs": "\n".join([head, "", *map(_row, lines), "", *limits])}


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
