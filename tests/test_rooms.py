"""The house: rooms know those before them alone, files do not go round in circles, a stage or a test is one file."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import movrecon_core
from movrecon_core.study.stages import STAGES

PACKAGE = Path(movrecon_core.__file__).parent
TESTS = Path(__file__).parent

ROOMS = (
    "errors",
    "plain_yaml",
    "process",
    "__init__",
    "progress",
    "storage",
    "recordings",
    "stimuli",
    "simulation",
    "importers",
    "encoders",
    "analysis",
    "decoders",
    "reconstruction",
    "fetch",
    "study",
    "api",
    "figures",
    "plotting",
    "book",
    "viewer",
    "cli",
    "release",
)
"""From the bottom: each may use those before it."""


def modules() -> dict[str, Path]:
    found = {}
    for file in PACKAGE.rglob("*.py"):
        parts = ("movrecon_core", *file.relative_to(PACKAGE).with_suffix("").parts)
        found[".".join(parts).removesuffix(".__init__")] = file
    return found


MODULES = modules()


def imported(module: str) -> set[str]:
    """Modules of the package that one imports, in functions and for types too."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: write imports in full"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & MODULES.keys() or {node.module or ""}
    return found & MODULES.keys() - {module}


def room(module: str) -> str:
    return [*module.split("."), "__init__"][1]


def test_no_arrow_points_up() -> None:
    assert {room(module) for module in MODULES} <= set(ROOMS)
    order = {name: place for place, name in enumerate(ROOMS)}
    up = [(a, b) for a in MODULES for b in imported(a) if order[room(b)] > order[room(a)]]
    assert not up


def test_files_do_not_go_round_in_circles() -> None:
    try:
        TopologicalSorter({module: imported(module) for module in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_a_stage_is_named_in_its_file_and_in_stages_alone() -> None:
    """Everything else goes through `STAGES`; but stages may name those that they build on."""
    stages = PACKAGE / "study" / "stages"
    names = {stage.name: stage for stage in STAGES}
    assert len(names) == len(STAGES) == len(list(stages.glob("*.py"))) - 1
    constants = {name for name, value in vars(movrecon_core.study.stages).items() if value in STAGES}
    assert len(constants) == len(STAGES)
    pattern = re.compile(rf"\b({'|'.join(constants)})\b")
    for module, file in MODULES.items():
        if file.parent != stages:
            code = ast.unparse(ast.parse(file.read_text(encoding="utf-8")))
            used = {name for name in pattern.findall(code) if f"import {name}" in code}
            assert not used, f"{module}: {used}"


def test_no_file_imports_a_test_file() -> None:
    """What several tests need is in `tests/support`, or a fixture."""
    names = {file.stem for file in TESTS.rglob("test_*.py")} | {"conftest"}
    for file in TESTS.rglob("*.py"):
        nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        code = " ".join(ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))
        used = names & {*re.findall(r"\w+", code)}
        assert not used, f"{file}: {used}"
