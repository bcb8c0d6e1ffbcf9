"""The page of measurements: every committed `benchmarks/*.json` as tables and curves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from movrecon_core import plotting
from movrecon_core.plotting.benchmarks import Curve
from movrecon_core.storage.files import read_json
from movrecon_core.storage.paths import BENCHMARKS


def benchmark_sections(figures: Path, folder: Path = BENCHMARKS) -> str:
    """Markdown of all measurements.

    A file may hold ``title``, ``about``, and ``simulated``, which stamps its figures. Of the other keys, plain values
    are rows of a table; an object of lists, or of objects with ``seconds`` and another list, becomes a figure of
    curves, any other object a table. ``processors`` holds such keys for several kinds of processor, which stand side by
    side.

    Parameters
    ----------
    figures
        Folder of the book's source into which curves are drawn.
    folder
        Of the measurements.
    """
    return "\n\n".join(_section(file, figures) for file in sorted(folder.glob("*.json")))


def _section(file: Path, figures: Path) -> str:
    content = read_json(file)
    if not isinstance(content, dict):
        return ""
    title = content.pop("title", file.stem.replace("_", " ").capitalize())
    parts = [f"## {title}", content.pop("about", "")]
    processors = content.pop("processors", None)
    if isinstance(processors, dict):
        parts += _side_by_side(processors, file.stem, figures)
    plain = {key: value for key, value in content.items() if not isinstance(value, dict)}
    if plain:
        parts.append(_table(["", ""], [[_words(key), _shown(value)] for key, value in plain.items()]))
    for key, value in content.items():
        if isinstance(value, dict) and value:
            curves = _curves(value)
            parts.append(f"**{_words(key)}**")
            drawn = Drawing(f"{file.stem}_{key}", _words(key), bool(content.get("simulated")))
            parts.append(_drawn(drawn, curves, figures) if curves else _nested(value))
    parts.append(f"Measured by `benchmarks/{file.stem}.py`; the numbers are in `benchmarks/{file.name}`.")
    return "\n\n".join(part for part in parts if part)


def _side_by_side(processors: Mapping[str, Mapping[str, Any]], stem: str, figures: Path) -> list[str]:
    """One column a kind of processor; curves are drawn for each."""
    keys = list(dict.fromkeys(key for found in processors.values() for key in found))
    given = {key: [found.get(key) for found in processors.values()] for key in keys}
    head = ["", *processors]
    plain = {key: values for key, values in given.items() if not any(isinstance(value, dict) for value in values)}
    parts = [_table(head, [[_words(key), *map(_shown, values)] for key, values in plain.items()])]
    for key in [key for key in keys if key not in plain]:
        parts.append(f"**{_words(key)}**")
        if not any(_curves(value) for value in given[key] if value):
            tables = [_flat(value or {}) for value in given[key]]
            rows = dict.fromkeys(name for table in tables for name in table)
            parts.append(_table(head, [[name, *(_shown(table.get(name)) for table in tables)] for name in rows]))
            continue
        for number, (kind, found) in enumerate(processors.items()):
            if found.get(key):
                drawn = Drawing(f"{stem}_{key}_{number}", f"{_words(key)}, {kind}", bool(found.get("simulated")))
                parts.append(_drawn(drawn, _curves(found[key]), figures))
    return parts


def _flat(value: Mapping[str, Any]) -> dict[str, Any]:
    """Values of nested objects, under the names that lead to them."""
    found: dict[str, Any] = {}
    for key, one in value.items():
        inner = {f"{_words(key)}, {name}": x for name, x in _flat(one).items()} if isinstance(one, dict) else None
        found |= {_words(key): one} if inner is None else inner
    return found


def _curves(value: Mapping[str, Any]) -> dict[str, Curve]:
    """Lists by name, over their places from 1, or pairs of lists of which one is ``seconds``; else nothing."""
    curves = {}
    for name, found in value.items():
        if isinstance(found, list):
            curves[name] = Curve("iteration", list(range(1, len(found) + 1)), "", found)
        elif isinstance(found, dict) and "seconds" in found and isinstance(found["seconds"], list):
            label = next(key for key in found if key != "seconds")
            curves[name] = Curve("seconds", found["seconds"], _words(label), found[label])
        else:
            return {}
    return curves


class Drawing(NamedTuple):
    """Name of a figure's file, what it shows, and whether that rests on simulated recordings."""

    name: str
    label: str
    simulated: bool


def _drawn(drawing: Drawing, curves: Mapping[str, Curve], figures: Path) -> str:
    figure = plotting.new_figure(5.0, 2.6, drawing.simulated)
    plotting.plot_measured_curves(figure.subplots(), curves, drawing.label)
    figure.savefig(figures / f"{drawing.name}.png", metadata={"Software": None})
    alt = f"{drawing.label[:1].upper()}{drawing.label[1:]}, one curve for each of: {', '.join(map(_words, curves))}."
    return f"```{{image}} figures/{drawing.name}.png\n:alt: {alt}\n```"


def _nested(value: Mapping[str, Any]) -> str:
    """A table with one row an object, or with one row a value."""
    if all(isinstance(row, dict) for row in value.values()):
        columns = list(dict.fromkeys(column for row in value.values() for column in row))
        rows = [[_words(name), *(_shown(row.get(column)) for column in columns)] for name, row in value.items()]
        return _table(["", *map(_words, columns)], rows)
    return _table(["", ""], [[_words(name), _shown(one)] for name, one in value.items()])


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _words(key: str) -> str:
    return key.replace("_", " ")


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{_words(key)} {_shown(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return "–" if value is None else str(value).replace("|", "\\|")
