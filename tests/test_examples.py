"""The examples of docstrings run, and give what they say."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import movrecon_core as mr
from movrecon_core import analysis, figures

MODULES = [
    f"{package.__name__}.{module.name}"
    for package in (analysis, figures)
    for module in pkgutil.iter_modules(package.__path__)
]
WITH_EXAMPLES = {
    "movrecon_core.analysis": {"aliasing", "comparisons", "metrics", "statistics"},
    "movrecon_core.figures": {"comparisons", "images", "levels", "published", "rows"},
}


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.failed == 0
    package, _, module = name.rpartition(".")
    assert found.attempted or module not in WITH_EXAMPLES[package]


@pytest.mark.parametrize("name", mr.__all__)
def test_the_example_of_every_public_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    known = {"mr": mr, "np": np, "Path": Path, name: getattr(mr, name)}
    text = inspect.getdoc(getattr(mr, name)) or ""
    test = doctest.DocTestParser().get_doctest(text, known, name, None, 0)
    assert test.examples
    found = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
    assert found.failed == 0


def test_public_names_are_documented_and_known_to_type_checkers() -> None:
    stub = ast.parse(Path(mr.__file__).with_suffix(".pyi").read_text())
    told = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert told == set(mr.__all__) == set(dir(mr)) & told
    page = (mr.example_folder().parent / "jupyter-book" / "api.md").read_text()
    assert set(re.findall(r"auto(?:function|class):: movrecon_core\.(\w+)", page)) >= set(mr.__all__)
    assert Path(mr.__file__).with_name("py.typed").is_file()
    with pytest.raises(AttributeError, match="no attribute 'reconstrukt'"):
        _ = mr.reconstrukt
